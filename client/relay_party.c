#include "client/relay_party.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/probe_inbox.h"
#include "client/tunnel.h"
#include "client/udp_return.h"
#include "secure/mac.h"
#include "shim/net/net_port.h"
#include "shim/net/relays.h"
#include "shim/net/tunnels.h"
#include <stdlib.h>
#include <string.h>

#define CHECK_MS 1000 /* between two checks */

struct relay_party {
    struct probe_member member; /* first: a pointer to it is one to the whole; its tag is the session */
    struct relay_party_config config;
    enum relay_state state; /* changed by enter() alone */
    enum relay_reason reason;
    struct timer timer;
    struct tunnel_user tunnel; /* through which the relay is reached, if it is: it stays as long as we do */
    struct udp_return *udp_return; /* then: does UDP reach it again? NULL: nobody asks */
    struct net_address peer;
    uint8_t key[MAC_KEY_BYTES];
    uint8_t cookie[RELAY_COOKIE_BYTES];
    uint64_t number; /* of our last question */
    bool answered;   /* that one */
    int tries;       /* questions in a row without an answer */
    int64_t asked_ms;
};

static void enter(struct relay_party *r, enum relay_state state, enum relay_reason reason)
{
    bool news = r->state != state || r->reason != reason;

    r->state = state;
    r->reason = reason;
    if (state == RELAY_STATE_ENDED)
        engine_timer_cancel(&r->timer);
    if (news)
        r->config.changed(r->config.user, r);
}

static void ask(struct relay_party *r)
{
    struct relay_frame f = {
        .kind = RELAY_OPEN, .half = r->config.calling ? RELAY_CALLER : RELAY_CALLED, .number = ++r->number};
    struct net_route route = {.to = r->config.server, .local = r->config.local};
    uint8_t bytes[RELAY_CONTROL_BYTES];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};

    memcpy(f.session, r->member.tag, sizeof f.session);
    memcpy(f.cookie, r->cookie, sizeof f.cookie);
    relay_frame_write_control(&f, bytes);
    r->answered = false;
    r->asked_ms = clock_now_ms();
    if (mac_compute(r->key, bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES) == HX_OK)
        (void)net_port_send(udt_port_net(r->config.port), &route, &part, 1, MSG_DONTWAIT);
    engine_timer_set(&r->timer, r->asked_ms + ((int64_t)RELAY_FIRST_MS << r->tries));
    r->tries++;
}

static void on_timer(struct timer *t)
{
    struct relay_party *r = container_of(t, struct relay_party, timer);

    if (r->tries < RELAY_TRIES)
        ask(r);
    else
        enter(r, RELAY_STATE_ENDED, RELAY_NO_REASON);
}

/* When its time is over it says so, and not before it is asked. */
static int64_t again_ms(uint32_t left_s)
{
    return left_s < RELAY_AGAIN_MS / 1000 ? left_s * 1000LL : RELAY_AGAIN_MS;
}

/* Proven, and of the last question. */
static void take_answer(struct relay_party *r, const struct relay_frame *f)
{
    r->answered = true;
    switch (f->kind) {
    case RELAY_CHALLENGE: /* it has not sent us anything there yet */
        memcpy(r->cookie, f->cookie, sizeof r->cookie);
        if (r->tries < RELAY_TRIES)
            ask(r);
        break;
    case RELAY_OPENED:
        memcpy(r->cookie, f->cookie, sizeof r->cookie);
        r->tries = 0;
        engine_timer_set(&r->timer, clock_now_ms() + again_ms(f->left_s));
        enter(r, RELAY_STATE_OPEN, f->reason);
        break;
    case RELAY_REFUSED:
        enter(r, RELAY_STATE_ENDED, f->reason);
        break;
    default:
        break;
    }
}

/* Both parties may be of this process. */
static bool is_ours(const struct relay_party *r, const struct relay_frame *f, const struct arrived_probe *a)
{
    return r->config.port == a->port && r->config.calling == (f->half == RELAY_CALLER) &&
           net_address_equal(&r->config.server, &a->from.to);
}

static void on_arrived(struct probe_member *m, const struct arrived_probe *a)
{
    struct relay_party *r = (struct relay_party *)m;
    struct relay_frame f;

    if (relay_frame_read(&f, a->bytes, a->len) == HX_OK && is_ours(r, &f, a) &&
        r->state != RELAY_STATE_ENDED && f.number == r->number && !r->answered &&
        mac_right(r->key, a->bytes, RELAY_SAID_BYTES, a->bytes + RELAY_SAID_BYTES))
        take_answer(r, &f);
}

static void on_tunnel_open(struct tunnel_user *u)
{
    (void)u;
}

