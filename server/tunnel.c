#include "server/tunnel.h"
#include "base/big_endian.h"
#include "base/error.h"
#include "base/keyed_table.h"
#include "base/rate.h"
#include "proto/capsule.h"
#include "server/counters.h"
#include "server/loop.h"
#include "shim/net/tunnels.h"
#include "shim/udt/udt.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct tunnel_port {
    struct tunnels *all;
    struct endpoint local; /* of every address: unspecified */
    int far_fd;
};

struct tunnel {
    struct tunnels *all;
    UT_hash_handle hh;
    uint32_t number; /* the key */
    bool open;
    struct tunnel_port *port;
    struct tunnel_owner owner;
    struct endpoint source, address;
    struct net_address at; /* the same */
    struct capsule_reader capsules;
    struct tunnel_member *members;
    size_t member_count;
};

struct tunnel_member {
    struct tunnel *tunnel;
    void (*over)(void *member);
    void *member;
    struct tunnel_member *prev, *next;
};

struct tunnels {
    struct tunnel *by_number;
    uint32_t last;
    struct hash_key key; /* of sources */
    struct counters *counters;
    struct tunnel_port ports[TUNNEL_PORTS_MAX];
    size_t port_count;
};

int tunnels_create(struct tunnels **out, struct counters *counters)
{
    struct tunnels *t = calloc(1, sizeof *t);

    if (!t)
        return HX_ENOMEM;
    t->counters = counters;
    hash_key_draw(&t->key);
    *out = t;
    return HX_OK;
}

void tunnels_destroy(struct tunnels *t)
{
    free(t);
}

int tunnels_add_port(struct tunnels *t, struct udt_port *port)
{
    socklen_t len;
    const struct sockaddr *local = udt_port_local(port, &len);
    struct tunnel_port *p = &t->ports[t->port_count];

    if (t->port_count == TUNNEL_PORTS_MAX)
        return HX_ELIMIT;
    p->all = t;
    p->far_fd = net_port_tunnel_fd(udt_port_net(port));
    if (p->far_fd < 0)
        return HX_ESYS;
    (void)endpoint_from_sockaddr(&p->local, local, len);
    t->port_count++;
    return HX_OK;
}

bool tunnels_has_port(const struct tunnels *t)
{
    return t->port_count > 0;
}

/* ---- datagrams ---- */

static struct tunnel *find(const struct tunnels *t, const uint8_t address[16])
{
    uint32_t number = get32(address + 12);
    struct tunnel *tn;

    HASH_FIND(hh, t->by_number, &number, sizeof number, tn);
    return tn && memcmp(tn->at.ip, address, sizeof tn->at.ip) == 0 ? tn : NULL;
}

static void port_ready(void *user, int64_t now_ms)
{
    struct tunnel_port *p = user;
    uint8_t bytes[TUNNEL_DATAGRAM_MAX];
    struct net_address to;

    (void)now_ms;
    for (int i = 0; i < TUNNEL_TURN_DATAGRAMS; i++) {
        ssize_t len = tunnels_take(p->far_fd, &to, bytes);
        if (len < 0)
            return;
        struct tunnel *tn = find(p->all, to.ip);
        if (tn && tn->open)
            tn->owner.give(tn->owner.owner, bytes, (size_t)len);
    }
}

int tunnels_begin(struct tunnels *t, struct loop *loop)
{
    int err = HX_OK;

    for (size_t i = 0; err == HX_OK && i < t->port_count; i++)
        err = loop_watch(loop, t->ports[i].far_fd, port_ready, &t->ports[i]);
    return err;
}

static void take_datagram(void *user, const uint8_t *bytes, size_t len)
{
    struct tunnel *tn = user;

    counters_add(tn->all->counters, tunnels_give(tn->port->far_fd, &tn->at, bytes, len)
                                        ? COUNTER_TUNNEL_TAKEN
                                        : COUNTER_TUNNEL_LOST);
}

int tunnel_take(struct tunnel *tn, const void *bytes, size_t len)
{
    return capsule_reader_feed(&tn->capsules, bytes, len);
}

/* ---- where it leads ---- */

static bool is_local(const char *host, const struct endpoint *listened)
{
    struct endpoint e = *listened;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    memset(e.address, 0, sizeof e.address);
    e.family = AF_INET;
    if (inet_pton(AF_INET, host, e.address) != 1) {
        e.family = AF_INET6;
        if (inet_pton(AF_INET6, host, e.address) != 1)
            return false;
    }
    return endpoint_loopback(&e) || endpoint_same_host(&e, listened);
}

