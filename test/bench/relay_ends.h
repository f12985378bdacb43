/* test/bench/relay_ends.h: two sockets with a relay between them: what is sent by one with `head` before it
 * comes to the other one, as it is or without that head. */
#ifndef HX_BENCH_RELAY_ENDS_H
#define HX_BENCH_RELAY_ENDS_H

#include "proto/relay_frame.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay_ends {
    int from, to;
    uint8_t head[RELAY_HEAD_BYTES];
    size_t head_len;
    size_t arrives_len; /* so much of the head comes with a datagram */
};

/* Introduces `count` pairs at the hx-nameserver at 127.0.0.1:port, with sessions if `relayed`, each of which
 * is opened from both sides. *ends: of the last one, if it is not NULL. */
void relay_ends_of_hx(struct relay_ends *ends, uint16_t port, unsigned count, bool relayed);
/* An allocation of the TURN server at `host`, with a channel to the other socket (RFC 8656), for datagrams of
 * `bytes`. */
void relay_ends_of_turn(struct relay_ends *ends, const char *host, uint16_t port, size_t bytes);

#endif
