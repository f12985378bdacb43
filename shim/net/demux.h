/* shim/net/demux.h: whose a datagram is. Several protocols share one UDP port; the first bytes of a datagram
 * decide, and the handler of its user gets it.
 *
 *   first bytes                      user
 *   E8 68 78 46                      none: "hxF", a piece of a datagram (fragments.h), whose user is looked for
 *                                    once it is whole
 *   E8 68 78 50, and 64 or more      NET_USER_PROBE: "hxP", in UDT's eyes a control packet (the first bit) of a
 *                                    type that it does not have: it never sends one
 *   E8 68 78 52, and 16 or more      NET_USER_RELAY: "hxR", what a relay forwards, and how it is asked to
 *                                    (proto/relay_frame.h); control of another type that UDT does not have
 *   E8 68 78 44, and 42 or more      NET_USER_SEALED: "hxD", an application's own datagram
 *                                    (proto/sealed_datagram.h); control of another type that UDT does not have
 *   E8 68 78 45                      NET_USER_UDT: "hxE", a handshake with the first bytes of its stream
 *                                    (shim/udt/early_packet.h)
 *   a STUN message with its cookie   NET_USER_STUN
 *   a STUN request of RFC 3489       NET_USER_CLASSIC_STUN, at a port that has a handler for these
 *   16 bytes or more                 NET_USER_UDT: UDT's packets have a head of 16 bytes
 *   fewer                            nobody: dropped
 *
 * A further user gets a line in this table, a member of enum net_user, and its test in demux_user(), before
 * UDT's. No I/O.
 *
 * No packet of UDT may be taken for STUN: it would be eaten each time that it is repeated, and its connection
 * would stand still. What could look so is a data packet alone: a control packet begins with bit 1, STUN with
 * two bits 0. A data packet has its sequence number first, then the message number with its flags, where
 * STUN's cookie is.
 *
 * With cookie: 0x2112A442 there is a block in the middle of message 18,015,298, with the flag "in order"
 * (bit 29) set. UDT 4.11 sets that flag for no stream (core.cpp: send() leaves CSndBuffer::addBuffer()'s
 * `order` at false), so that no packet of its streams, ours among them, has the cookie. Another library that
 * does set it, and gets as far as that message, also needs a sequence number whose upper half is below 0x4000
 * and whose lower half is the datagram's length less 20: 1 in 131,072, for that one message.
 *
 * Without cookie there is no such proof, but more to compare. RFC 3489's request for which its clients are
 * known is 28 bytes, and 15 of them are given: the data packet would have sequence number 0x00010008 and 12
 * bytes of payload, of which 7 and most of the eighth are those of a CHANGE-REQUEST with its many zeroes.
 * Without CHANGE-REQUEST it is sequence number 0x00010000 with exactly 4 bytes of payload. One packet in 2^31
 * has such a number, in whichever connection; of a connection to a nameserver, ten packets long, it is its
 * request, never 4 bytes. A port that is none of a listener carries bulk data over millions of packets, and
 * nobody there has a use for such requests: it leaves the handler unset, and has no such packet at all. Who
 * chooses his sequence numbers so that they do not arrive harms himself. */
#ifndef HX_SHIM_NET_DEMUX_H
#define HX_SHIM_NET_DEMUX_H

#include "shim/net/net_address.h"
#include <stddef.h>
#include <sys/uio.h>

#define DEMUX_BYTES 16 /* what the first part of a datagram must have room for */

enum net_user {
    NET_USER_UDT,
    NET_USER_PROBE,
    NET_USER_RELAY,
    NET_USER_SEALED,
    NET_USER_STUN,
    NET_USER_CLASSIC_STUN,
    NET_USERS,
    NET_USER_NONE = NET_USERS
};

struct net_datagram {
    struct net_address from;
    struct net_address local;  /* our address that it was sent to, without port; unspecified: not told */
    uint32_t interface;        /* the index of the one that it came by; 0: not told */
    int32_t socket;            /* of the port: 0 its own, else the number of an extra one */
    const struct iovec *parts; /* its bytes, one part after the other; the first has room for DEMUX_BYTES */
    int part_count;
    size_t len; /* of all parts together */
    /* NET_USER_RELAY's alone: it is a run of datagrams of one head (relay_frame_run()), one behind the other
     * in one part, each of so many bytes, but the last, which may be shorter. 0: it is one. */
    size_t each;
    bool cut; /* it was longer than the parts, and its end is lost */
};

/* True: whoever reads the port shall have the datagram, as it may now have been changed. False: it is done
 * with, and its bytes may be overwritten. */
typedef bool (*net_take)(void *context, struct net_datagram *d);

struct demux { /* demux.c alone looks inside */
    struct {
        net_take take; /* NULL: nobody uses the port so */
        void *context;
    } handlers[NET_USERS];
    int giving; /* threads inside of a handler that is not UDT's */
};

/* Whether it is a piece of another datagram, which net_port puts together before anybody else sees it. */
bool demux_is_piece(const struct net_datagram *d);
enum net_user demux_user(const struct demux *x, const struct net_datagram *d);
/* At any time, but for NET_USER_UDT before anything is read. `take` NULL: nobody any more. The former handler
 * is not running any more when this returns; so it is not for a handler, nor for who has a lock that one
 * waits for. */
void demux_set(struct demux *x, enum net_user user, net_take take, void *context);
bool demux_used(const struct demux *x, enum net_user user);
/* What the handler of the datagram's user says; false for nobody's. */
bool demux_give(struct demux *x, struct net_datagram *d);
/* Copies the datagram's bytes, at most `room`, into one piece; returns how many. */
size_t demux_gather(const struct net_datagram *d, uint8_t *out, size_t room);

#endif
