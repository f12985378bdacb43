/* proto/capsule.h: UDP in a byte stream: DATAGRAM capsules (RFC 9297, 3.5) with context 0 (RFC 9298, 5),
 * reader and writer. No I/O.
 *
 *   type (varint) 0   length (varint)   context (varint) 0   the datagram
 *
 * Whatever has another type or context is skipped (RFC 9297, 3.2; RFC 9298, 4), and so is a datagram above
 * CAPSULE_DATAGRAM_MAX: as in a network, it is lost. */
#ifndef HX_PROTO_CAPSULE_H
#define HX_PROTO_CAPSULE_H

#include "proto/varint.h"
#include <stdbool.h>

struct buf;

#define CAPSULE_DATAGRAM_MAX 1500  /* bytes: an Ethernet's packet */
#define CAPSULE_MAX          65536 /* bytes behind the length; nobody who means well sends longer ones */
#define CAPSULE_HEAD_MAX     10    /* bytes before a datagram that capsule_write() writes */

/* Appends one datagram of at most CAPSULE_DATAGRAM_MAX bytes. Errors of buf_append(), all or nothing. */
int capsule_write(struct buf *out, const void *bytes, size_t len);

struct capsule_reader { /* private but for the callback */
    int state;
    uint8_t number[VARINT_BYTES_MAX]; /* the varint that comes, */
    size_t number_len;                /* as far as it has come */
    uint64_t type;
    size_t left; /* bytes of the capsule that are to come */
    uint8_t datagram[CAPSULE_DATAGRAM_MAX];
    size_t datagram_len;
    void (*on_datagram)(void *user, const uint8_t *bytes, size_t len);
    void *user;
};

/* `on_datagram` gets each one whole; its bytes are valid during the call. */
void capsule_reader_init(struct capsule_reader *r,
                         void (*on_datagram)(void *user, const uint8_t *bytes, size_t len), void *user);
/* HX_OK: all is taken. HX_ETOOBIG: a capsule above CAPSULE_MAX; HX_EPROTO: a DATAGRAM that ends within its
 * context. After either, `r` stays failed. */
int capsule_reader_feed(struct capsule_reader *r, const void *bytes, size_t len);
/* No capsule is cut. */
bool capsule_reader_between(const struct capsule_reader *r);

#endif
