/* One connection that the other side has accepted: connected from here, then taken over. */
#include "client/forward/remote_conn.h"
#include "base/clock.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include <stdlib.h>
#include <unistd.h>

#define AGAIN_S 0.05  /* until a link that had no room for the request is asked again, */
#define ROOM_MS 15000 /* for so long: the other side waits no longer (FORWARD_ANSWER_S) */

struct remote_conn {
    LIST_ENTRY(remote_conn) entry;
    struct remote *remote;
    uint32_t number;
    struct authority target;
    struct dial *dial;   /* until it is done */
    int fd;              /* connected; -1: not yet, or the relay has it */
    struct relay *relay; /* NULL before */
    ev_timer again;
    int64_t until_ms; /* it is tried again */
};

static void conn_free(struct remote_conn *c)
{
    if (c->dial)
        dial_cancel(c->dial);
    if (c->relay)
        relay_abort(c->relay);
    if (c->fd >= 0)
        close(c->fd);
    ev_timer_stop(c->remote->config.loop, &c->again);
    LIST_REMOVE(c, entry);
    c->remote->count--;
    free(c);
}

static void on_relayed(void *user, int error, int system)
{
    struct remote_conn *c = user;
    relay_say_broken(NULL, &c->target, error, system);
    c->relay = NULL;
    conn_free(c);
}

static void refuse(struct remote_conn *c, const struct dial_failure *why)
{
    char target[AUTHORITY_TEXT_MAX];
    authority_format(&c->target, target);
    say_often(SAY_REFUSED, "no connection to %s: it %s", target, why->text);
    remote_give_up(c->remote, "accept", c->number, why);
    conn_free(c);
}

/* False: not now. */
static bool take(struct remote_conn *c)
{
    struct relay_config config = {
        .in_fd = c->fd, .out_fd = c->fd, .owns_fds = true, .asks = true, .done = on_relayed, .user = c};
    static const struct mux_stream_events none; /* the relay has its own */
    struct mux_stream *s;
    if (!remote_request(c->remote, &s, "accept", c->number, NULL, &none, NULL))
        return false;
    if (relay_start(&c->relay, c->remote->config.loop, s, &config) != HX_OK) {
        mux_stream_reset(s, MUX_CANCEL);
        conn_free(c);
        return true;
    }
    c->fd = -1;
    return true;
}

static void on_again(struct ev_loop *loop, ev_timer *w, int events)
{
    struct remote_conn *c = w->data;
    (void)events;
    if (clock_now_ms() >= c->until_ms)
        refuse(c, &dial_internal);
    else if (take(c))
        return;
    else
        ev_timer_again(loop, w);
}

static void on_dialled(void *user, int fd, const struct dial_failure *why)
{
    struct remote_conn *c = user;
    c->dial = NULL;
    c->fd = fd;
    if (why) {
        refuse(c, why);
        return;
    }
    if (take(c))
        return;
    c->until_ms = clock_now_ms() + ROOM_MS;
    ev_timer_again(c->remote->config.loop, &c->again);
}

void remote_conn_start(struct remote *r, uint32_t number, const struct authority *target)
{
    char text[AUTHORITY_TEXT_MAX];
    struct remote_conn *c = calloc(1, sizeof *c);
    if (!c)
        return;
    *c = (struct remote_conn){.remote = r, .number = number, .target = *target, .fd = -1};
    ev_init(&c->again, on_again);
    c->again.repeat = AGAIN_S;
    c->again.data = c;
    LIST_INSERT_HEAD(&r->conns, c, entry);
    r->count++;
    authority_format(target, text);
    if (r->count > REMOTE_CONNECTIONS_MAX ||
        dial_start(&c->dial, r->config.loop, target, on_dialled, c) != HX_OK) {
        refuse(c, &dial_internal);
        return;
    }
    say_often(SAY_REQUEST, "'%s' connects to %s", r->config.name, text);
}

void remote_conn_abort_all(struct remote *r)
{
    for (struct remote_conn *c = LIST_FIRST(&r->conns), *next; c; c = next) {
        next = LIST_NEXT(c, entry);
        conn_free(c);
    }
}
