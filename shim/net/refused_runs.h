/* shim/net/refused_runs.h: the addresses to which the kernel has not cut a run of datagrams apart (udp(7),
 * UDP_SEGMENT): those leave one by one for a while. The way to one address says nothing of the others. */
#ifndef HX_SHIM_NET_REFUSED_RUNS_H
#define HX_SHIM_NET_REFUSED_RUNS_H

#include "shim/net/net_address.h"
#include <stdbool.h>
#include <stdint.h>

#define REFUSED_RUNS_MAX 16    /* addresses; the oldest gives way */
#define REFUSED_RUNS_MS  60000 /* then it is tried anew: another way may lead there */

struct refused_runs { /* zeroed: none. One thread at a time */
    struct {
        struct net_address to;
        int64_t until_ms; /* 0: none */
    } list[REFUSED_RUNS_MAX];
    int next;
    bool any; /* there is one at least */
};

bool refused_runs_has(const struct refused_runs *r, const struct net_address *to);
/* Sending a run has failed, with this errno: if that is such a refusal, it is remembered. */
void refused_runs_add(struct refused_runs *r, const struct net_address *to, int error);

#endif
