#include "client/mux/link.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/task.h"
#include <stdlib.h>

#define READ_BYTES      (256 * 1024)
#define READS_MAX       8             /* of them in one turn of the loop: others want theirs */
#define TURN_BYTES      (1024 * 1024) /* sent in one turn of the loop */
#define WRITE_BYTES     (64 * 1024)   /* at once, at most: what is chosen then waits for nothing */
#define TICKS           20            /* looks at the clock within dead_ms */
#define OPAQUE_ALIVE    0             /* the payload of a keepalive's PING; others count from 1 */
#define OPAQUE_FIRST    1
#define SPEAK_FRACTION  4 /* who only listens says something every dead_ms / 4, for the sender's own ... */
#define LISTEN_FRACTION 8 /* ... PING waits behind its data; listening: bytes came within dead_ms / 8 */

#define HOLD_MS 1000 /* how long the side that was connected to lets the other one end first */

enum link_state { LINK_HANDSHAKE, LINK_UP, LINK_SHUT, LINK_PARTING, LINK_DOWN };

struct link {
    ev_io read_io, write_io;
    ev_prepare prepare;
    ev_timer timer, pace; /* the latter: for when it lets more pass */
    struct ev_loop *loop;
    struct hx_stream *stream; /* NULL once it is the task's */
    struct mux *mux;
    struct task *parting;
    struct link_config config;
    enum link_state state;
    bool finishes; /* link_finish() was called */
    bool leaves;   /* link_leave() was */
    bool peer_ended;
    bool went_first; /* our direction ended before the peer's did */
    int64_t held_ms; /* since then it could have; 0: not yet */
    int64_t heard_ms, spoke_ms, asked_ms, looked_ms;
    uint64_t ping_next;
    int64_t ping_sent_us[LINK_PINGS_MAX]; /* of the numbers before ping_next that pong_next has not reached */
    uint64_t pong_next;
    uint8_t *in;
    struct buf rest; /* frames that the stream has not taken */
};

/* A stream whose end may have to be waited for. */
struct parting {
    struct hx_stream *stream;
    struct link *link; /* only for the loop's thread */
};

static void watch_nothing_but_time(struct link *l)
{
    ev_io_stop(l->loop, &l->read_io);
    ev_io_stop(l->loop, &l->write_io);
    ev_prepare_stop(l->loop, &l->prepare);
    ev_timer_stop(l->loop, &l->pace);
}

static void stop_watching(struct link *l)
{
    watch_nothing_but_time(l);
    ev_timer_stop(l->loop, &l->timer);
}

static void part_run(void *arg)
{
    struct parting *p = arg;
    (void)hx_close(p->stream);
}

/* Whether the peer has seen our end does not matter any more: it had everything when it ended, too. */
static void part_done(void *arg)
{
    struct link *l = ((struct parting *)arg)->link;
    ev_timer_stop(l->loop, &l->timer);
    l->parting = NULL;
    l->state = LINK_DOWN;
    l->config.events->down(l->config.user, HX_OK);
}

static const struct task_ops parting_ops = {part_run, part_done, free};

/* Gives the stream, which is shut down, to a thread that lets it linger. */
static int part(struct link *l, struct task **out)
{
    struct parting *p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    *p = (struct parting){.stream = l->stream, .link = l};
    int err = task_start(out, l->loop, &parting_ops, p);
    if (err < 0)
        free(p);
    else
        l->stream = NULL;
    return err;
}

static void drop_stream(struct link *l)
{
    if (!l->stream)
        return;
    hx_abort(l->stream);
    (void)hx_close(l->stream);
    l->stream = NULL;
}

/* Ends the link for a reason. The GOAWAY that explains it to the peer still gets its time. */
static void fail(struct link *l, int error)
{
    struct task *unheard;
    stop_watching(l);
    mux_destroy(l->mux);
    l->mux = NULL;
    if (l->state == LINK_UP && (error == HX_EPROTO || error == HX_EFLOOD) &&
        hx_shutdown(l->stream) == HX_OK && part(l, &unheard) == HX_OK)
        task_abandon(unheard);
    drop_stream(l);
    l->state = LINK_DOWN;
    l->config.events->down(l->config.user, error);
}

