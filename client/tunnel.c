#include "client/tunnel.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/dial.h"
#include "proto/capsule.h"
#include "proto/upgrade.h"
#include "shim/net/tunnels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define QUEUE_MAX 262144 /* bytes of capsules that TCP has not taken; above, datagrams are lost */
#define TURN      64     /* datagrams in a row; then others get the lock */

enum tunnel_state { TUNNEL_DIALING, TUNNEL_UPGRADING, TUNNEL_OPEN, TUNNEL_ENDED };

/* The far end of a port's tunnels. */
struct outlet {
    struct engine_watch watch;
    struct udt_port *port;
    int tunnels; /* that use it */
    struct outlet *prev, *next;
};

struct tunnel {
    struct engine_member member;
    struct tunnel *prev, *next;
    enum tunnel_state state; /* changed by enter() alone */
    struct udt_port *port;
    struct tunnel_place place;
    int families; /* FAMILY_* that it is reached by */
    struct outlet *outlet;
    struct net_address at;      /* the nameserver, seen from the port */
    struct sockaddr_in6 server; /* the same */
    struct dial *dial;
    struct timer
        timer; /* DIALING, UPGRADING: the deadline; OPEN: somebody is to be told, or nobody is left */
    struct upgrade_reader *upgrade; /* DIALING, UPGRADING */
    struct capsule_reader capsules;
    struct buf out; /* what TCP has not taken */
    bool suspect;   /* it shall end */
    struct tunnel_user *users;
};

static struct tunnel *tunnels;
static struct outlet *outlets;
static uint64_t last_number;

static void enter(struct tunnel *t, enum tunnel_state state)
{
    t->state = state;
    if (state < TUNNEL_OPEN) /* with the same deadline */
        return;
    engine_timer_cancel(&t->timer);
    upgrade_reader_destroy(t->upgrade);
    t->upgrade = NULL;
}

/* ---- what goes there ---- */

static void flush(struct tunnel *t)
{
    while (t->state != TUNNEL_ENDED && t->out.len > 0) {
        size_t len = t->out.len < DIAL_QUEUE_MAX ? t->out.len : DIAL_QUEUE_MAX;
        ssize_t put = dial_write(t->dial, buf_data(&t->out), len);
        if (put < 0) /* on_room() or on_end() comes */
            return;
        buf_consume(&t->out, (size_t)put);
    }
}

static struct tunnel *find_at(const struct outlet *o, const struct net_address *at)
{
    struct tunnel *t;
    DL_FOREACH(tunnels, t)
    {
        if (t->outlet == o && t->state == TUNNEL_OPEN && net_address_equal(&t->at, at))
            return t;
    }
    return NULL;
}

static void on_outlet(struct engine_watch *w)
{
    struct outlet *o = container_of(w, struct outlet, watch);
    uint8_t bytes[TUNNEL_DATAGRAM_MAX];
    struct net_address to;
    struct tunnel *t;
    for (int i = 0; i < TURN; i++) {
        ssize_t len = tunnels_take(w->fd, &to, bytes);
        if (len < 0)
            break;
        t = find_at(o, &to);
        if (t) /* where the queue is full it is lost */
            (void)capsule_write(&t->out, bytes, (size_t)len);
    }
    DL_FOREACH(tunnels, t)
    {
        if (t->outlet == o && t->state == TUNNEL_OPEN)
            flush(t);
    }
}

static struct outlet *outlet_use(struct udt_port *port)
{
    struct outlet *o;
    DL_FOREACH(outlets, o)
    {
        if (o->port == port) {
            o->tunnels++;
            return o;
        }
    }
    int fd = net_port_tunnel_fd(udt_port_net(port));
    o = fd < 0 ? NULL : calloc(1, sizeof *o);
    if (!o)
        return NULL;
    *o = (struct outlet){.watch = {.fd = fd, .on_ready = on_outlet}, .port = port, .tunnels = 1};
    if (engine_watch_begin(&o->watch) < 0) {
        free(o);
        return NULL;
    }
    DL_APPEND(outlets, o);
    return o;
}

