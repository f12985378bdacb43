#include "shim/udt/filter.h"

#define BIT31 0x80000000u

static void lower(uint8_t *word, uint32_t max)
{
    if (packet_word(word) > max)
        packet_put_word(word, max);
}

static bool request_expected(const struct filter_rules *rules, int32_t request, int32_t id)
{
    if (rules->listening) /* S3: a handshake to a connected id makes UDT send 48 bytes of its heap */
        return id == 0 && (request == HS_REGULAR || request == HS_CONCLUSION);
    return request == HS_REGULAR || request == HS_RENDEZVOUS || request == HS_CONCLUSION ||
           request == HS_AGREEMENT || request == HS_REFUSED;
}

static enum filter_verdict judge_handshake(const struct filter_rules *rules, int32_t id, uint8_t *body,
                                           size_t len)
{
    if (len != HANDSHAKE_SIZE)
        return FILTER_SHORT;
    if (!request_expected(rules, (int32_t)packet_word(body + HANDSHAKE_REQUEST), id))
        return FILTER_HANDSHAKE;
    if (packet_word(body + HANDSHAKE_ID) == 0) /* all others are ids: the draft gives them 32 bits */
        return FILTER_ID;
    if (packet_word(body + HANDSHAKE_ISN) & BIT31)
        return FILTER_SEQUENCE;
    if (packet_word(body + HANDSHAKE_MSS) < FILTER_MSS_MIN)
        return FILTER_MSS;
    lower(body + HANDSHAKE_MSS, rules->mss_max); /* S2: negative ones are large ones here */
    uint32_t window = packet_word(body + HANDSHAKE_WINDOW);
    if (window == 0)
        packet_put_word(body + HANDSHAKE_WINDOW, rules->window_max);
    else if (window < FILTER_WINDOW_MIN)
        packet_put_word(body + HANDSHAKE_WINDOW, FILTER_WINDOW_MIN);
    lower(body + HANDSHAKE_WINDOW, rules->window_max);
    return FILTER_PASS;
}

/* UDT reads 24 bytes where there are more than 16, and nothing beyond them: what some append there (ranges
 * that have come, say) does no harm. Of 20 it would read a word that is not there (S20). The light ACK has 4
 * bytes: a full one follows within 10 ms. */
static bool ack_is_whole(size_t len)
{
    return len == ACK_SIZE_SHORT || (len >= ACK_SIZE_FULL && len % 4 == 0);
}

static enum filter_verdict judge_ack(const struct filter_rules *rules, uint8_t *body, size_t len)
{
    if (!ack_is_whole(len))
        return FILTER_ACK;
    if (packet_word(body + ACK_SEQUENCE) & BIT31)
        return FILTER_SEQUENCE;
    if (packet_word(body + ACK_RTT) > FILTER_RTT_MAX_US ||
        packet_word(body + ACK_RTT_VAR) > FILTER_RTT_MAX_US)
        return FILTER_ACK;
    if (packet_word(body + ACK_WINDOW) & BIT31)
        return FILTER_ACK;
    if (len >= ACK_SIZE_FULL &&
        ((packet_word(body + ACK_RATE) & BIT31) || (packet_word(body + ACK_BANDWIDTH) & BIT31)))
        return FILTER_ACK;
    lower(body + ACK_WINDOW, rules->ack_window);
    return FILTER_PASS;
}

/* Single numbers and ranges, whose first number has bit 31. UDT looks in its loss list for the place of each:
 * in ascending order, as every implementation writes them, a whole report is one walk through that list. */
static enum filter_verdict judge_nak(const struct filter_rules *rules, const uint8_t *body, size_t len)
{
    uint32_t reported = 0, last = 0;

    if (len == 0 || len % 4 != 0)
        return FILTER_NAK;
    size_t words;
    for (size_t at = 0; at < len; at += 4 * words) {
        uint32_t first = packet_word(body + at) & PACKET_SEQUENCE;

        words = packet_word(body + at) & BIT31 ? 2 : 1;
        if (at + 4 * words > len)
            return FILTER_SEQUENCE; /* a range without its end, for which UDT would read on */
        if (at > 0 && packet_distance(first, last) <= 0)
            return FILTER_NAK;
        last = words == 2 ? packet_word(body + at + 4) : first;
        if (last & BIT31)
            return FILTER_SEQUENCE;
        if (((last - first) & PACKET_SEQUENCE) >= rules->nak_range - reported)
            return FILTER_NAK;
        reported += ((last - first) & PACKET_SEQUENCE) + 1;
    }
    return FILTER_PASS;
}

static enum filter_verdict judge_bare(size_t len)
{
    return len == 0 || len == 4 ? FILTER_PASS : FILTER_SHORT; /* UDT 4.11 pads an empty body with one word */
}

enum filter_verdict filter_judge(const struct filter_rules *rules, const uint8_t *head, uint8_t *body,
                                 size_t body_len)
{
    int32_t id = packet_id(head);
    enum packet_type type = packet_type(head);

    if (id < 0 || (id == 0 && type != PACKET_HANDSHAKE))
        return FILTER_ID;
    switch (type) {
    case PACKET_DATA:
        return body_len > 0 ? FILTER_PASS : FILTER_EMPTY;
    case PACKET_HANDSHAKE:
        return judge_handshake(rules, id, body, body_len);
    case PACKET_ACK:
        return judge_ack(rules, body, body_len);
    case PACKET_NAK:
        return judge_nak(rules, body, body_len);
    case PACKET_KEEPALIVE:
    case PACKET_SHUTDOWN:
    case PACKET_ACK2:
        return judge_bare(body_len);
    case PACKET_CUSTOM:
        return (packet_word(head) & 0xFFFF) == FILTER_CUSTOM_HX ? FILTER_PASS : FILTER_TYPE;
    default:
        return FILTER_TYPE;
    }
}

const char *filter_verdict_name(enum filter_verdict v)
{
    static const char *const names[] = {
        [FILTER_PASS] = "pass",         [FILTER_SHORT] = "length",      [FILTER_ID] = "id",
        [FILTER_TYPE] = "type",         [FILTER_HANDSHAKE] = "request", [FILTER_MSS] = "mss",
        [FILTER_SEQUENCE] = "sequence", [FILTER_ACK] = "ack",           [FILTER_NAK] = "nak",
        [FILTER_EMPTY] = "empty",
    };
    return (unsigned)v < sizeof names / sizeof names[0] ? names[v] : "unknown";
}
