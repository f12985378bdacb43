/* hx meet SESSION: joins others in a session; then a pipe to all of them, or a command for each. */
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/keyfile.h"
#include "client/tool/meet.h"
#include "client/tool/program.h"
#include "client/tool/raw.h"
#include "client/tool/reach.h"
#include "client/tool/ui.h"
#include "proto/host_id.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SLOW_LOOK_S         1.
#define NO_STATUS           (-1)
#define HOST_NAME_MAX_SHOWN 64

void meet_stop(struct meet *m, int status)
{
    if (m->status == NO_STATUS)
        m->status = status;
    ev_break(m->loop, EVBREAK_ALL);
}

/* Each may be freed by that. */
static void for_each(struct meet *m, void (*act)(struct member *p))
{
    struct member *next;
    for (struct member *p = m->members; p; p = next) {
        next = p->next;
        act(p);
    }
}

/* Those that are connected; that they have come was told before. */
static void take_connected(struct meet *m)
{
    struct hx_stream *s;
    meet_tell_events(m);
    while (hx_group_next(m->group, &s, 0) == HX_OK)
        member_add(m, s);
}

static void begin(struct meet *m, bool all)
{
    ev_timer_stop(m->loop, &m->deadline);
    meet_tell_begun(m, all);
    m->begun = true;
    m->input_ended = m->args->exec != NULL;
    for_each(m, member_begin);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct meet *m = w->data;
    (void)loop;
    (void)revents;
    take_connected(m);
    if (m->args->go_short && m->members) {
        begin(m, false);
        return;
    }
    meet_tell_timeout(m);
    meet_stop(m, STATUS_FAILED);
}

static void on_connected(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    take_connected(w->data);
}

static void say_input(struct meet *m, const char *data, size_t len)
{
    if (!m->members && !m->nobody_told) {
        say_error("nobody is connected now: what standard input says meanwhile is lost");
        m->nobody_told = m->failed = true;
    }
    if (backlog_say(&m->backlog, data, len, clock_now_ms()) < 0) {
        ui_cannot_begin(HX_ENOMEM);
        meet_stop(m, STATUS_FAILED);
        return;
    }
    for_each(m, member_write);
}

static void end_input(struct meet *m)
{
    m->input_ended = true;
    for_each(m, member_write);
}

static void on_input(struct ev_loop *loop, ev_io *w, int revents)
{
    struct meet *m = w->data;
    char data[MEET_READ_MAX];
    size_t room = backlog_room(&m->backlog);
    (void)loop;
    (void)revents;
    ssize_t got = read(STDIN_FILENO, data, room < sizeof data ? room : sizeof data);
    if (got > 0) {
        say_input(m, data, (size_t)got);
    } else if (got == 0 || errno == EBADF) { /* a closed standard input has nothing to say */
        end_input(m);
    } else if (errno != EINTR && errno != EAGAIN) {
        say_error("cannot read standard input: %s", strerror(errno));
        meet_stop(m, STATUS_FAILED);
    }
}

static void drop_if_slow(struct member *p)
{
    if (p->piped && backlog_is_slow(&p->reader, clock_now_ms()))
        member_drop(p);
}

static void on_slow(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct meet *m = w->data;
    (void)loop;
    (void)revents;
    for_each(m, drop_if_slow);
}

static void on_wake(struct ev_loop *loop, ev_async *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    meet_stop(w->data, interrupt_status());
}

/* Standard input is read while every member has room for it. */
static void watch_input(struct meet *m)
{
    bool reads = m->begun && !m->input_ended;
    link_loop_watch(m->loop, &m->input, reads && backlog_room(&m->backlog) > 0);
    if (!reads || !backlog_holds_up(&m->backlog))
        ev_timer_stop(m->loop, &m->slow);
    else if (!ev_is_active(&m->slow))
        ev_timer_again(m->loop, &m->slow);
}

static void release_members(struct meet *m)
{
    m->out.held = false;
    for_each(m, member_watch);
}

