/* shim/net/fragments.h: a datagram that is longer than its path carries leaves in pieces, and is put
 * together at the other end: what UDT has cut keeps its length, also when the path has shrunk meanwhile.
 * Between programs of ours alone. No I/O, no clock of its own.
 *
 *   0   magic      E8 68 78 46, "hxF": as a UDT packet it would be control of a type that UDT has not
 *   4   tag (8)    of the peer whose datagram it is: who has not seen its probes does not know it
 *   12  number     bit 31: the last piece; bits 30, 29: which piece; 28 to 0: of which datagram; big-endian
 *   16  bytes      of the datagram
 *
 * Pieces are kept for FRAGMENTS_MS at most, those of FRAGMENTS_KEPT datagrams at most, and the oldest give
 * way. */
#ifndef HX_SHIM_NET_FRAGMENTS_H
#define HX_SHIM_NET_FRAGMENTS_H

#include "shim/net/net_address.h"
#include <stddef.h>

#define FRAGMENT_MAGIC 0xE8687846u

#define FRAGMENT_HEAD      16
#define FRAGMENT_TAG_BYTES 8
#define FRAGMENTS_EACH     4 /* pieces of one datagram */
#define FRAGMENTS_BYTES    1500
#define FRAGMENTS_KEPT     16
#define FRAGMENTS_MS       2000
#define FRAGMENT_NUMBERS   (1u << 29)

struct fragment {
    uint8_t tag[FRAGMENT_TAG_BYTES];
    uint32_t number; /* below FRAGMENT_NUMBERS */
    unsigned piece;  /* below FRAGMENTS_EACH */
    bool last;
};

/* Into how many pieces a datagram of `len` bytes is cut, so that each, with its head, has at most `most`
 * bytes; 0: it cannot be. Their length without the head, but for the last one's, is *each. */
unsigned fragment_count(size_t len, size_t most, size_t *each);
void fragment_write(const struct fragment *f, uint8_t head[FRAGMENT_HEAD]);
/* False: it is no piece of anything. */
bool fragment_read(struct fragment *f, const uint8_t *bytes, size_t len);

struct fragments;

/* NULL: there is no memory. free() ends it. */
struct fragments *fragments_create(void);
/* A piece has come from `from`: fragment_read() has taken it, `bytes` are those behind its head. The length
 * of the datagram that is whole now, which stands in `out`; 0: none is. */
size_t fragments_take(struct fragments *all, const struct net_address *from, const struct fragment *f,
                      const uint8_t *bytes, size_t len, int64_t now_ms, uint8_t out[FRAGMENTS_BYTES]);

#endif
