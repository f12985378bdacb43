#include "server/loop.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "server/loop_times.h"
#include <ev.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

struct loop_source {
    struct ev_io io;
    struct loop *loop;
    loop_handler *handler;
    void *user;
    struct loop_source *next;
};

struct loop {
    struct ev_loop *ev;
    struct ev_timer timeout;
    struct loop_source *sources;
    int64_t now_us; /* -1: not read in this turn */
    struct loop_times times;
    int edges_fd; /* of epoll(7); -1: no edge was ever added */
    struct epoll_event edges[LOOP_EDGES_MAX];
    int edge_at, edge_count; /* those that are told of in this turn */
};

static int64_t turn_ms(struct loop *l)
{
    if (l->now_us < 0)
        l->now_us = clock_now_us();
    return l->now_us / 1000;
}

static void readable(struct ev_loop *ev, struct ev_io *io, int events)
{
    struct loop_source *s = container_of(io, struct loop_source, io);

    (void)ev;
    (void)events;
    s->handler(s->user, turn_ms(s->loop));
}

static void timed_out(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events; /* the turn comes anyway */
}

int loop_create(struct loop **out)
{
    struct loop *l = calloc(1, sizeof *l);

    if (!l)
        return HX_ENOMEM;
    l->ev = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
    if (!l->ev) {
        free(l);
        return HX_ESYS;
    }
    ev_init(&l->timeout, timed_out);
    l->edges_fd = -1;
    *out = l;
    return HX_OK;
}

int loop_watch(struct loop *l, int fd, loop_handler *handler, void *user)
{
    struct loop_source *s = calloc(1, sizeof *s);

    if (!s)
        return HX_ENOMEM;
    s->loop = l;
    s->handler = handler;
    s->user = user;
    ev_io_init(&s->io, readable, fd, EV_READ);
    ev_io_start(l->ev, &s->io);
    LL_PREPEND(l->sources, s);
    return HX_OK;
}

void loop_unwatch(struct loop *l, int fd)
{
    struct loop_source *s;

    LL_SEARCH_SCALAR(l->sources, s, io.fd, fd);
    if (!s)
        return;
    ev_io_stop(l->ev, &s->io);
    LL_DELETE(l->sources, s);
    free(s);
}

static void tell_edges(void *user, int64_t now_ms)
{
    struct loop *l = user;

    l->edge_count = epoll_wait(l->edges_fd, l->edges, LOOP_EDGES_MAX, 0);
    for (l->edge_at = 0; l->edge_at < l->edge_count;) {
        const struct epoll_event *ev = &l->edges[l->edge_at++];
        struct loop_edge *e = ev->data.ptr;
        unsigned changes = 0;

        if (ev->events & (EPOLLIN | EPOLLRDHUP))
            changes |= LOOP_READABLE;
        if (ev->events & EPOLLOUT)
            changes |= LOOP_WRITABLE;
        if (ev->events & (EPOLLHUP | EPOLLERR))
            changes |= LOOP_HUNG_UP;
        if (e) /* NULL: one before it in this turn has removed it */
            e->handler(e, changes, now_ms);
    }
    l->edge_count = 0;
}

static int begin_edges(struct loop *l)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return HX_ESYS;
    int err = loop_watch(l, fd, tell_edges, l);
    if (err < 0)
        close(fd);
    else
        l->edges_fd = fd;
    return err;
}

int loop_add_edge(struct loop *l, struct loop_edge *e)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = e};
    int err = l->edges_fd < 0 ? begin_edges(l) : HX_OK;

    if (err == HX_OK && epoll_ctl(l->edges_fd, EPOLL_CTL_ADD, e->fd, &ev) < 0)
        err = HX_ESYS;
    return err;
}

void loop_remove_edge(struct loop *l, struct loop_edge *e)
{
    epoll_ctl(l->edges_fd, EPOLL_CTL_DEL, e->fd, NULL);
    for (int i = l->edge_at; i < l->edge_count; i++)
        if (l->edges[i].data.ptr == e)
            l->edges[i].data.ptr = NULL;
}

/* libev counts a timer from its own last look at the clock, which may be a turn old. */
static void wait_for_events(struct loop *l, int ms)
{
    if (ms > 0) {
        ev_now_update(l->ev);
        ev_timer_set(&l->timeout, ms / 1000.0, 0.0);
        ev_timer_start(l->ev, &l->timeout);
    }
    ev_run(l->ev, ms == 0 ? EVRUN_NOWAIT : EVRUN_ONCE);
    ev_timer_stop(l->ev, &l->timeout);
}

void loop_run(struct loop *l, loop_turn *turn, void *user)
{
    l->now_us = -1;
    int ms;
    while ((ms = turn(user, turn_ms(l))) != LOOP_END) {
        loop_times_add(&l->times, clock_now_us() - l->now_us);
        l->now_us = -1;
        wait_for_events(l, ms);
    }
}

const struct loop_times *loop_times(const struct loop *l)
{
    return &l->times;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    struct loop_source *s, *next;
    LL_FOREACH_SAFE(l->sources, s, next)
    {
        ev_io_stop(l->ev, &s->io);
        free(s);
    }
    if (l->edges_fd >= 0)
        close(l->edges_fd);
    ev_loop_destroy(l->ev);
    free(l);
}