static void outlet_leave(struct outlet *o)
{
    if (!o || --o->tunnels > 0)
        return;
    engine_watch_end(&o->watch);
    net_port_tunnel_close(udt_port_net(o->port)); /* descriptors may be few */
    DL_DELETE(outlets, o);
    free(o);
}

/* ---- its end ---- */

static void destroy(struct tunnel *t)
{
    enter(t, TUNNEL_ENDED);
    engine_leave(&t->member);
    DL_DELETE(tunnels, t);
    dial_close(t->dial);
    outlet_leave(t->outlet);
    buf_free(&t->out);
    free(t);
}

/* All users are told; each may use another one at once, which is none of the ended. */
static void end(struct tunnel *t, int error, const char *told)
{
    char text[UPGRADE_TEXT_MAX + 1];
    struct tunnel_user *u;
    snprintf(text, sizeof text, "%s", told);
    enter(t, TUNNEL_ENDED);
    while ((u = t->users)) {
        DL_DELETE(t->users, u);
        u->tunnel = NULL;
        u->on_end(u, error, text);
    }
    destroy(t);
}

static void on_cancel(struct engine_member *m)
{
    end(container_of(m, struct tunnel, member), HX_ECANCELED, "");
}

static bool is_unsent(struct engine_member *m)
{
    return container_of(m, struct tunnel, member)->out.len > 0;
}

/* A TCP connection whose address is gone never tells. Not at once: members may not make others leave here. */
static void on_network(struct engine_member *m)
{
    struct tunnel *t = container_of(m, struct tunnel, member);
    if (t->state == TUNNEL_OPEN && !dial_route_holds(t->dial))
        engine_timer_set(&t->timer, clock_now_ms());
}

/* ---- what comes from there ---- */

static void on_datagram(void *user, const uint8_t *bytes, size_t len)
{
    struct tunnel *t = user;
    (void)tunnels_give(t->outlet->watch.fd, &t->at, bytes, len);
}

static void open_now(struct tunnel *t)
{
    enter(t, TUNNEL_OPEN);
    capsule_reader_init(&t->capsules, on_datagram, t);
    engine_timer_set(&t->timer, clock_now_ms()); /* the users are told */
}

/* What a nameserver says, it says in one line of plain text. All else is from a web server, from a network's
 * login page, from anything that has this port. */
static void tell_refusal(const struct tunnel *t, char out[UPGRADE_TEXT_MAX + 1])
{
    int status = upgrade_reader_status(t->upgrade);
    const char *said = upgrade_reader_text(t->upgrade);
    char at[HOST_PORT_TEXT_MAX];
    host_port_format(&t->place.tcp, at);
    if (status == 0)
        snprintf(out, UPGRADE_TEXT_MAX + 1, "what answers at %.80s is no hx-nameserver", at);
    else if (status / 100 == 3)
        snprintf(out, UPGRADE_TEXT_MAX + 1,
                 "%.80s sends elsewhere (%d): no hx-nameserver, but another web server or this network's "
                 "login page",
                 at, status);
    else if (status >= 400 && said[0] != '\0' && said[0] != '<')
        snprintf(out, UPGRADE_TEXT_MAX + 1, "%s", said);
    else if (status >= 502 && status <= 504)
        snprintf(out, UPGRADE_TEXT_MAX + 1,
                 "the web server at %.80s does not reach a nameserver behind it (%d)", at, status);
    else
        snprintf(out, UPGRADE_TEXT_MAX + 1,
                 "what answers at %.80s (%d) is no hx-nameserver, or before it something takes "
                 "\"Upgrade: " UPGRADE_TOKEN "\" away",
                 at, status);
}

