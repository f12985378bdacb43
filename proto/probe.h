/* proto/probe.h: the small datagrams by which two programs of ours find out which of the paths between them
 * works. Bytes <-> struct; no I/O, no keys.
 *
 *   0   magic                 E8 68 78 50: as a UDT packet it would be control of a type that UDT has not
 *   4   kind                  1 request, 2 answer
 *   5   flags                 PROBE_*
 *   6   port                  answer: the request's source port; big-endian, as all here
 *   8   tag (8)               which session; who has its key knows it
 *   16  number (8)            request: counts up with each one; answer: the request's
 *   24  address (16)          answer: the request's source address, IPv4 as mapped (RFC 4291, 2.5.5.2)
 *   40  zero (6)
 *   46  length (2)            of the early bytes, at most PROBE_EARLY_MAX
 *   48  early bytes           what the sender's stream says first: the peer need not wait until there is one
 *       padding               a longer one measures what the path carries
 *   -16 code                  of all that stands before it (secure/mac.h), with the key of this direction
 *
 * Whoever answers sends PROBE_BYTES, and early bytes at most if the request had as many: nothing is
 * amplified. Who does not know of early bytes takes them for padding. */
#ifndef HX_PROTO_PROBE_H
#define HX_PROTO_PROBE_H

#include "proto/endpoint.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_BYTES      64
#define PROBE_BYTES_MAX  1500 /* padded */
#define PROBE_CODE_BYTES 16
#define PROBE_EARLY_MAX  512
#define PROBE_TAG_BYTES  8
#define PROBE_MAGIC      0xE8687850u
#define PROBE_TAG_AT     8 /* where it stands */

enum probe_kind { PROBE_REQUEST = 1, PROBE_ANSWER = 2 };

#define PROBE_CALLER 0x01 /* of the side that has asked for the other one's name */
#define PROBE_PROVEN 0x02 /* the key is that of the two alone, no more the nameserver's */
#define PROBE_MOVED  0x04 /* request: the sender's other paths do not work any more, as far as it knows */

struct probe {
    enum probe_kind kind;
    uint8_t flags; /* unknown ones are ignored */
    uint8_t tag[PROBE_TAG_BYTES];
    uint64_t number;
    struct endpoint seen; /* answer: where the request came from; AF_UNSPEC in a request */
    const uint8_t *early; /* read: it points into the bytes */
    size_t early_len;
};

/* Whether it begins as a probe does. */
bool probe_is(const uint8_t *bytes, size_t len);
/* Fills bytes[0..len), but for the code at its end; `len`: PROBE_BYTES and the early ones to
 * PROBE_BYTES_MAX. */
void probe_write(const struct probe *p, uint8_t *bytes, size_t len);
/* Of a probe whose code was found right. HX_OK; HX_EPROTO: too short or long, of a kind that is not known, an
 * answer without an address, early bytes that are cut or too many. */
int probe_read(struct probe *p, const uint8_t *bytes, size_t len);

#endif
