/* proto/sealed_datagram.h: a datagram of an application that travels beside UDT, between two who have proven
 * their keys. Bytes <-> struct; no I/O, no keys.
 *
 *   0   magic        E8 68 78 44, "hxD": as a UDT packet it would be control of a type that UDT has not
 *   4   tag (8)      of one direction of one connection: it follows from its secret, and says whose it is
 *   12  flow (4)     which of that connection's; big-endian, as all here
 *   16  number (8)   from 1, each once: the nonce
 *   24  piece (1)    what is too long for one packet leaves in pieces, whose numbers follow each other, ...
 *   25  pieces (1)   ... and this is how many they are; of most datagrams 1
 *   26  sealed       the piece, and SEALED_CODE bytes that prove it and the above (secure/seal.h) */
#ifndef HX_PROTO_SEALED_DATAGRAM_H
#define HX_PROTO_SEALED_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_MAGIC     0xE8687844u
#define SEALED_TAG_BYTES 8
#define SEALED_HEAD      26
#define SEALED_CODE      16
#define SEALED_BYTES     1500 /* what shim/net cuts into pieces, and no more */
#define SEALED_MAX       (SEALED_BYTES - SEALED_HEAD - SEALED_CODE) /* bytes of a piece */
#define SEALED_PIECES    64

struct sealed_datagram {
    uint8_t tag[SEALED_TAG_BYTES];
    uint32_t flow;
    uint64_t number;
    unsigned piece, pieces; /* below `pieces`; 1 to SEALED_PIECES */
};

/* Of the first 16 bytes at least, and how many there are in all. */
bool sealed_datagram_is(const uint8_t *bytes, size_t len);
void sealed_datagram_write(const struct sealed_datagram *d, uint8_t head[SEALED_HEAD]);
/* False: it is none, or too long, or its pieces cannot be counted so. What is sealed are the bytes behind
 * SEALED_HEAD. */
bool sealed_datagram_read(struct sealed_datagram *d, const uint8_t *bytes, size_t len);

#endif
