/* hx ping NAME: round trips through the hole. */
#include "client/forward/say.h"
#include "client/tool/program.h"
#include "client/tool/reconnector.h"
#include "client/tool/ui.h"
#include <stdio.h>
#include <stdlib.h>

#define PING_LAST_S 2.0 /* the last answer may take so long */

struct pinging {
    const struct args *args;
    struct ev_loop *loop;
    struct reconnector *reconnector;
    ev_timer next, last;
    ev_io interrupt;
    struct hx_path path; /* of the last answer; its address "": not reached */
    int sent, received;
    bool unheard; /* standard output takes no more: the rest is for nobody */
    int64_t least_us, most_us, sum_us;
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
    /* no answer to many: one more has nowhere to go, and counts as lost */
    (void)link_ping(reconnector_link(p->reconnector));
    p->sent++;
    if (p->args->count == 0 || p->sent < p->args->count)
        return;
    ev_timer_stop(loop, w);
    ev_timer_start(loop, &p->last);
}

static void on_pong(void *user, int64_t rtt_us)
{
    struct pinging *p = user;
    struct hx_path now; /* it may have changed */
    if (hx_stream_path(link_stream(reconnector_link(p->reconnector)), &now) == HX_OK)
        p->path = now;
    p->received++;
    p->sum_us += rtt_us;
    if (p->received == 1 || rtt_us < p->least_us)
        p->least_us = rtt_us;
    if (rtt_us > p->most_us)
        p->most_us = rtt_us;
    printf("%s at %s: ping %d came back after %.3f ms path=%s\n", p->args->name, p->path.address, p->received,
           (double)rtt_us / 1000, p->path.kind);
    p->unheard = !ui_printed();
    if (p->received == p->args->count || p->unheard)
        finish(p);
}

static void on_up(void *user, struct link *l)
{
    struct pinging *p = user;
    if (hx_stream_path(link_stream(l), &p->path) < 0)
        p->path = (struct hx_path){.address = "?", .kind = "?"};
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

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static int summary(const struct pinging *p)
{
    if (p->path.address[0] == '\0' || p->unheard)
        return STATUS_FAILED;
    printf("%s: %d sent, %d came back, %d%% lost\n", p->args->name, p->sent, p->received,
           p->sent > 0 ? (p->sent - p->received) * 100 / p->sent : 0);
    if (p->received > 0)
        printf("round trip: shortest %.3f ms, mean %.3f ms, longest %.3f ms\n", (double)p->least_us / 1000,
               (double)p->sum_us / 1000 / p->received, (double)p->most_us / 1000);
    if (!ui_printed())
        return STATUS_FAILED;
    return p->received > 0 ? STATUS_OK : STATUS_FAILED;
}

static void watch(struct pinging *p)
{
    ev_timer_init(&p->next, on_next, 0, p->args->interval_ms / 1000.0);
    ev_timer_init(&p->last, on_last, PING_LAST_S, 0);
    ev_io_init(&p->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    p->next.data = p->last.data = p->interrupt.data = p;
    ev_io_start(p->loop, &p->interrupt);
}

int cmd_ping(const struct args *args)
{
    static const struct reconnector_events events = {
        .up = on_up, .lost = on_lost, .pong = on_pong, .over = on_over};
    struct pinging p = {.args = args, .loop = ev_loop_new(LINK_LOOP)};
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
