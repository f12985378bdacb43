/* server/relay_hosts.h: how many sessions of the relay each host has: an IPv4 address, or an IPv6 /64. No
 * clock, no lock. */
#ifndef HX_SERVER_RELAY_HOSTS_H
#define HX_SERVER_RELAY_HOSTS_H

#include "base/fair_share.h"
#include "base/keyed_table.h"
#include "shim/net/net_address.h"

struct relay_host {
    struct fair_share_source source;
    int64_t open;  /* sessions that it has opened */
    int64_t known; /* that it has asked for, and nobody has opened yet */
    UT_hash_handle hh;
};

/* NULL: there is no memory. */
struct relay_host *relay_hosts_find_or_add(struct relay_host **hosts, const struct net_address *a);
/* One less of *count, which is one of its two. It ends with the last one. */
void relay_hosts_leave(struct relay_host **hosts, struct relay_host *h, int64_t *count);

#endif