/* Whoever is told no port of ours asks for the default. NULL: no UDP port of ours. */
static struct tunnel_port *port_for(struct tunnels *t, const struct upgrade_target *target)
{
    for (size_t i = 0; i < t->port_count; i++)
        if (t->ports[i].local.port == target->port && is_local(target->host, &t->ports[i].local))
            return &t->ports[i];
    if (target->port == UDT_DEFAULT_PORT && t->port_count > 0 && is_local(target->host, &t->ports[0].local))
        return &t->ports[0];
    return NULL;
}

static void give_address(struct tunnel *tn, uint16_t port)
{
    uint8_t key[RATE_KEY_BYTES];
    struct sockaddr_in6 source;

    endpoint_to_sockaddr6(&tn->source, &source);
    size_t len = rate_source_key(source.sin6_addr.s6_addr, key);
    tn->at = (struct net_address){.ip = {0x01}, .port = htons(port)};
    put32(tn->at.ip + 8, (uint32_t)hash_sip(&tn->all->key, key, len));
    put32(tn->at.ip + 12, tn->number);
    tn->address = (struct endpoint){.family = AF_INET6, .port = port};
    memcpy(tn->address.address, tn->at.ip, sizeof tn->at.ip);
}

/* After 2^32 tunnels an old one may still be there. */
static void give_number(struct tunnel *tn)
{
    struct tunnel *other;

    do {
        tn->number = ++tn->all->last;
        HASH_FIND(hh, tn->all->by_number, &tn->number, sizeof tn->number, other);
    } while (other);
}

int tunnel_open(struct tunnel **out, struct tunnels *t, const struct upgrade_target *target,
                const struct endpoint *source, const struct tunnel_owner *owner)
{
    struct tunnel_port *port = t ? port_for(t, target) : NULL;

    if (!port)
        return HX_EREJECTED;
    struct tunnel *tn = calloc(1, sizeof *tn);
    if (!tn)
        return HX_ENOMEM;
    tn->all = t;
    tn->open = true;
    tn->port = port;
    tn->owner = *owner;
    tn->source = *source;
    give_number(tn);
    give_address(tn, source->port ? source->port : 1);
    capsule_reader_init(&tn->capsules, take_datagram, tn);
    HASH_ADD(hh, t->by_number, number, sizeof tn->number, tn);
    if (!tn->hh.tbl) { /* base/keyed_table.h */
        free(tn);
        return HX_ENOMEM;
    }
    *out = tn;
    return HX_OK;
}

const struct endpoint *tunnel_address(const struct tunnel *tn)
{
    return &tn->address;
}

size_t tunnel_members(const struct tunnel *tn)
{
    return tn->member_count;
}

/* As long as somebody is counted to its source it must be known. */
static void free_unused(struct tunnel *tn)
{
    if (tn->open || tn->members)
        return;
    HASH_DEL(tn->all->by_number, tn);
    free(tn);
}

void tunnel_close(struct tunnel *tn)
{
    struct tunnel_member *m;

    if (!tn)
        return;
    tn->open = false;
    DL_FOREACH(tn->members, m)
    {
        m->over(m->member);
    }
    free_unused(tn);
}

/* ---- who has come by it ---- */

static struct tunnel *tunnel_of(const struct tunnels *t, const struct endpoint *peer)
{
    return t && endpoint_tunnelled(peer) ? find(t, peer->address) : NULL;
}

struct tunnel_member *tunnel_member_join(struct tunnels *t, const struct endpoint *peer,
                                         void (*over)(void *member), void *member)
{
    struct tunnel *tn = tunnel_of(t, peer);
    struct tunnel_member *m = tn && tn->open ? calloc(1, sizeof *m) : NULL;

    if (!m)
        return NULL;
    m->tunnel = tn;
    m->over = over;
    m->member = member;
    DL_APPEND(tn->members, m);
    tn->member_count++;
    return m;
}

void tunnel_member_leave(struct tunnel_member *m)
{
    if (!m)
        return;
    struct tunnel *tn = m->tunnel;
    DL_DELETE(tn->members, m);
    tn->member_count--;
    free(m);
    free_unused(tn);
}

const struct endpoint *tunnels_source(const struct tunnels *t, const struct endpoint *peer)
{
    const struct tunnel *tn = tunnel_of(t, peer);

    return tn ? &tn->source : peer;
}
