#include "shim/net/demux.h"
#include "base/big_endian.h"
#include "proto/probe.h"
#include "proto/relay_frame.h"
#include "proto/sealed_datagram.h"
#include "proto/stun.h"
#include "shim/net/fragments.h"
#include "shim/net/parts.h"
#include <sched.h>
#include <string.h>

bool demux_is_piece(const struct net_datagram *d)
{
    return d->len > DEMUX_BYTES && get32(d->parts[0].iov_base) == FRAGMENT_MAGIC;
}

static_assert(DEMUX_BYTES >= STUN_MARK_BYTES, "a STUN message is told by the first part");

size_t demux_gather(const struct net_datagram *d, uint8_t *out, size_t room)
{
    return parts_gather(d->parts, d->part_count, out, d->len < room ? d->len : room);
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
    if (probe_is(d->parts[0].iov_base, d->len))
        return NET_USER_PROBE;
    if (relay_frame_is(d->parts[0].iov_base, d->len))
        return NET_USER_RELAY;
    if (sealed_datagram_is(d->parts[0].iov_base, d->len))
        return NET_USER_SEALED;
    if (stun_is_message(d->parts[0].iov_base, d->len))
        return NET_USER_STUN;
    if (x->handlers[NET_USER_CLASSIC_STUN].take && is_classic_stun(d))
        return NET_USER_CLASSIC_STUN;
    return NET_USER_UDT;
}

/* Handlers come and go while the port is read: one side says what it does before it looks at what the other
 * one has said. */
void demux_set(struct demux *x, enum net_user user, net_take take, void *context)
{
    __atomic_store_n(&x->handlers[user].take, NULL, __ATOMIC_SEQ_CST);
    while (user != NET_USER_UDT && __atomic_load_n(&x->giving, __ATOMIC_SEQ_CST) > 0)
        sched_yield();
    x->handlers[user].context = context;
    __atomic_store_n(&x->handlers[user].take, take, __ATOMIC_SEQ_CST);
}

bool demux_used(const struct demux *x, enum net_user user)
{
    return __atomic_load_n(&x->handlers[user].take, __ATOMIC_SEQ_CST) != NULL;
}

static bool give(struct demux *x, enum net_user user, struct net_datagram *d)
{
    net_take take = __atomic_load_n(&x->handlers[user].take, __ATOMIC_SEQ_CST);

    return take && take(x->handlers[user].context, d);
}

bool demux_give(struct demux *x, struct net_datagram *d)
{
    enum net_user user = demux_user(x, d);

    if (user == NET_USER_NONE || user == NET_USER_UDT)
        return user == NET_USER_UDT && give(x, user, d);
    __atomic_fetch_add(&x->giving, 1, __ATOMIC_SEQ_CST);
    bool pass = give(x, user, d);
    __atomic_fetch_sub(&x->giving, 1, __ATOMIC_SEQ_CST);
    return pass;
}
