/* client/datagram_join.h: datagrams that came in pieces (proto/sealed_datagram.h), put together. Each piece
 * was proven before, so nobody else can mix one in, and a datagram is told by a number that never comes again
 * (RFC 4963 is about those that do). No I/O, no lock, no clock of its own.
 *
 * Those of DATAGRAM_JOIN_KEPT datagrams and of DATAGRAM_JOIN_BYTES are kept at most, and the oldest gives
 * way; none for longer than DATAGRAM_JOIN_MS. */
#ifndef HX_CLIENT_DATAGRAM_JOIN_H
#define HX_CLIENT_DATAGRAM_JOIN_H

#include "proto/sealed_datagram.h"

#define DATAGRAM_JOIN_KEPT  64
#define DATAGRAM_JOIN_BYTES (1024 * 1024)
#define DATAGRAM_JOIN_MS    30000 /* as Linux keeps the fragments of IP */

struct joining {    /* one datagram */
    uint64_t first; /* the number of its first piece */
    uint32_t flow;
    unsigned pieces;
    int64_t begun_ms;
    uint64_t come; /* a bit for each piece */
    uint16_t len[SEALED_PIECES];
    uint8_t *bytes; /* SEALED_MAX for each piece; NULL: the place is free */
};

struct datagram_join { /* zeroed has none */
    struct joining kept[DATAGRAM_JOIN_KEPT];
    size_t bytes;
    uint64_t given_up; /* datagrams of which a piece has not come, or no memory was left */
};

/* A piece of several. Returns whether its datagram is whole now: *len bytes at *out, which is free()'d by the
 * caller. */
bool datagram_join_take(struct datagram_join *j, const struct sealed_datagram *head, const uint8_t *bytes,
                        size_t piece_len, int64_t now_ms, uint8_t **out, size_t *len);
/* Gives up those whose time is over. */
void datagram_join_expire(struct datagram_join *j, int64_t now_ms);
void datagram_join_free(struct datagram_join *j);

#endif