/* HX_EAGAIN: the stream is full, less was taken. */
static int put(struct link *l, const void *data, size_t len, size_t *done)
{
    *done = 0;
    while (*done < len) {
        ssize_t taken = hx_write(l->stream, (const char *)data + *done, len - *done, 0);
        if (taken < 0)
            return (int)taken;
        *done += (size_t)taken;
        l->spoke_ms = clock_now_ms();
    }
    return HX_OK;
}

/* The next frames of the mux, as much as the stream takes now. The rest is kept: if there is no room, that
 * is what the connection itself has to say. HX_EEOF: there are none; HX_EAGAIN: there are, but no room. */
static int put_frames(struct link *l, size_t *done)
{
    const uint8_t *data;
    *done = 0;
    size_t room = hx_write_room(l->stream, WRITE_BYTES);
    size_t paced = pace_room(l->config.pace, PACE_OUT, room, clock_now_ms());
    mux_set_room(l->mux, paced);
    ssize_t len = mux_send(l->mux, &data);
    if (len == 0 && room == 0 && mux_wants_send(l->mux))
        return HX_EAGAIN;
    if (len == 0 && paced < room && mux_wants_send(l->mux))
        ev_timer_start(l->loop, &l->pace);
    if (len <= 0)
        return len == 0 ? HX_EEOF : (int)len;
    pace_spend(l->config.pace, PACE_OUT, (size_t)len);
    int err = put(l, data, (size_t)len, done);
    if (err == HX_EAGAIN && buf_append(&l->rest, data + *done, (size_t)len - *done) < 0)
        err = HX_ENOMEM;
    return err;
}

/* HX_OK: all has left; HX_EAGAIN: the stream is full, or it is others' turn. */
static int flush(struct link *l)
{
    size_t done;
    int err = put(l, buf_data(&l->rest), l->rest.len, &done);
    buf_consume(&l->rest, done);
    for (size_t turn = 0; err == HX_OK && turn < TURN_BYTES; turn += done)
        err = put_frames(l, &done);
    return err == HX_EEOF ? HX_OK : err == HX_OK ? HX_EAGAIN : err;
}

/* May our direction end? The side that was connected to lets the other one go first: so the end that it sends
 * then says that it has read the other's, who need not ask whether it has. */
static bool may_end(struct link *l)
{
    if (mux_stream_count(l->mux) > 0 || !(l->finishes || l->peer_ended))
        return false;
    if (l->config.connecting || l->peer_ended)
        return true;
    if (l->held_ms == 0)
        l->held_ms = clock_now_ms();
    return clock_now_ms() - l->held_ms >= HOLD_MS;
}

/* A peer that ended after the last stream has all that it wanted. It may be gone, and nothing that it does
 * not get from us any more is missed. */
static bool peer_has_all(struct link *l)
{
    return l->peer_ended && mux_stream_count(l->mux) == 0;
}

/* Each side ends its direction after its own last stream; whoever still passes on what it has read does so
 * for as long as it takes. No GOAWAY tells of it: after one, nghttp2 hears no more PINGs. */
static int part_in_order(struct link *l)
{
    if (l->state == LINK_UP && may_end(l)) {
        int err = hx_shutdown(l->stream);
        if (err < 0 && !peer_has_all(l))
            return err;
        l->state = LINK_SHUT;
        l->went_first = !l->peer_ended;
    }
    if (l->state == LINK_UP || !(l->peer_ended || l->leaves))
        return HX_OK;
    if (l->config.connecting && l->peer_ended && l->went_first)
        link_leave(l);
    if (l->leaves)
        watch_nothing_but_time(l);
    else
        stop_watching(l);
    l->state = LINK_PARTING;
    return part(l, &l->parting);
}

/* What came, up to a turn's share. HX_OK or HX_EAGAIN: go on. */
static int take(struct link *l)
{
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t got = hx_read(l->stream, l->in, READ_BYTES, 0);
        if (got < 0)
            return (int)got;
        l->heard_ms = clock_now_ms();
        mux_set_time(l->mux, l->heard_ms);
        if (got == 0) {
            l->peer_ended = true;
            return HX_EAGAIN;
        }
        int err = mux_receive(l->mux, l->in, (size_t)got);
        if (err < 0) {
            (void)flush(l); /* GOAWAY */
            return err;
        }
    }
    return HX_OK;
}

/* Whoever takes nothing more may have ended in order before, and what it said then is still to be read. */
static int take_rest(struct link *l)
{
    int err;
    do
        err = take(l);
    while (err == HX_OK);
    return peer_has_all(l) ? HX_OK : HX_ECLOSED;
}

