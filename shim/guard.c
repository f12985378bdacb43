#include "shim/guard.h"

#define SEQUENCE_MASK 0x7FFFFFFFu
#define BIT31         0x80000000u

static void lower(uint8_t *word, uint32_t max)
{
    if (packet_word(word) > max)
        packet_put_word(word, max);
}

static bool request_expected(const struct guard_rules *rules, int32_t request, int32_t id)
{
    if (rules->listening) /* S3: a handshake to a connected id makes UDT send 48 bytes of its heap */
        return id == 0 && (request == HS_REGULAR || request == HS_CONCLUSION);
    return request == HS_REGULAR || request == HS_RENDEZVOUS || request == HS_CONCLUSION ||
           request == HS_AGREEMENT || request == HS_REFUSED;
}

static enum guard_verdict judge_handshake(const struct guard_rules *rules, int32_t id, uint8_t *body,
                                          size_t len)
{
    int32_t mss, window;

    if (len != HANDSHAKE_SIZE)
        return GUARD_SHORT;
    if (!request_expected(rules, (int32_t)packet_word(body + HANDSHAKE_REQUEST), id))
        return GUARD_HANDSHAKE;
    if ((int32_t)packet_word(body + HANDSHAKE_ID) <= 0)
        return GUARD_ID;
    if (packet_word(body + HANDSHAKE_ISN) & BIT31)
        return GUARD_SEQUENCE;
    mss = (int32_t)packet_word(body + HANDSHAKE_MSS);
    if (mss < GUARD_MSS_MIN || mss > GUARD_MSS_MAX)
        return GUARD_MSS;
    lower(body + HANDSHAKE_MSS, rules->mss_max);
    window = (int32_t)packet_word(body + HANDSHAKE_WINDOW);
    if (window < GUARD_WINDOW_MIN)
        return GUARD_WINDOW;
    lower(body + HANDSHAKE_WINDOW, rules->window_max);
    return GUARD_PASS;
}

static enum guard_verdict judge_ack(const struct guard_rules *rules, uint8_t *body, size_t len)
{
    if (len != ACK_SIZE_SHORT && len != ACK_SIZE_FULL)
        return GUARD_ACK; /* the light ACK has 4 bytes: a full one follows within 10 ms */
    if (packet_word(body + ACK_SEQUENCE) & BIT31)
        return GUARD_SEQUENCE;
    if (packet_word(body + ACK_RTT) > GUARD_RTT_MAX_US || packet_word(body + ACK_RTT_VAR) > GUARD_RTT_MAX_US)
        return GUARD_ACK;
    if (packet_word(body + ACK_WINDOW) & BIT31)
        return GUARD_ACK;
    if (len == ACK_SIZE_FULL &&
        ((packet_word(body + ACK_RATE) & BIT31) || (packet_word(body + ACK_BANDWIDTH) & BIT31)))
        return GUARD_ACK;
    lower(body + ACK_WINDOW, rules->ack_window);
    return GUARD_PASS;
}

static enum guard_verdict judge_nak(const struct guard_rules *rules, const uint8_t *body, size_t len)
{
    uint32_t first, last;

    if (len == 4)
        return packet_word(body) & BIT31 ? GUARD_SEQUENCE : GUARD_PASS;
    if (len != 8)
        return GUARD_NAK;
    first = packet_word(body);
    last = packet_word(body + 4);
    if (last & BIT31)
        return GUARD_SEQUENCE;
    if (!(first & BIT31))
        return GUARD_PASS; /* two single losses */
    return ((last - first) & SEQUENCE_MASK) < rules->nak_range ? GUARD_PASS : GUARD_NAK;
}

static enum guard_verdict judge_bare(size_t len)
{
    return len == 0 || len == 4 ? GUARD_PASS : GUARD_SHORT; /* UDT 4.11 pads an empty body with one word */
}

enum guard_verdict guard_judge(const struct guard_rules *rules, const uint8_t *head, uint8_t *body,
                               size_t body_len)
{
    int32_t id = packet_id(head);
    enum packet_type type = packet_type(head);

    if (id < 0 || (id == 0 && type != PACKET_HANDSHAKE))
        return GUARD_ID;
    switch (type) {
    case PACKET_DATA:
        return body_len > 0 ? GUARD_PASS : GUARD_EMPTY;
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
        return (packet_word(head) & 0xFFFF) == GUARD_CUSTOM_HX ? GUARD_PASS : GUARD_TYPE;
    default:
        return GUARD_TYPE;
    }
}

const char *guard_verdict_name(enum guard_verdict v)
{
    static const char *const names[] = {
        [GUARD_PASS] = "pass",     [GUARD_SHORT] = "length",      [GUARD_ID] = "id",
        [GUARD_TYPE] = "type",     [GUARD_HANDSHAKE] = "request", [GUARD_MSS] = "mss",
        [GUARD_WINDOW] = "window", [GUARD_SEQUENCE] = "sequence", [GUARD_ACK] = "ack",
        [GUARD_NAK] = "nak",       [GUARD_EMPTY] = "empty",
    };
    return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}
