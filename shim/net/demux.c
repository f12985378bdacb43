#include "shim/net/demux.h"
#include "proto/stun.h"
#include <sched.h>
#include <string.h>

#define PROBE_LEN 64 /* bytes, at least */

static const uint8_t probe[] = {0xE8, 'h', 'x', 'P'}, piece[] = {0xE8, 'h', 'x', 'F'};

bool demux_is_piece(const struct net_datagram *d)
{
    return d->len > DEMUX_BYTES && memcmp(d->parts[0].iov_base, piece, sizeof piece) == 0;
}

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
    if (d->len >= PROBE_LEN && memcmp(d->parts[0].iov_base, probe, sizeof probe) == 0)
        return NET_USER_PROBE;
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
