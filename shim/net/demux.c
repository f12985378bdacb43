#include "shim/net/demux.h"
#include <sched.h>
#include <string.h>

#define PROBE_LEN 64 /* bytes, at least */

static const uint8_t probe[] = {0xE8, 'h', 'x', 'P'}, piece[] = {0xE8, 'h', 'x', 'F'};

bool demux_is_piece(const struct net_datagram *d)
{
    return d->len > DEMUX_BYTES && memcmp(d->parts[0].iov_base, piece, sizeof piece) == 0;
}

enum net_user demux_user(const uint8_t *first, size_t len)
{
    if (len >= PROBE_LEN && memcmp(first, probe, sizeof probe) == 0)
        return NET_USER_PROBE;
    return len >= DEMUX_BYTES ? NET_USER_UDT : NET_USER_NONE; /* UDT's head has no mark of its own */
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

static bool give(struct demux *x, enum net_user user, struct net_datagram *d)
{
    net_take take = __atomic_load_n(&x->handlers[user].take, __ATOMIC_SEQ_CST);

    return take && take(x->handlers[user].context, d);
}

bool demux_give(struct demux *x, struct net_datagram *d)
{
    enum net_user user = d->cut ? NET_USER_NONE : demux_user(d->parts[0].iov_base, d->len);

    if (user == NET_USER_NONE || user == NET_USER_UDT)
        return user == NET_USER_UDT && give(x, user, d);
    __atomic_fetch_add(&x->giving, 1, __ATOMIC_SEQ_CST);
    bool pass = give(x, user, d);
    __atomic_fetch_sub(&x->giving, 1, __ATOMIC_SEQ_CST);
    return pass;
}
