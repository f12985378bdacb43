/* test/natlab/nat_table.c: mappings by inner endpoint and by external port; permissions, which let a remote
 * endpoint in. */
#include "test/natlab/nat_table.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <uthash.h>

#define PORT_MIN        1024
#define PORTS           (65536 - PORT_MIN)
#define PERMISSIONS_MAX 262144 /* what is beyond them is not let out */

struct key {
    struct nat_endpoint ours, remote; /* the remote one is as exact as the kind of dependence */
};
struct mapping {
    struct key key; /* ours: the inner endpoint */
    uint16_t port;  /* the external one, in host order */
    int64_t dies_us;
    UT_hash_handle hh;
};
struct permission {
    struct key key; /* ours: the external port, without an address */
    int64_t dies_us;
    UT_hash_handle hh;
};

struct nat_kind nat_kind = {.step = 1, .lifetime_us = 120 * 1000000LL}; /* RFC 4787, REQ-5 */
static struct mapping *mappings, *by_port[65536];
static struct permission *permissions;
static unsigned next_port; /* from PORT_MIN on, of sequential ones */
static double others;      /* ports that other hosts have had and that next_port does not count yet */
static int64_t others_us;
static double may_make; /* mappings, of new_per_s */
static int64_t made_us;

static struct key key_of(enum nat_dependence dependence, struct nat_endpoint ours, struct nat_endpoint remote)
{
    return (struct key){.ours = ours,
                        .remote = {.addr = dependence >= NAT_ADDRESS ? remote.addr : 0,
                                   .port = dependence == NAT_ADDRESS_AND_PORT ? remote.port : 0}};
}

static void mapping_delete(struct mapping *m)
{
    by_port[m->port] = NULL;
    HASH_DEL(mappings, m);
    free(m);
}

void nat_sweep(int64_t at_us)
{
    struct mapping *m, *m_next;
    struct permission *p, *p_next;

    HASH_ITER(hh, mappings, m, m_next)
    if (m->dies_us <= at_us)
        mapping_delete(m);
    HASH_ITER(hh, permissions, p, p_next)
    {
        if (p->dies_us <= at_us) {
            HASH_DEL(permissions, p);
            free(p);
        }
    }
}

static struct mapping *mapping_at(uint16_t port, int64_t at_us)
{
    struct mapping *m = by_port[port];

    return m && m->dies_us > at_us ? m : NULL;
}

/* Returns a free external port, or 0. */
static uint16_t port_take(struct nat_endpoint inside, int64_t at_us)
{
    unsigned step = nat_kind.ports == NAT_SEQUENTIAL ? nat_kind.step : 1;
    unsigned count = nat_kind.block > 0 ? nat_kind.block : PORTS;
    unsigned first = PORT_MIN + ntohl(inside.addr) % (PORTS / count) * count;
    unsigned inner = ntohs(inside.port);
    unsigned at = (inner < PORT_MIN ? inner : inner - PORT_MIN) % count; /* from `first` on */

    if (nat_kind.ports == NAT_RANDOM)
        at = arc4random_uniform(count);
    if (nat_kind.ports == NAT_SEQUENTIAL) {
        others += (double)(at_us - others_us) * nat_kind.others_per_s / 1e6;
        others_us = at_us;
        next_port = (next_port + (unsigned)others * step) % count;
        others -= (unsigned)others;
        at = next_port;
    }
    for (unsigned tries = 0; tries < count; tries++, at = (at + step) % count) {
        if (mapping_at((uint16_t)(first + at), at_us))
            continue;
        next_port = (at + step) % count;
        return (uint16_t)(first + at);
    }
    return 0;
}

static bool may_make_one(int64_t at_us)
{
    if (nat_kind.new_per_s == 0)
        return true;
    may_make += (double)(at_us - made_us) * nat_kind.new_per_s / 1e6;
    made_us = at_us;
    if (may_make > nat_kind.new_per_s)
        may_make = nat_kind.new_per_s;
    if (may_make < 1)
        return false;
    may_make--;
    return true;
}

/* The mapping of `inside` towards `remote`, made if there is none. NULL: no port is free. */
static struct mapping *mapping_for(struct nat_endpoint inside, struct nat_endpoint remote, int64_t at_us)
{
    struct key key = key_of(nat_kind.mapping, inside, remote);
    struct mapping *m;

    HASH_FIND(hh, mappings, &key, sizeof key, m);
    if (m && m->dies_us <= at_us) {
        mapping_delete(m);
        m = NULL;
    }
    if (!m) {
        uint16_t port = may_make_one(at_us) ? port_take(inside, at_us) : 0;
        if (port == 0 || !(m = calloc(1, sizeof *m)))
            return NULL;
        if (by_port[port]) /* died, and was not swept yet */
            mapping_delete(by_port[port]);
        m->key = key;
        m->port = port;
        by_port[port] = m;
        HASH_ADD(hh, mappings, key, sizeof m->key, m);
    }
    m->dies_us = at_us + nat_kind.lifetime_us;
    return m;
}

/* False: what asks for it is lost. */
static bool permit(uint16_t port, struct nat_endpoint remote, int64_t at_us)
{
    bool passes = true;
    struct key key = key_of(nat_kind.filtering, (struct nat_endpoint){.port = htons(port)}, remote);
    struct permission *p;

    HASH_FIND(hh, permissions, &key, sizeof key, p);
    if (!p) {
        if (HASH_COUNT(permissions) >= PERMISSIONS_MAX || !(p = calloc(1, sizeof *p)))
            return false;
        p->key = key;
        HASH_ADD(hh, permissions, key, sizeof p->key, p);
        passes = !nat_kind.drops_first;
    }
    p->dies_us = at_us + nat_kind.lifetime_us;
    return passes;
}

void nat_begin(int64_t at_us)
{
    next_port = arc4random_uniform(PORTS);
    others_us = made_us = at_us;
    may_make = nat_kind.new_per_s;
}

uint16_t nat_out(struct nat_endpoint inside, struct nat_endpoint remote, int64_t at_us)
{
    struct mapping *m = mapping_for(inside, remote, at_us);

    return m && permit(m->port, remote, at_us) ? m->port : 0;
}

bool nat_inside(uint16_t port, int64_t at_us, struct nat_endpoint *inside)
{
    const struct mapping *m = mapping_at(port, at_us);

    if (m)
        *inside = m->key.ours;
    return m != NULL;
}

bool nat_lets_in(uint16_t port, struct nat_endpoint remote, int64_t at_us)
{
    struct key key = key_of(nat_kind.filtering, (struct nat_endpoint){.port = htons(port)}, remote);
    struct permission *p;

    HASH_FIND(hh, permissions, &key, sizeof key, p);
    return p && p->dies_us > at_us;
}

unsigned nat_mappings(void)
{
    return HASH_COUNT(mappings);
}
