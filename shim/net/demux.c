#include "shim/net/demux.h"

enum net_user demux_user(const uint8_t *first, size_t len)
{
    (void)first; /* UDT's head has no mark of its own */
    return len >= DEMUX_BYTES ? NET_USER_UDT : NET_USER_NONE;
}

bool demux_give(const struct demux *x, struct net_datagram *d)
{
    enum net_user user = d->cut ? NET_USER_NONE : demux_user(d->parts[0].iov_base, d->len);

    return user != NET_USER_NONE && x->handlers[user].take &&
           x->handlers[user].take(x->handlers[user].context, d);
}
