/* The guard's verdict on any datagram: it reads only what is there, and what it passes keeps every rule. */
#include "shim/udt/filter.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_bounds(const struct filter_rules *rules, const uint8_t *head, const uint8_t *body)
{
    enum packet_type type = packet_type(head);

    if (type == PACKET_HANDSHAKE) {
        require(packet_word(body + HANDSHAKE_MSS) >= FILTER_MSS_MIN);
        require(packet_word(body + HANDSHAKE_MSS) <= rules->mss_max);
        require(packet_word(body + HANDSHAKE_WINDOW) >= FILTER_WINDOW_MIN);
        require(packet_word(body + HANDSHAKE_WINDOW) <= rules->window_max);
        require(!rules->listening || packet_id(head) == 0);
    } else {
        require(packet_id(head) > 0);
    }
    if (type == PACKET_ACK)
        require(packet_word(body + ACK_WINDOW) <= rules->ack_window);
    require(type != PACKET_DROP && type != PACKET_CONGESTION && type != PACKET_PEER_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter_rules rules = {.mss_max = 1400, .window_max = 32, .ack_window = 32, .nak_range = 32};
    uint8_t head[PACKET_HEAD];
    uint8_t *body, *before;
    size_t len;

    if (size < PACKET_HEAD + 1)
        return 0;
    rules.listening = data[0] & 1;
    memcpy(head, data + 1, PACKET_HEAD);
    len = size - PACKET_HEAD - 1;
    body = malloc(len ? len : 1); /* of exactly this size: a byte read too far is seen */
    before = malloc(len ? len : 1);
    memcpy(body, data + 1 + PACKET_HEAD, len);
    if (filter_judge(&rules, head, body, len) == FILTER_PASS) {
        require_bounds(&rules, head, body);
        memcpy(before, body, len);
        require(filter_judge(&rules, head, body, len) == FILTER_PASS);
        require(memcmp(before, body, len) == 0);
    }
    free(before);
    free(body);
    return 0;
}
