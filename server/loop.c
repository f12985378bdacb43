#include "server/loop.h"
#include "base/clock.h"
#include "server/conn.h"
#include "server/log.h"
#include "server/memory.h"
#include "server/notify.h"
#include "server/server.h"
#include "server/stats.h"
#include "shim/udt/udt.h"
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct loop {
    struct server *server;
    struct udt_port *port;
    struct notify *notify;
    int signal_fd;
    int stats_fd;
    int epoll_fd;
    bool events_left;     /* the last turn has not taken all of them */
    size_t ended;         /* connections, when last looked at */
    size_t ended_at_trim; /* connections, when memory was last given back */
    int64_t trim_at_ms;   /* -1: not before more have ended */
    bool stopping;
    int64_t stop_at_ms; /* once stopping: the end, in any case */
};

int loop_block_signals(void)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return HX_ESYS;
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? HX_ESYS : fd;
}

static int watch(struct loop *l, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? HX_ESYS : HX_OK;
}

static int earlier(int a, int b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static int until(int64_t at_ms, int64_t now_ms)
{
    if (at_ms < 0)
        return -1;
    return at_ms <= now_ms ? 0 : (int)(at_ms - now_ms);
}

static int timeout_ms(const struct loop *l)
{
    int64_t now_ms = clock_now_ms();
    int timeout = earlier(server_timeout_ms(l->server, now_ms), udt_port_timeout_ms(l->port));

    if (l->events_left)
        return 0;
    timeout = earlier(timeout, until(l->trim_at_ms, now_ms));
    if (l->notify)
        timeout = earlier(timeout, until(notify_next_ms(l->notify), now_ms));
    return l->stopping ? earlier(timeout, until(l->stop_at_ms, now_ms)) : timeout;
}

static void take_event(struct loop *l, const struct udt_event *ev, int64_t now_ms)
{
    switch (ev->type) {
    case UDT_EV_ACCEPTED:
        server_accept(l->server, ev->stream, now_ms);
        break;
    case UDT_EV_CLOSED:
        server_stream_closed(l->server, ev->stream, now_ms);
        break;
    case UDT_EV_READABLE:
    case UDT_EV_WRITABLE:
        server_stream_ready(l->server, ev->stream, now_ms);
        break;
    case UDT_EV_CONNECTED:
    case UDT_EV_CONNECT_FAILED:
    case UDT_EV_HALF_CLOSED:
    default:
        break; /* answers to what a server never asks for */
    }
}

static void take_events(struct loop *l, int64_t now_ms)
{
    struct udt_event ev;

    l->events_left = false;
    for (int taken = 0; udt_port_next(l->port, &ev) == 1;) {
        take_event(l, &ev, now_ms);
        if (++taken == LOOP_TURN_EVENTS) {
            l->events_left = true;
            break;
        }
    }
}

static void tell(struct loop *l, enum notify_state state, int64_t now_ms)
{
    char status[NOTIFY_TEXT_MAX / 2];

    if (l->notify)
        notify_send(l->notify, state, stats_text(l->server, status, sizeof status), now_ms);
}

static void tell_alive(struct loop *l, int64_t now_ms)
{
    int64_t next_ms = l->notify ? notify_next_ms(l->notify) : -1;

    if (next_ms >= 0 && next_ms <= now_ms)
        tell(l, NOTIFY_ALIVE, now_ms);
}

static void stop(struct loop *l, const char *signal_name, int64_t now_ms)
{
    if (l->stopping) {
        l->stop_at_ms = now_ms;
        return;
    }
    log_event(LOG_INFO, "stopping", "signal", signal_name, "connections",
              LOG_NUM((int64_t)server_connections(l->server)));
    tell(l, NOTIFY_STOPPING, now_ms);
    l->stopping = true;
    l->stop_at_ms = now_ms + CONN_STOP_MS + LOOP_STOP_MS;
    server_stop(l->server, now_ms);
}

static void take_signals(struct loop *l, int64_t now_ms)
{
    struct signalfd_siginfo info;

    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            stats_log(l->server, l->stats_fd);
        else
            stop(l, info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM", now_ms);
    }
}

/* What a burst of connections has left free is kept: a quiet server would look as big as its busiest second.
 */
static void trim_memory(struct loop *l, int64_t now_ms)
{
    size_t ended = server_ended(l->server);

    if (ended != l->ended) {
        l->ended = ended;
        l->trim_at_ms = ended - l->ended_at_trim >= LOOP_TRIM_ENDED ? now_ms + LOOP_TRIM_MS : -1;
    } else if (l->trim_at_ms >= 0 && l->trim_at_ms <= now_ms) {
        memory_give_back();
        l->ended_at_trim = ended;
        l->trim_at_ms = -1;
    }
}

static bool finished(const struct loop *l, int64_t now_ms)
{
    return l->stopping && (server_connections(l->server) == 0 || now_ms >= l->stop_at_ms);
}

static int turns(struct loop *l)
{
    int64_t now_ms = clock_now_ms();

    tell(l, NOTIFY_READY, now_ms);
    while (!finished(l, now_ms)) {
        struct epoll_event ready[2];
        int n = epoll_wait(l->epoll_fd, ready, 2, timeout_ms(l));

        if (n < 0 && errno != EINTR)
            return HX_ESYS;
        now_ms = clock_now_ms();
        take_signals(l, now_ms);
        take_events(l, now_ms);
        server_turn(l->server, now_ms);
        trim_memory(l, now_ms);
        tell_alive(l, now_ms);
    }
    return HX_OK;
}

int loop_run(const struct loop_config *config)
{
    struct loop l = {.server = config->server,
                     .port = config->port,
                     .notify = config->notify,
                     .signal_fd = config->signal_fd,
                     .stats_fd = config->stats_fd,
                     .trim_at_ms = -1};
    int err;

    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l.epoll_fd < 0)
        return HX_ESYS;
    err = watch(&l, l.signal_fd);
    if (err == HX_OK)
        err = watch(&l, udt_port_fd(l.port));
    if (err == HX_OK)
        err = turns(&l);
    close(l.epoll_fd);
    return err;
}
