/* shim/net/demux.h: whose a datagram is. Several protocols share one UDP port; the first bytes of a datagram
 * decide, and the handler of its user gets it.
 *
 *   first bytes              user
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

enum net_user { NET_USER_UDT, NET_USERS, NET_USER_NONE = NET_USERS };

struct net_datagram {
    struct net_address from;
    struct net_address local;  /* our address that it was sent to, without port; unspecified: not told */
    uint32_t interface;        /* the index of the one that it came by; 0: not told */
    const struct iovec *parts; /* its bytes, one part after the other; the first has room for DEMUX_BYTES */
    int part_count;
    size_t len; /* of all parts together */
    bool cut;   /* it was longer than the parts, and its end is lost */
};

/* True: whoever reads the port shall have the datagram, as it may now have been changed. False: it is done
 * with, and its bytes may be overwritten. */
typedef bool (*net_take)(void *context, struct net_datagram *d);

struct demux {
    struct {
        net_take take; /* NULL: nobody uses the port so */
        void *context;
    } handlers[NET_USERS];
};

enum net_user demux_user(const uint8_t *first, size_t len);
/* What the handler of the datagram's user says; false for nobody's. */
bool demux_give(const struct demux *x, struct net_datagram *d);

#endif
