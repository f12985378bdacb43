/* client/portmap_way.h: one of the protocols by which a router gives port mappings. Nothing here waits: the
 * caller polls way_fd() and calls way_step() when it is ready, or when way_due_ms() has come. No lock, no
 * thread.
 *
 *                answers            map()                     a way's states, changed by way_enter() alone
 *     ASKING ------------> OFFERED -------> ASKING -------> MAPPED
 *        '------------------------------------+----------> REFUSED
 */
#ifndef HX_CLIENT_PORTMAP_WAY_H
#define HX_CLIENT_PORTMAP_WAY_H

#include "proto/endpoint.h"
#include "proto/pcp.h"

#define WAY_REPEAT_MS 250 /* RFC 6886, 3.1: twice as long after each repetition */

enum way_kind { WAY_PCP, WAY_NATPMP, WAY_UPNP, WAY_KINDS }; /* the best first */

enum way_state {
    WAY_ASKING, /* nothing has come yet */
    WAY_OFFERED,
    WAY_MAPPED,
    WAY_REFUSED /* the router does not speak it, or will not */
};

struct gateway {
    struct endpoint address, local; /* the router's, and ours towards it; IPv4, without ports */
    unsigned interface_index;
};

struct way_request { /* a mapping of our local UDP port */
    uint16_t local_port;
    uint8_t nonce[PCP_NONCE_BYTES]; /* the same for all that concerns one mapping */
    struct endpoint external;       /* had before, or AF_UNSPEC */
    uint32_t lifetime_s;            /* 0: it shall end; then MAPPED says that it has */
};

struct way {
    const struct way_ops *ops;
    struct gateway gateway;
    enum way_state state;
    struct endpoint external; /* OFFERED: without a port, AF_UNSPEC if not told; MAPPED: whole */
    uint32_t lifetime_s;      /* MAPPED */
};

struct way_ops {
    void (*probe)(struct way *w, int64_t now_ms);
    void (*map)(struct way *w, const struct way_request *r, int64_t now_ms);
    int (*fd)(const struct way *w, short *events);
    int64_t (*due_ms)(const struct way *w);
    void (*step)(struct way *w, int64_t now_ms);
    void (*close)(struct way *w);
};

/* HX_ENOMEM, HX_ESYS. Sends nothing. */
int way_open(struct way **out, enum way_kind kind, const struct gateway *gateway);
/* Does the router speak it? Changes nothing at the router. */
static inline void way_probe(struct way *w, int64_t now_ms)
{
    w->ops->probe(w, now_ms);
}
/* Asks for a mapping, for a longer life of the one that it has made, or for its end. *r is copied. */
static inline void way_map(struct way *w, const struct way_request *r, int64_t now_ms)
{
    w->ops->map(w, r, now_ms);
}
/* -1: none now. */
static inline int way_fd(const struct way *w, short *events)
{
    return w->ops->fd(w, events);
}
/* INT64_MAX: never. */
static inline int64_t way_due_ms(const struct way *w)
{
    return w->ops->due_ms(w);
}
static inline void way_step(struct way *w, int64_t now_ms)
{
    w->ops->step(w, now_ms);
}
static inline void way_close(struct way *w)
{
    if (w)
        w->ops->close(w);
}

/* For the ways themselves. */
int way_pcp_open(struct way **out, const struct gateway *gateway);
int way_natpmp_open(struct way **out, const struct gateway *gateway);
int way_upnp_open(struct way **out, const struct gateway *gateway);
static inline void way_enter(struct way *w, enum way_state state)
{
    w->state = state;
}
/* What a mapping's answer says, judged for all: an address or port that peers cannot use is a refusal. */
void way_mapped(struct way *w, const struct endpoint *external, uint32_t lifetime_s, uint32_t asked_s);

#endif
