/* The filter's verdict on any datagram: it reads only what is there, and what it passes keeps every rule. */
#include "shim/udt/filter.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* What UDT reads of a loss report: ranges that have their end, in order, no more packets than
 * the rules allow. */
static void require_losses(const struct filter_rules *rules, const uint8_t *body, size_t len)
{
    uint32_t total = 0;
    int64_t before = -1;

    require(len > 0 && len % 4 == 0);
    for (size_t at = 0; at < len; at += 4) {
        uint32_t first = packet_word(body + at) & 0x7FFFFFFF, last = first;

        if (packet_word(body + at) & 0x80000000) {
            at += 4;
            require(at < len && !(packet_word(body + at) & 0x80000000));
            last = packet_word(body + at);
        }
        require(before < 0 || packet_distance(first, (uint32_t)before) > 0);
        before = last;
        require(packet_distance(last, first) >= 0);
        total += (uint32_t)packet_distance(last, first) + 1;
        require(total <= rules->nak_range);
    }
}

static void require_bounds(const struct filter_rules *rules, const uint8_t *head, const uint8_t *body,
                           size_t len)
{
    enum packet_type type = packet_type(head);

    if (type == PACKET_HANDSHAKE) {
        require(packet_word(body + HANDSHAKE_MSS) >= FILTER_MSS_MIN);
        require(packet_word(body + HANDSHAKE_MSS) <= rules->mss_max);
        require(packet_word(body + HANDSHAKE_WINDOW) >= FILTER_WINDOW_MIN);
        require(packet_word(body + HANDSHAKE_WINDOW) <= rules->window_max);
        require(packet_word(body + HANDSHAKE_ID) != 0);
        require(!rules->listening || packet_id(head) == 0);
    } else {
        require(packet_id(head) > 0);
    }
    if (type == PACKET_ACK) {
        require(len == ACK_SIZE_SHORT || len >= ACK_SIZE_FULL);
        require(packet_word(body + ACK_WINDOW) <= rules->ack_window);
    }
    if (type == PACKET_NAK)
        require_losses(rules, body, len);
    require(type != PACKET_DROP && type != PACKET_CONGESTION && type != PACKET_PEER_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter_rules rules = {.mss_max = 1400, .window_max = 32, .ack_window = 32, .nak_range = 32};
    uint8_t head[PACKET_HEAD];

    if (size < PACKET_HEAD + 1)
        return 0;
    rules.listening = data[0] & 1;
    memcpy(head, data + 1, PACKET_HEAD);
    size_t len = size - PACKET_HEAD - 1;
    uint8_t *body = malloc(len ? len : 1); /* of exactly this size: a byte read too far is seen */
    uint8_t *before = malloc(len ? len : 1);
    memcpy(body, data + 1 + PACKET_HEAD, len);
    if (filter_judge(&rules, head, body, len) == FILTER_PASS) {
        require_bounds(&rules, head, body, len);
        memcpy(before, body, len);
        require(filter_judge(&rules, head, body, len) == FILTER_PASS);
        require(memcmp(before, body, len) == 0);
    }
    free(before);
    free(body);
    return 0;
}