/* Before the loop sleeps. A full stream that takes bytes again has heard from the peer's UDT: that is a sign
 * of life. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct link *l = w->data;
    bool was_full = ev_is_active(&l->write_io);
    int64_t spoke_ms = l->spoke_ms;
    (void)revents;
    mux_set_time(l->mux, clock_now_ms()); /* also for the requests of the turn that follows */
    int err = l->state == LINK_UP ? flush(l) : HX_OK;
    if (was_full && l->spoke_ms != spoke_ms)
        l->heard_ms = l->spoke_ms;
    if (mux_is_paced(l->mux))
        ev_timer_start(loop, &l->pace);
    if (err == HX_ECLOSED)
        err = take_rest(l);
    if (err == HX_OK)
        err = part_in_order(l);
    if (err == HX_EAGAIN)
        ev_io_start(loop, &l->write_io);
    else if (err < 0)
        fail(l, err);
    else
        ev_io_stop(loop, &l->write_io);
}

/* Only wakes the loop: on_prepare() comes next. */
static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop, (void)w, (void)revents;
}

static void on_pace(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    ev_timer_set(w, PACE_TURN_MS / 1000., 0.); /* started as it is, it would expire at once */
}

static int greet(struct link *l)
{
    int err = hx_handshake(l->stream, 0);
    if (err < 0)
        return err;
    l->state = LINK_UP;
    l->heard_ms = l->spoke_ms = l->looked_ms = clock_now_ms();
    double tick = l->config.dead_ms / (1000.0 * TICKS);
    ev_timer_stop(l->loop, &l->timer);
    ev_timer_set(&l->timer, tick, tick);
    ev_timer_start(l->loop, &l->timer);
    ev_prepare_start(l->loop, &l->prepare);
    l->config.events->up(l->config.user);
    return HX_OK;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct link *l = w->data;
    (void)loop;
    (void)revents;
    int err = l->state == LINK_HANDSHAKE ? greet(l) : HX_OK;
    if (err == HX_OK)
        err = take(l);
    if (err < 0 && err != HX_EAGAIN)
        fail(l, err);
}

/* Who stood still, as a process that was stopped, has not listened: the peer is asked before it is taken for
 * dead. */
static void forgive_own_sleep(struct link *l)
{
    int64_t now_ms = clock_now_ms(), quiet_ms = now_ms - l->config.keepalive_ms;
    if (now_ms - l->looked_ms >= l->config.dead_ms / 2 && l->heard_ms < quiet_ms) {
        l->heard_ms = quiet_ms;
        l->asked_ms = 0;
    }
    l->looked_ms = now_ms;
}

static void look_for_life(struct link *l)
{
    int64_t now_ms = clock_now_ms();
    int64_t dead_ms = l->config.dead_ms;
    bool quiet =
        now_ms - l->heard_ms >= l->config.keepalive_ms && now_ms - l->asked_ms >= l->config.keepalive_ms;
    bool listening =
        now_ms - l->heard_ms < dead_ms / LISTEN_FRACTION && now_ms - l->spoke_ms >= dead_ms / SPEAK_FRACTION;
    if (!quiet && !listening)
        return;
    l->asked_ms = now_ms;
    (void)mux_ping(l->mux, OPAQUE_ALIVE); /* too many under way: one of them will do */
}

/* The time of link_leave() is over. */
static void leave_now(struct link *l)
{
    stop_watching(l);
    if (l->parting)
        task_abandon(l->parting);
    l->parting = NULL;
    mux_destroy(l->mux);
    l->mux = NULL;
    drop_stream(l);
    l->state = LINK_DOWN;
    l->config.events->down(l->config.user, HX_OK);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct link *l = w->data;
    (void)loop;
    (void)revents;
    if (l->leaves) {
        leave_now(l);
        return;
    }
    if (l->state == LINK_HANDSHAKE) {
        fail(l, HX_ETIMEDOUT);
        return;
    }
    if (l->state != LINK_UP || l->peer_ended) /* one side only listens: the stream itself notices its end */
        return;
    forgive_own_sleep(l);
    if (clock_now_ms() - l->heard_ms < l->config.dead_ms) {
        look_for_life(l);
        return;
    }
    int err = take(l); /* it may wait to be read */
    if (err == HX_EAGAIN)
        err = HX_ETIMEDOUT;
    if (err < 0)
        fail(l, err);
}

