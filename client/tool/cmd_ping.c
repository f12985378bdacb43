/* hx ping NAME: round trips through the hole, told as ping(8) tells them. */
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/ping_stats.h"
#include "client/tool/program.h"
#include "client/tool/reconnector.h"
#include "client/tool/ui.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PING_BYTES 8 /* of an HTTP/2 PING's payload (RFC 9113, section 6.7) */

struct pinging {
    const struct args *args;
    struct ev_loop *loop;
    struct reconnector *reconnector;
    ev_timer next, last, deadline;
    ev_io interrupt;
    struct hx_path path; /* of the last answer; its address "": not reached */
    bool unheard;        /* standard output takes no more: the rest is for nobody */
    struct ping_stats stats;
    int64_t begun_ms; /* the first ping's time */
};

/* All that was to be asked is answered, or too late. */
static void finish(struct pinging *p)
{
    ev_timer_stop(p->loop, &p->next);
    ev_timer_stop(p->loop, &p->last);
    reconnector_leave(p->reconnector);
}

static void on_next(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct pinging *p = w->data;
    (void)revents;
    if (p->unheard) {
        finish(p);
        return;
    }
    if (link_ping(reconnector_link(p->reconnector)) == HX_OK)
        ping_stats_sent(&p->stats);
    else
        ping_stats_unsent(&p->stats); /* no answer to many: one more has nowhere to go */
    if (p->args->count == 0 || p->stats.sent < p->args->count)
        return;
    ev_timer_stop(loop, w);
    ev_timer_start(loop, &p->last);
}

/* What the path is now, and a line where it is another one than before. */
static void look_at_path(struct pinging *p)
{
    struct hx_path now;
    if (link_path(reconnector_link(p->reconnector), &now) < 0)
        return;
    if (!p->args->quiet && (strcmp(now.kind, p->path.kind) != 0 || strcmp(now.address, p->path.address) != 0))
        printf("path changed: %s at %s -> %s at %s\n", p->path.kind, p->path.address, now.kind, now.address);
    p->path = now;
}

static void on_pong(void *user, int64_t rtt_us)
{
    struct pinging *p = user;
    int number = ping_stats_answered(&p->stats, rtt_us);
    look_at_path(p);
    if (!p->args->quiet)
        printf("%d bytes from %s (%s): seq=%d time=%.3f ms path=%s\n", PING_BYTES, p->args->name,
               p->path.address, number, (double)rtt_us / 1000, p->path.kind);
    p->unheard = !ui_printed();
    if (p->stats.received == p->args->count || p->unheard)
        finish(p);
}

static void on_up(void *user, struct link *l)
{
    struct pinging *p = user;
    if (link_path(l, &p->path) < 0)
        p->path = (struct hx_path){.address = "?", .kind = "?"};
    printf("PING %s (%s) %d bytes of data, path=%s\n", p->args->name, p->path.address, PING_BYTES,
           p->path.kind);
    p->unheard = !ui_printed();
    p->begun_ms = clock_now_ms();
    ev_timer_start(p->loop, &p->next);
}

static void on_lost(void *user, int error)
{
    struct pinging *p = user;
    (void)error;
    ev_timer_stop(p->loop, &p->next);
    ev_timer_stop(p->loop, &p->last);
}

static void on_over(void *user, int error)
{
    struct pinging *p = user;
    (void)error;
    ev_break(p->loop, EVBREAK_ALL);
}

static void on_last(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    finish(w->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    const struct pinging *p = w->data;
    (void)revents;
    if (p->path.address[0] == '\0')
        say_error("%s was not reached within %d s", p->args->name, p->args->deadline_s);
    ev_break(loop, EVBREAK_ALL);
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

/* The status is ping(8)'s: a failure without an answer, or with fewer than were asked for at the deadline.
 * SIGINT is the usual end of it; another signal is one that it was ended by. */
static int summary(const struct pinging *p)
{
    const struct args *a = p->args;
    if (interrupted() && p->path.address[0] == '\0')
        return interrupt_status();
    if (p->path.address[0] == '\0' || p->unheard)
        return STATUS_FAILED;
    ping_stats_print(&p->stats, stdout, a->name, clock_now_ms() - p->begun_ms);
    if (!ui_printed())
        return STATUS_FAILED;
    if (interrupted() && interrupt_status() != 128 + SIGINT)
        return interrupt_status();
    int least = a->deadline_s > 0 && a->count > 0 ? a->count : 1;
    return p->stats.received >= least ? STATUS_OK : STATUS_FAILED;
}

static void watch(struct pinging *p)
{
    ev_timer_init(&p->next, on_next, 0, p->args->interval_ms / 1000.0);
    ev_timer_init(&p->last, on_last, p->args->answer_ms / 1000.0, 0);
    ev_timer_init(&p->deadline, on_deadline, p->args->deadline_s, 0);
    ev_io_init(&p->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    p->next.data = p->last.data = p->deadline.data = p->interrupt.data = p;
    if (p->args->deadline_s > 0)
        ev_timer_start(p->loop, &p->deadline);
    ev_io_start(p->loop, &p->interrupt);
}

int cmd_ping(const struct args *args)
{
    static const struct reconnector_events events = {
        .up = on_up, .lost = on_lost, .pong = on_pong, .over = on_over};
    struct pinging p = {.args = args, .loop = link_loop_create()};
    const struct reconnector_config config = {.args = args, .events = &events, .user = &p};
    if (!p.loop) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    watch(&p);
    int status = STATUS_FAILED;
    if (reconnector_create(&p.reconnector, p.loop, &config) == HX_OK) {
        ev_run(p.loop, 0);
        status = summary(&p);
        reconnector_destroy(p.reconnector);
    }
    ev_loop_destroy(p.loop);
    return status;
}
