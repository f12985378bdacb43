#include "shim/udt/filter.h"

#define SEQUENCE_MASK 0x7FFFFFFFu
#define BIT31         0x80000000u

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
    int32_t mss, window;

    if (len != HANDSHAKE_SIZE)
        return FILTER_SHORT;
    if (!request_expected(rules, (int32_t)packet_word(body + HANDSHAKE_REQUEST), id))
        return FILTER_HANDSHAKE;
    if ((int32_t)packet_word(body + HANDSHAKE_ID) <= 0)
        return FILTER_ID;
    if (packet_word(body + HANDSHAKE_ISN) & BIT31)
        return FILTER_SEQUENCE;
    mss = (int32_t)packet_word(body + HANDSHAKE_MSS);
    if (mss < FILTER_MSS_MIN || mss > FILTER_MSS_MAX)
        return FILTER_MSS;
    lower(body + HANDSHAKE_MSS, rules->mss_max);
    window = (int32_t)packet_word(body + HANDSHAKE_WINDOW);
    if (window < FILTER_WINDOW_MIN)
        return FILTER_WINDOW;
    lower(body + HANDSHAKE_WINDOW, rules->window_max);
    return FILTER_PASS;
}

static enum filter_verdict judge_ack(const struct filter_rules *rules, uint8_t *body, size_t len)
{
    if (len != ACK_SIZE_SHORT && len != ACK_SIZE_FULL)
        return FILTER_ACK; /* the light ACK has 4 bytes: a full one follows within 10 ms */
    if (packet_word(body + ACK_SEQUENCE) & BIT31)
        return FILTER_SEQUENCE;
    if (packet_word(body + ACK_RTT) > FILTER_RTT_MAX_US ||
        packet_word(body + ACK_RTT_VAR) > FILTER_RTT_MAX_US)
        return FILTER_ACK;
    if (packet_word(body + ACK_WINDOW) & BIT31)
        return FILTER_ACK;
    if (len == ACK_SIZE_FULL &&
        ((packet_word(body + ACK_RATE) & BIT31) || (packet_word(body + ACK_BANDWIDTH) & BIT31)))
        return FILTER_ACK;
    lower(body + ACK_WINDOW, rules->ack_window);
    return FILTER_PASS;
}

static enum filter_verdict judge_nak(const struct filter_rules *rules, const uint8_t *body, size_t len)
{
    uint32_t first, last;

    if (len == 4)
        return packet_word(body) & BIT31 ? FILTER_SEQUENCE : FILTER_PASS;
    if (len != 8)
        return FILTER_NAK;
    first = packet_word(body);
    last = packet_word(body + 4);
    if (last & BIT31)
        return FILTER_SEQUENCE;
    if (!(first & BIT31))
        return FILTER_PASS; /* two single losses */
    return ((last - first) & SEQUENCE_MASK) < rules->nak_range ? FILTER_PASS : FILTER_NAK;
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
        [FILTER_PASS] = "pass",     [FILTER_SHORT] = "length",      [FILTER_ID] = "id",
        [FILTER_TYPE] = "type",     [FILTER_HANDSHAKE] = "request", [FILTER_MSS] = "mss",
        [FILTER_WINDOW] = "window", [FILTER_SEQUENCE] = "sequence", [FILTER_ACK] = "ack",
        [FILTER_NAK] = "nak",       [FILTER_EMPTY] = "empty",
    };
    return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}
