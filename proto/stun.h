/* proto/stun.h: STUN's Binding method (RFC 8489), with what RFC 5780 adds to find out how a NAT behaves, and
 * the older form without a magic cookie (RFC 3489) as far as its clients are answered. No I/O, no allocation.
 *
 * Reading takes whole datagrams, since a STUN message is one. Attributes that we have no use for are skipped
 * (comprehension-optional, 0x8000 and up) or listed as unknown (the rest). No credentials: a server of ours
 * asks for none, and what a request says of its user is skipped. */
#ifndef HX_PROTO_STUN_H
#define HX_PROTO_STUN_H

#include "proto/endpoint.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUN_HEAD_BYTES  20
#define STUN_MARK_BYTES  8  /* enough of a message to tell that it is one */
#define STUN_ID_BYTES    16 /* magic cookie and transaction id; RFC 3489 has 16 bytes of id there */
#define STUN_REQUEST_MAX 60 /* of our own, without padding */
#define STUN_CLASSIC_MAX 28 /* a head, and RFC 3489's CHANGE-REQUEST */
/* Longer messages are refused: RFC 8489, 6.1, has a sender keep to 576 bytes with IPv4's head of 20 and UDP's
 * of 8 where it does not know the path, and no Binding needs more. */
#define STUN_MAX 548
/* A request may be longer, to see what its way carries: as long as it fits into an Ethernet's packet over
 * IPv4. */
#define STUN_PADDED_MAX  1472
#define STUN_UNKNOWN_MAX 8 /* unknown attributes that an answer names; the first ones */

#define STUN_BAD_REQUEST       400 /* RFC 8489, 14.8 */
#define STUN_UNKNOWN_ATTRIBUTE 420

#define STUN_CHANGE_REQUEST 0x0003 /* RFC 5780, 7.2: for stun_request.unknown where it cannot be done */

struct stun_request {
    uint8_t id[STUN_ID_BYTES];   /* to be written: made with stun_set_id() */
    bool classic;                /* RFC 3489's form, without the cookie; read, never written */
    bool change_ip, change_port; /* the answer shall leave by the server's other address, other port */
    bool wants_other_port;       /* stun_response.other_port is asked for: our own addition */
    /* RESPONSE-PORT (RFC 5780, 7.5): where the answer shall go at the address that asks; 0: back. Written alone:
     * a server of ours answers nobody who has not asked, and one that reads it finds it among the unknown. */
    uint16_t response_port;
    /* So many bytes more, a multiple of 4, in the attribute by which the other port is asked for: every
     * server skips it, as it must (RFC 8489, 14), where RFC 5780's PADDING makes the answer long, too, or an
     * error. Written alone. */
    uint16_t padding;
    bool fingerprint;  /* it has one, and it is right */
    int unknown_count; /* comprehension-required attributes that we do not know: 420 */
    uint16_t unknown[STUN_UNKNOWN_MAX];
};

struct stun_response {
    uint8_t id[STUN_ID_BYTES]; /* the request's */
    int error;                 /* 0: success; else 300 to 699, and nothing below is set */
    struct endpoint mapped;    /* whence the request came, as the server saw it */
    /* The server's other address with its other port: OTHER-ADDRESS (RFC 5780, 7.4), in the classic form
     * CHANGED-ADDRESS. AF_UNSPEC: it has not both. */
    struct endpoint other;
    /* Whence this answer was sent, as the server sees it: RESPONSE-ORIGIN (RFC 5780, 7.3), in the classic
     * form SOURCE-ADDRESS. AF_UNSPEC: not said. */
    struct endpoint origin;
    uint16_t other_port; /* a second port at the address that was asked; 0: not said */
};

/* Is a datagram of `len` bytes that begin with these STUN_MARK_BYTES a STUN message? First two bits 0, the
 * length that is in it, and the magic cookie (RFC 8489, 5 and 6.3). */
bool stun_is_message(const uint8_t mark[STUN_MARK_BYTES], size_t len);
/* Is this whole datagram a Binding request of RFC 3489: a bare head, or one with a CHANGE-REQUEST alone? */
bool stun_is_classic_request(const uint8_t *bytes, size_t len);

/* Both forms. HX_OK, also with unknown attributes; HX_EPROTO: no Binding request, an attribute that is cut or
 * of another length than its kind has, a FINGERPRINT that is wrong or not last; HX_ETOOBIG: above
 * STUN_PADDED_MAX. */
int stun_read_request(struct stun_request *out, const uint8_t *bytes, size_t len);
/* Of the newer form, at most STUN_MAX bytes. HX_OK, of a success with a mapped address or an error;
 * HX_EPROTO, also for unknown comprehension-required attributes, and for a success that maps nothing;
 * HX_ETOOBIG. The caller compares the id. */
int stun_read_response(struct stun_response *out, const uint8_t *bytes, size_t len);

/* Puts the cookie before a transaction id, 12 bytes, which must be unguessable (RFC 8489, 5). */
void stun_set_id(uint8_t id[STUN_ID_BYTES], const uint8_t transaction[STUN_ID_BYTES - 4]);
/* The newer form. Returns the bytes written, at most STUN_REQUEST_MAX and the padding, of `room`; 0: `room`
 * is too small. */
size_t stun_write_request(const struct stun_request *r, uint8_t *out, size_t room);

/* How long the answer to a question of `question_len` bytes may be, so that with the heads of IP and UDP, 28
 * bytes or with IPv6 48, it is at most 1.5 times as long: whoever forges the address of a victim gains little
 * by our answer. */
size_t stun_answer_room(size_t question_len, bool ipv6);
/* Answers `to`: by an error if r->error says so, with to->unknown if that is 420. Of what may be said only so
 * much is as fits into `room`, in this order of importance, since a bare request over IPv4 leaves room for
 * two addresses, over IPv6 for one:
 *   XOR-MAPPED-ADDRESS, without which the answer is none; FINGERPRINT, if the request has one (RFC 8489, 7);
 *   the other port, if it was asked for; OTHER-ADDRESS; RESPONSE-ORIGIN; MAPPED-ADDRESS (RFC 5780, 6.1).
 * In the classic form: MAPPED-ADDRESS, CHANGED-ADDRESS, SOURCE-ADDRESS. A client that wants more makes its
 * question longer (SOFTWARE). Returns the bytes written; 0: not even the first one fits. */
size_t stun_write_response(const struct stun_request *to, const struct stun_response *r, uint8_t *out,
                           size_t room);

#endif