static void on_request(void *user, struct mux_stream *s, const struct mux_message *request)
{
    struct link *l = user;
    l->config.events->request(l->config.user, s, request);
}

static void on_pong(void *user, uint64_t opaque)
{
    struct link *l = user;
    if (opaque != l->pong_next || l->pong_next == l->ping_next) /* a keepalive's, or made up */
        return;
    int64_t rtt_us = clock_now_us() - l->ping_sent_us[opaque % LINK_PINGS_MAX];
    l->pong_next++;
    if (l->config.events->pong)
        l->config.events->pong(l->config.user, rtt_us);
}

static const struct mux_events mux_events = {.request = on_request, .pong = on_pong};

static void watch(struct link *l)
{
    ev_io_init(&l->read_io, on_readable, hx_stream_fd(l->stream), EV_READ);
    ev_io_init(&l->write_io, on_writable, hx_stream_write_fd(l->stream), EV_READ);
    ev_prepare_init(&l->prepare, on_prepare);
    ev_timer_init(&l->timer, on_timer, l->config.handshake_ms / 1000.0, 0);
    mux_set_pace(l->mux, l->config.pace);
    ev_timer_init(&l->pace, on_pace, PACE_TURN_MS / 1000., 0.);
    l->read_io.data = l->write_io.data = l->prepare.data = l->timer.data = l;
    ev_io_start(l->loop, &l->read_io);
    ev_feed_event(l->loop, &l->read_io, EV_READ); /* the proof begins with us, or the peer was faster */
    ev_timer_start(l->loop, &l->timer);
}

/* All that can fail. */
static int equip(struct link *l)
{
    buf_init(&l->rest, 0);
    l->in = malloc(READ_BYTES);
    if (!l->in)
        return HX_ENOMEM;
    if (hx_stream_fd(l->stream) < 0 || hx_stream_write_fd(l->stream) < 0)
        return HX_ESYS;
    return mux_create(&l->mux, l->config.connecting, &mux_events, l);
}

int link_create(struct link **out, struct ev_loop *loop, struct hx_stream *s,
                const struct link_config *config)
{
    struct link *l = calloc(1, sizeof *l);
    if (!l) {
        (void)hx_close(s);
        return HX_ENOMEM;
    }
    l->loop = loop;
    l->stream = s;
    l->config = *config;
    if (l->config.keepalive_ms == 0)
        l->config.keepalive_ms = LINK_KEEPALIVE_MS;
    if (l->config.dead_ms == 0)
        l->config.dead_ms = l->config.keepalive_ms + LINK_ANSWER_MS;
    if (l->config.handshake_ms == 0)
        l->config.handshake_ms = LINK_HANDSHAKE_MS;
    l->ping_next = l->pong_next = OPAQUE_FIRST;
    int err = equip(l);
    if (err < 0) {
        link_destroy(l);
        return err;
    }
    watch(l);
    *out = l;
    return HX_OK;
}

void link_destroy(struct link *l)
{
    if (!l)
        return;
    stop_watching(l);
    if (l->parting)
        task_abandon(l->parting);
    mux_destroy(l->mux);
    drop_stream(l);
    free(l->in);
    buf_free(&l->rest);
    free(l);
}

void link_finish(struct link *l)
{
    l->finishes = true;
}

void link_leave(struct link *l)
{
    l->finishes = l->leaves = true;
    ev_timer_stop(l->loop, &l->timer);
    ev_timer_set(&l->timer, LINK_LEAVE_MS / 1000., 0.);
    ev_timer_start(l->loop, &l->timer);
}

struct mux *link_mux(struct link *l)
{
    return l->mux;
}

struct hx_stream *link_stream(struct link *l)
{
    return l->stream;
}

int link_ping(struct link *l)
{
    if (l->state != LINK_UP)
        return HX_ECLOSED;
    if (l->ping_next - l->pong_next >= LINK_PINGS_MAX)
        return HX_ELIMIT;
    int err = mux_ping(l->mux, l->ping_next);
    if (err < 0)
        return err;
    l->ping_sent_us[l->ping_next % LINK_PINGS_MAX] = clock_now_us();
    l->ping_next++;
    return HX_OK;
}