static void on_settle(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct meet *m = w->data;
    (void)loop;
    (void)revents;
    meet_ends_take(m);
    meet_tell_events(m);
    if (!m->begun && hx_group_wait(m->group, 0) == HX_OK) {
        take_connected(m);
        begin(m, true);
    }
    meet_out_flush(m);
    if (m->out.held && !meet_out_full(m))
        release_members(m);
    watch_input(m);
    bool over = m->begun && m->input_ended && !m->members && !meet_ends_pending(m);
    if (over && m->out.bytes.len == 0)
        meet_stop(m, m->failed ? STATUS_FAILED : STATUS_OK);
}

static void watch(struct meet *m, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_now_ms();
    ev_io_init(&m->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    ev_io_init(&m->connected, on_connected, hx_group_fd(m->group), EV_READ);
    ev_io_init(&m->input, on_input, STDIN_FILENO, EV_READ);
    ev_timer_init(&m->deadline, on_deadline, left_ms > 0 ? (double)left_ms / 1000 : 0, 0);
    ev_timer_init(&m->slow, on_slow, SLOW_LOOK_S, SLOW_LOOK_S);
    ev_prepare_init(&m->settle, on_settle);
    m->interrupt.data = m->connected.data = m->input.data = m;
    m->deadline.data = m->slow.data = m->settle.data = m;
    ev_io_start(m->loop, &m->interrupt);
    ev_io_start(m->loop, &m->connected);
    ev_prepare_start(m->loop, &m->settle);
    if (m->args->timeout_s > 0)
        ev_timer_start(m->loop, &m->deadline);
}

/* What is left of the members when it ends before they do. */
static void leave(struct meet *m)
{
    for_each(m, member_abandon);
    meet_ends_wait(m);
    meet_out_flush(m);
    backlog_free(&m->backlog);
    buf_free(&m->out.bytes);
}

/* A name that no other member is likely to have: of this host, and some random digits. */
static void choose_name(char out[HX_NAME_MAX + 1])
{
    char host[HOST_NAME_MAX_SHOWN + 1] = "";
    uint16_t number = 0;
    (void)gethostname(host, sizeof host - 1);
    host[strcspn(host, ".")] = '\0';
    if (!host_id_valid(host, strlen(host)))
        strcpy(host, "member");
    (void)!getrandom(&number, sizeof number, 0);
    snprintf(out, HX_NAME_MAX + 1, "%s-%04x", host, number);
}

static int join(struct meet *m, const char *keys)
{
    const struct args *a = m->args;
    struct hx_config config = reach_config(a);
    config.name = m->own;
    config.timeout_ms = a->timeout_s > 0 ? a->timeout_s * 1000 : -1;
    config.linger_ms = -1; /* a pager at a member's may take its time */
    config.keys = keys;
    config.on_event = meet_on_event;
    config.user = m;
    int err = hx_group_join(&m->group, &config, a->name, a->expect);
    if (err == HX_OK)
        return STATUS_OK;
    if (!interrupted() && meet_tell_join_failure(m, err, a->nameserver))
        return STATUS_FAILED;
    return reach_failed(err, a->name, &config);
}

static int load_and_join(struct meet *m)
{
    char *keys;
    if (!raw_keys(m->args, &keys))
        return STATUS_FAILED;
    int status = join(m, keys);
    keyfile_wipe(keys);
    return status;
}

static int meet(struct meet *m)
{
    int64_t until_ms = clock_now_ms() + m->args->timeout_s * 1000LL;
    int status = load_and_join(m);
    if (status != STATUS_OK)
        return status;
    watch(m, until_ms);
    ev_run(m->loop, 0);
    if (interrupted() && m->status != STATUS_OK && !hung_up())
        say_error("interrupted");
    leave(m);
    hx_group_leave(m->group);
    return m->status;
}

int cmd_meet(const struct args *args)
{
    static struct meet m; /* the library tells it of paths until hx_cleanup() */
    static char own[HX_NAME_MAX + 1];
    m = (struct meet){.args = args, .own = args->own_name ? args->own_name : own, .status = NO_STATUS};
    choose_name(own);
    m.loop = link_loop_create();
    if (!m.loop) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    ev_async_init(&m.told, on_wake);
    ev_async_init(&m.end, on_wake);
    ev_async_start(m.loop, &m.told);
    ev_async_start(m.loop, &m.end);
    meet_queue_init(&m.queue, m.loop, &m.told);
    meet_ends_init(&m.ends);
    meet_out_init(&m);
    return meet(&m); /* and so the loop stays */
}
