#include "shim/net/demux.h"
#include "proto/stun.h"
#include <string.h>

static_assert(DEMUX_BYTES >= STUN_MARK_BYTES, "a STUN message is told by the first part");

size_t demux_gather(const struct net_datagram *d, uint8_t *out, size_t room)
{
    size_t len = 0, most = d->len < room ? d->len : room;

    for (int i = 0; i < d->part_count && len < most; i++) {
        size_t n = d->parts[i].iov_len < most - len ? d->parts[i].iov_len : most - len;

        memcpy(out + len, d->parts[i].iov_base, n);
        len += n;
    }
    return len;
}

static bool is_classic_stun(const struct net_datagram *d)
{
    uint8_t bytes[STUN_CLASSIC_MAX];

    return d->len <= sizeof bytes && stun_is_classic_request(bytes, demux_gather(d, bytes, sizeof bytes));
}

enum net_user demux_user(const struct demux *x, const struct net_datagram *d)
{
    if (d->cut || d->len < DEMUX_BYTES)
        return NET_USER_NONE;
    if (stun_is_message(d->parts[0].iov_base, d->len))
        return NET_USER_STUN;
    if (x->handlers[NET_USER_CLASSIC_STUN].take && is_classic_stun(d))
        return NET_USER_CLASSIC_STUN;
    return NET_USER_UDT;
}

bool demux_give(const struct demux *x, struct net_datagram *d)
{
    enum net_user user = demux_user(x, d);

    return user != NET_USER_NONE && x->handlers[user].take &&
           x->handlers[user].take(x->handlers[user].context, d);
}