/* Returns true once the tunnel is open; `*used`: bytes of the answer. Else `t` may be gone. */
static bool upgrade(struct tunnel *t, const void *bytes, size_t len, size_t *used)
{
    char text[UPGRADE_TEXT_MAX + 1];
    switch (upgrade_reader_feed(t->upgrade, bytes, len, used)) {
    case UPGRADE_MORE:
        return false;
    case UPGRADE_DONE:
        open_now(t);
        return true;
    case UPGRADE_REFUSED:
        break;
    }
    tell_refusal(t, text);
    end(t, upgrade_reader_status(t->upgrade) ? HX_EREJECTED : HX_EPROTO, text);
    return false;
}

static void on_bytes(void *user, const void *bytes, size_t len)
{
    struct tunnel *t = user;
    size_t used = 0;
    if (t->state == TUNNEL_UPGRADING && !upgrade(t, bytes, len, &used))
        return;
    int err = capsule_reader_feed(&t->capsules, (const char *)bytes + used, len - used);
    if (err < 0)
        end(t, err, "what comes back through TCP are no datagrams");
}

static void on_room(void *user)
{
    flush(user);
}

static void on_open(void *user)
{
    struct tunnel *t = user;
    char authority[HOST_PORT_TEXT_MAX];
    enter(t, TUNNEL_UPGRADING);
    if (upgrade_write_request(&t->out, host_port_format(&t->place.tcp, authority), t->place.udp_port) < 0)
        end(t, HX_ENOMEM, "");
    else
        flush(t);
}

static void on_dial_end(void *user, int error, const char *text)
{
    struct tunnel *t = user;
    char told[UPGRADE_TEXT_MAX + 1], at[HOST_PORT_TEXT_MAX];
    if (t->state == TUNNEL_UPGRADING && upgrade_reader_status(t->upgrade) != 0) {
        tell_refusal(t, told);
        end(t, HX_EREJECTED, told);
    } else if (t->state == TUNNEL_UPGRADING && text[0] == '\0') {
        snprintf(told, sizeof told, "%.80s has closed the connection without an answer",
                 host_port_format(&t->place.tcp, at));
        end(t, error, told);
    } else {
        end(t, error, text);
    }
}

/* Those that have not been told: each may leave, or bring others to leave. */
static void tell_open(struct tunnel *t)
{
    struct tunnel_user *u = t->users;
    while (u) {
        if (u->told) {
            u = u->next;
            continue;
        }
        u->told = true;
        u->on_open(u);
        u = t->users; /* from the beginning: it may be gone */
    }
}

static void on_timer(struct timer *timer)
{
    struct tunnel *t = container_of(timer, struct tunnel, timer);
    if (t->state == TUNNEL_UPGRADING)
        end(t, HX_ETIMEDOUT, "the nameserver is reached by TCP, and does not answer there");
    else if (t->state == TUNNEL_DIALING)
        end(t, HX_ETIMEDOUT, "");
    else if (t->suspect || !dial_route_holds(t->dial))
        end(t, HX_ECLOSED,
            t->suspect ? "nothing comes through it any more" : "this host's address has changed");
    else if (t->users)
        tell_open(t);
    else
        destroy(t);
}

/* ---- users ---- */

bool tunnel_same_place(const struct tunnel_place *a, const struct tunnel_place *b)
{
    return a->tcp.port == b->tcp.port && a->udp_port == b->udp_port && a->tls == b->tls &&
           strcmp(a->tcp.host, b->tcp.host) == 0;
}

static struct tunnel *find(const struct udt_port *port, const struct tunnel_place *place)
{
    struct tunnel *t = NULL;
    DL_FOREACH(tunnels, t)
    {
        if (t->port == port && t->state != TUNNEL_ENDED && !t->suspect && tunnel_same_place(&t->place, place))
            return t;
    }
    return NULL;
}

bool tunnel_is_open(const struct udt_port *port, const struct tunnel_place *place)
{
    const struct tunnel *t = find(port, place);
    return t && t->state == TUNNEL_OPEN;
}

