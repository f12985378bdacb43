/* shim/net/demux.h: whose a datagram is. Several protocols share one UDP port; the first bytes of a datagram
 * decide, and the handler of its user gets it.
 *
 *   first bytes              user
 *   E8 68 78 46              none: "hxF", a piece of a datagram (fragments.h), whose user is looked for once it is whole
 *   E8 68 78 50, and 64      NET_USER_PROBE: "hxP", in UDT's eyes a control packet (the first bit) of a type
 *   bytes or more            that it does not have: it never sends one
 *   16 bytes or more         NET_USER_UDT: UDT's packets have a head of 16 bytes, in which any value may stand
 *   fewer                    nobody: dropped
 *
 * A further user gets a line in this table, a member of enum net_user, and its test in demux_user(), before
 * UDT's. No I/O. */
#ifndef HX_SHIM_NET_DEMUX_H
#define HX_SHIM_NET_DEMUX_H

#include "shim/net/net_address.h"
#include <stddef.h>
#include <sys/uio.h>

#define DEMUX_BYTES 16 /* what the first part of a datagram must have room for */

enum net_user { NET_USER_UDT, NET_USER_PROBE, NET_USERS, NET_USER_NONE = NET_USERS };

struct net_datagram {
    struct net_address from;
    struct net_address local;  /* our address that it was sent to, without port; unspecified: not told */
    uint32_t interface;        /* the index of the one that it came by; 0: not told */
    int32_t socket;            /* of the port: 0 its own, else the number of an extra one */
    const struct iovec *parts; /* its bytes, one part after the other; the first has room for DEMUX_BYTES */
    int part_count;
    size_t len; /* of all parts together */
    bool cut;   /* it was longer than the parts, and its end is lost */
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
enum net_user demux_user(const uint8_t *first, size_t len);
/* At any time, but for NET_USER_UDT before anything is read. `take` NULL: nobody any more. The former handler
 * is not running any more when this returns; so it is not for a handler, nor for who has a lock that one
 * waits for. */
void demux_set(struct demux *x, enum net_user user, net_take take, void *context);
/* What the handler of the datagram's user says; false for nobody's. */
bool demux_give(struct demux *x, struct net_datagram *d);

#endif