/* What comes next is another introduction, by whatever way there is. */
static void on_tunnel_end(struct tunnel_user *u, int error, const char *text)
{
    struct relay_party *r = u->owner;

    (void)error, (void)text;
    if (r->state != RELAY_STATE_ENDED)
        enter(r, RELAY_STATE_ENDED, RELAY_NO_REASON);
}

static void on_udp(void *user, const struct net_address *server)
{
    static const struct net_address any;

    relay_party_move(user, server, &any);
}

static void use_tunnel(struct relay_party *r)
{
    int families;

    tunnel_leave(&r->tunnel);
    udp_return_end(r->udp_return);
    r->udp_return = NULL;
    r->tunnel = (struct tunnel_user){.on_open = on_tunnel_open, .on_end = on_tunnel_end, .owner = r};
    if (!tunnels_lead_to(&r->config.server) ||
        tunnel_use_server(&r->tunnel, r->config.port, &r->config.server) < 0) /* no answer will come */
        return;
    const struct tunnel_place *place = tunnel_place(&r->tunnel, &families);
    struct host_port udp = place->tcp;
    udp.port = place->udp_port;
    if (!place->udp_unwanted) /* without memory it stays where it is */
        (void)udp_return_begin(&r->udp_return, r->config.port, &udp, families, on_udp, r);
}

static int derive(struct relay_party *r)
{
    const struct session *s = r->config.session;
    uint8_t id[MAC_KEY_BYTES];
    int err = mac_derive(s->key, sizeof s->key, "hx relay id", id);

    memcpy(r->member.tag, id, sizeof r->member.tag);
    if (err == HX_OK)
        err = mac_derive(s->key, sizeof s->key,
                         r->config.calling ? "hx relay of the caller" : "hx relay of the called", r->key);
    r->config.session = NULL;
    return err;
}

static int join(struct relay_party *r)
{
    struct net_relay way = {
        .server = r->config.server, .local = r->config.local, .calling = r->config.calling};
    int err = derive(r);

    memcpy(way.id, r->member.tag, sizeof way.id);
    probe_inbox_listen(r->config.port);
    if (err == HX_OK)
        err = probe_inbox_join(&r->member);
    if (err == HX_OK)
        err = net_relay_add(udt_port_net(r->config.port), &way, &r->peer);
    if (err < 0)
        probe_inbox_leave(&r->member);
    return err;
}

int relay_party_begin(struct relay_party **out, const struct relay_party_config *config)
{
    struct relay_party *r = calloc(1, sizeof *r);

    if (!r)
        return HX_ENOMEM;
    r->config = *config;
    r->member.on_probe = on_arrived;
    r->timer.fire = on_timer;
    int err = join(r);
    if (err < 0) {
        free(r);
        return err;
    }
    use_tunnel(r);
    *out = r;
    ask(r);
    return HX_OK;
}

void relay_party_end(struct relay_party *r)
{
    if (!r)
        return;
    engine_timer_cancel(&r->timer);
    tunnel_leave(&r->tunnel);
    udp_return_end(r->udp_return);
    probe_inbox_leave(&r->member);
    net_relay_remove(udt_port_net(r->config.port), &r->peer);
    explicit_bzero(r, sizeof *r);
    free(r);
}

void relay_party_view(const struct relay_party *r, struct relay_party_view *out)
{
    *out = (struct relay_party_view){.state = r->state, .reason = r->reason};
}

const struct net_address *relay_party_peer(const struct relay_party *r)
{
    return &r->peer;
}

const struct net_address *relay_party_server(const struct relay_party *r)
{
    return &r->config.server;
}

/* What was asked before is answered to where we were. */
static void ask_anew(struct relay_party *r)
{
    if (r->state == RELAY_STATE_ENDED)
        return;
    r->tries = 0;
    ask(r);
}

void relay_party_move(struct relay_party *r, const struct net_address *server,
                      const struct net_address *local)
{
    if (net_address_equal(&r->config.server, server) && net_address_equal(&r->config.local, local))
        return;
    r->config.server = *server;
    r->config.local = *local;
    use_tunnel(r);
    net_relay_move(udt_port_net(r->config.port), &r->peer, server, local);
    ask_anew(r);
}

void relay_party_check(struct relay_party *r)
{
    if (clock_now_ms() - r->asked_ms >= CHECK_MS)
        ask_anew(r);
}

const char *relay_party_limit_name(enum relay_reason reason)
{
    static const char *const names[RELAY_REASONS] = {[RELAY_NO_REASON] = "",
                                                     [RELAY_OVER_RATE] = "--relay-rate",
                                                     [RELAY_OVER_TOTAL] = "--relay-total",
                                                     [RELAY_OVER_TIME] = "--relay-time",
                                                     [RELAY_OVER_ADDRESS] = "--relay-per-address"};
    return names[reason];
}