/* An address of its own: what is late for one that has ended comes to no other. */
static void give_address(struct tunnel *t)
{
    uint64_t number = ++last_number;
    t->at = (struct net_address){.ip = {0x01}, .port = htons(t->place.udp_port)};
    for (int i = 15; i >= 8; i--, number >>= 8)
        t->at.ip[i] = (uint8_t)number;
    net_address_to_sockaddr6(&t->at, &t->server);
}

static int begin(struct tunnel **out, struct udt_port *port, const struct tunnel_place *place, int families)
{
    struct tunnel *t = calloc(1, sizeof *t);
    if (!t)
        return HX_ENOMEM;
    t->port = port;
    t->place = *place;
    t->families = families;
    t->timer.fire = on_timer;
    t->member =
        (struct engine_member){.cancel = on_cancel, .network_changed = on_network, .unsent = is_unsent};
    buf_init(&t->out, QUEUE_MAX);
    give_address(t);
    const struct dial_request request = {
        .to = &t->place.tcp,
        .tls = t->place.tls,
        .families = families,
        .deadline_ms = clock_now_ms() + TUNNEL_OPEN_MS,
        .callbacks = {
            .on_open = on_open, .on_bytes = on_bytes, .on_room = on_room, .on_end = on_dial_end, .user = t}};
    t->upgrade = upgrade_reader_create();
    t->outlet = t->upgrade ? outlet_use(port) : NULL;
    int err = t->outlet ? dial_begin(&t->dial, &request) : HX_ESYS;
    if (err < 0) {
        outlet_leave(t->outlet);
        upgrade_reader_destroy(t->upgrade);
        free(t);
        return err;
    }
    DL_APPEND(tunnels, t);
    engine_join(&t->member);
    engine_timer_set(&t->timer, request.deadline_ms + 1); /* what has not dialled says more about it */
    *out = t;
    return HX_OK;
}

static void join(struct tunnel *t, struct tunnel_user *u)
{
    u->tunnel = t;
    u->told = false;
    DL_APPEND(t->users, u);
    if (t->state == TUNNEL_OPEN)
        engine_timer_set(&t->timer, clock_now_ms());
}

int tunnel_use(struct tunnel_user *u, struct udt_port *port, const struct tunnel_place *place, int families)
{
    struct tunnel *t = find(port, place);
    int err = t ? HX_OK : begin(&t, port, place, families);
    if (err == HX_OK)
        join(t, u);
    return err;
}

int tunnel_use_server(struct tunnel_user *u, const struct udt_port *port, const struct net_address *server)
{
    struct tunnel *t;
    DL_FOREACH(tunnels, t)
    {
        if (t->port == port && t->state == TUNNEL_OPEN && net_address_equal(&t->at, server)) {
            join(t, u);
            return HX_OK;
        }
    }
    return HX_ENOTFOUND;
}

const struct tunnel_place *tunnel_place(const struct tunnel_user *u, int *families)
{
    *families = u->tunnel->families;
    return &u->tunnel->place;
}

void tunnel_leave(struct tunnel_user *u)
{
    struct tunnel *t = u->tunnel;
    if (!t)
        return;
    DL_DELETE(t->users, u);
    u->tunnel = NULL;
    if (t->users || t->state == TUNNEL_ENDED)
        return;
    if (t->state == TUNNEL_OPEN)
        engine_timer_set(&t->timer, clock_now_ms() + TUNNEL_LINGER_MS);
    else
        destroy(t);
}

const struct sockaddr_in6 *tunnel_server(const struct tunnel_user *u)
{
    return &u->tunnel->server;
}

void tunnel_suspect(struct tunnel_user *u)
{
    struct tunnel *t = u->tunnel;
    if (!t || t->state != TUNNEL_OPEN)
        return;
    t->suspect = true;
    engine_timer_set(&t->timer, clock_now_ms());
}
