#include "server/service.h"
#include "base/clock.h"
#include "proto/endpoint.h"
#include "server/admin/admin.h"
#include "server/config.h"
#include "server/conn.h"
#include "server/log.h"
#include "server/log_address.h"
#include "server/loop.h"
#include "server/memory.h"
#include "server/notify.h"
#include "server/relay.h"
#include "server/relay_table.h"
#include "server/reload.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/store.h"
#include "server/stun.h"
#include "server/tcp.h"
#include "server/tunnel.h"
#include "shim/udt/udt.h"
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct service {
    struct service_config c;
    struct reload *reload;
    bool events_left;     /* a port's events were not all taken in the last turn */
    size_t ended;         /* connections, when last looked at */
    size_t ended_at_trim; /* connections, when memory was last given back */
    int64_t trim_at_ms;   /* -1: not before more have ended */
    int64_t look_at_ms;   /* when the ports are next looked at */
    bool draining, stopping;
    int64_t stop_at_ms; /* once stopping: the end, in any case */
};

int service_block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return HX_ESYS;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? HX_ESYS : fd;
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

static int timeout_ms(const struct service *s, int64_t now_ms)
{
    int timeout = server_timeout_ms(s->c.server, now_ms);

    if (s->events_left)
        return 0;
    for (size_t i = 0; i < s->c.port_count; i++)
        timeout = earlier(timeout, udt_port_timeout_ms(s->c.ports[i]));
    if (s->c.tcp)
        timeout = earlier(timeout, tcp_timeout_ms(s->c.tcp, now_ms));
    if (s->c.store)
        timeout = earlier(timeout, until(store_next_ms(s->c.store), now_ms));
    if (s->c.admin)
        timeout = earlier(timeout, admin_timeout_ms(s->c.admin, now_ms));
    timeout = earlier(timeout, until(s->trim_at_ms, now_ms));
    timeout = earlier(timeout, until(s->look_at_ms, now_ms));
    if (s->c.notify)
        timeout = earlier(timeout, until(notify_next_ms(s->c.notify), now_ms));
    return s->stopping ? earlier(timeout, until(s->stop_at_ms, now_ms)) : timeout;
}

static void take_event(struct service *s, const struct udt_event *ev, int64_t now_ms)
{
    switch (ev->type) {
    case UDT_EV_ACCEPTED:
        server_accept(s->c.server, ev->stream, now_ms);
        break;
    case UDT_EV_CLOSED:
        server_stream_closed(s->c.server, ev->stream, now_ms);
        break;
    case UDT_EV_READABLE:
    case UDT_EV_WRITABLE:
        server_stream_ready(s->c.server, ev->stream, now_ms);
        break;
    case UDT_EV_CONNECTED:
    case UDT_EV_CONNECT_FAILED:
    case UDT_EV_HALF_CLOSED:
    case UDT_EV_TICKET:
    default:
        break; /* answers to what a server never asks for */
    }
}

/* Events may be left whose descriptor was read empty long ago: every port is asked in every turn. */
static void take_events(struct service *s, int64_t now_ms)
{
    struct udt_event ev;

    s->events_left = false;
    for (size_t i = 0; i < s->c.port_count; i++) {
        for (int taken = 0; udt_port_next(s->c.ports[i], &ev) == 1;) {
            take_event(s, &ev, now_ms);
            if (++taken == SERVICE_TURN_EVENTS) {
                s->events_left = true;
                break;
            }
        }
    }
}

static void tell(struct service *s, enum notify_state state, int64_t now_ms)
{
    char numbers[NOTIFY_TEXT_MAX / 4], status[NOTIFY_TEXT_MAX / 2];
    const char *trouble = "";

    if (!s->c.notify)
        return;
    if (s->c.store && !store_lives(s->c.store))
        trouble = "; the store has died: restart to have it back";
    else if (s->c.store && !store_owners_usable(s->c.store))
        trouble = "; the owners' database cannot be used";
    snprintf(status, sizeof status, "%s%s%s", s->draining ? "draining: " : "",
             stats_text(s->c.server, numbers, sizeof numbers), trouble);
    notify_send(s->c.notify, state, status, now_ms);
}

static void tell_alive(struct service *s, int64_t now_ms)
{
    int64_t next_ms = s->c.notify ? notify_next_ms(s->c.notify) : -1;

    if (next_ms >= 0 && next_ms <= now_ms)
        tell(s, NOTIFY_ALIVE, now_ms);
}

static void stop(struct service *s, const char *signal_name, int64_t now_ms)
{
    log_always(LOG_INFO, "stopping", "signal", signal_name, "connections",
               LOG_NUM((int64_t)server_connections(s->c.server)));
    tell(s, NOTIFY_STOPPING, now_ms);
    s->stopping = true;
    s->stop_at_ms = now_ms + CONN_STOP_MS + SERVICE_STOP_MS;
    server_stop(s->c.server, now_ms);
}

static void drain(struct service *s, int64_t now_ms)
{
    s->draining = true;
    server_drain(s->c.server, s->c.config->drain_ms, now_ms);
    log_always(LOG_INFO, "draining", "holders", LOG_NUM((int64_t)server_holders_left(s->c.server)), "ms",
               LOG_NUM(s->c.config->drain_ms));
    if (s->c.notify)
        notify_stop_takes(s->c.notify, server_drain_end_ms(s->c.server) + CONN_STOP_MS + SERVICE_STOP_MS);
    tell(s, NOTIFY_STOPPING, now_ms);
}

/* Somebody asks a second time, or at a terminal, for an end now. */
static void end_by_signal(struct service *s, uint32_t number, int64_t now_ms)
{
    bool again = s->draining || s->stopping;
    bool may_drain = s->c.config && s->c.config->drain_ms > 0;

    if (number == SIGTERM && may_drain && !again) {
        drain(s, now_ms);
        return;
    }
    if (!s->stopping)
        stop(s, number == SIGINT ? "SIGINT" : "SIGTERM", now_ms);
    if (again)
        s->stop_at_ms = now_ms;
}

/* Nobody is left, or only those who hold no name and have had the whole time. */
static void drain_on(struct service *s, int64_t now_ms)
{
    struct relay_totals relayed = {.open = 0};

    if (!s->draining || s->stopping)
        return;
    if (s->c.relay)
        relay_totals(s->c.relay, &relayed);
    bool nobody = server_connections(s->c.server) == 0 && relayed.open == 0;
    if (server_drained(s->c.server, now_ms) && (nobody || now_ms >= server_drain_end_ms(s->c.server)))
        stop(s, "SIGTERM", now_ms);
}

static struct stats_sources sources(const struct service *s)
{
    return (struct stats_sources){.server = s->c.server,
                                  .stun = s->c.stun,
                                  .relay = s->c.relay,
                                  .ports = s->c.ports,
                                  .port_count = s->c.port_count};
}

static void log_numbers(struct service *s)
{
    const struct stats_sources all = sources(s);

    stats_log(s->c.server, s->c.stats_fd);
    if (s->c.relay)
        relay_log_numbers(s->c.relay);
    stats_log_counters(&all);
}

static void reload(struct service *s, int64_t now_ms)
{
    if (s->stopping)
        return;
    tell(s, NOTIFY_RELOADING, now_ms);
    reload_begin(s->reload);
}

static void reloaded(void *user)
{
    struct service *s = user;

    if (!s->stopping)
        tell(s, NOTIFY_READY, clock_now_ms());
}

static void take_signals(void *user, int64_t now_ms)
{
    struct service *s = user;
    struct signalfd_siginfo info;

    while (read(s->c.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            log_numbers(s);
        else if (info.ssi_signo == SIGHUP)
            reload(s, now_ms);
        else
            end_by_signal(s, info.ssi_signo, now_ms);
    }
}

/* What a burst of connections has left free is kept: a quiet server would look as big as its busiest
 * second. */
static void trim_memory(struct service *s, int64_t now_ms)
{
    size_t ended = server_ended(s->c.server);

    if (ended != s->ended) {
        s->ended = ended;
        s->trim_at_ms = ended - s->ended_at_trim >= SERVICE_TRIM_ENDED ? now_ms + SERVICE_TRIM_MS : -1;
    } else if (s->trim_at_ms >= 0 && s->trim_at_ms <= now_ms) {
        memory_give_back();
        s->ended_at_trim = ended;
        s->trim_at_ms = -1;
    }
}

/* Once a second. Peers whose datagrams the filter refuses: the shim names each once a minute. */
static void look_at_ports(struct service *s, int64_t now_ms)
{
    struct udt_drop drop;

    if (now_ms < s->look_at_ms)
        return;
    s->look_at_ms = now_ms + SERVICE_LOOK_MS;
    if (s->c.relay)
        relay_look(s->c.relay, now_ms);
    for (size_t i = 0; i < s->c.port_count; i++)
        while (udt_port_next_drop(s->c.ports[i], &drop) == 1) {
            struct endpoint peer = {.family = AF_UNSPEC};

            endpoint_from_sockaddr(&peer, (const struct sockaddr *)&drop.peer, sizeof drop.peer);
            log_event_of(LOG_WARN, "dropped", tunnels_source(server_tunnels(s->c.server), &peer), "dropped",
                         "peer", LOG_ADDRESS(&peer), "rule", drop.rule);
        }
}

static bool finished(const struct service *s, int64_t now_ms)
{
    return s->stopping && (server_connections(s->c.server) == 0 || now_ms >= s->stop_at_ms);
}

/* A port's descriptor only ends the wait: its events are taken in the turn, in bounded numbers. */
static void port_ready(void *user, int64_t now_ms)
{
    (void)user;
    (void)now_ms;
}

static int turn(void *user, int64_t now_ms)
{
    struct service *s = user;

    take_events(s, now_ms);
    if (s->c.tcp)
        tcp_turn(s->c.tcp, now_ms);
    if (s->c.store)
        store_turn(s->c.store, now_ms);
    server_turn(s->c.server, now_ms);
    trim_memory(s, now_ms);
    look_at_ports(s, now_ms);
    tell_alive(s, now_ms);
    if (s->c.admin)
        admin_turn(s->c.admin, now_ms);
    drain_on(s, now_ms);
    return finished(s, now_ms) ? LOOP_END : timeout_ms(s, clock_now_ms());
}

static int watch_stun(struct stun *stun, struct loop *loop)
{
    const int *fds;
    size_t count = stun_descriptors(stun, &fds);

    for (size_t i = 0; i < count; i++) {
        int err = loop_watch(loop, fds[i], stun_ready, stun);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

static int begin_admin(const struct service *s, struct loop *loop)
{
    const struct admin_sources from = {
        .counters = sources(s), .server = s->c.server, .loop = loop, .stats_fd = s->c.stats_fd};

    return admin_begin(s->c.admin, loop, &from);
}

static int begin_reload(struct service *s)
{
    const struct reload_config from = {.argc = s->c.argc,
                                       .argv = s->c.argv,
                                       .running = s->c.config,
                                       .store = s->c.store,
                                       .server = s->c.server,
                                       .auth = s->c.auth,
                                       .stun = s->c.stun,
                                       .relay = s->c.relay,
                                       .tcp = s->c.tcp,
                                       .ports = s->c.ports,
                                       .port_count = s->c.port_count,
                                       .done = reloaded,
                                       .user = s};

    return reload_create(&s->reload, &from);
}

int service_run(const struct service_config *config)
{
    struct service s = {.c = *config, .trim_at_ms = -1};
    struct loop *loop;
    int err = loop_create(&loop);

    if (err < 0)
        return err;
    err = loop_watch(loop, s.c.signal_fd, take_signals, &s);
    for (size_t i = 0; err == HX_OK && i < s.c.port_count; i++)
        err = loop_watch(loop, udt_port_fd(s.c.ports[i]), port_ready, &s);
    if (err == HX_OK && s.c.stun)
        err = watch_stun(s.c.stun, loop);
    if (err == HX_OK && s.c.tcp)
        err = tcp_begin(s.c.tcp, loop, s.c.server);
    if (err == HX_OK)
        err = tunnels_begin(server_tunnels(s.c.server), loop);
    if (err == HX_OK && s.c.admin)
        err = begin_admin(&s, loop);
    if (err == HX_OK)
        err = begin_reload(&s);
    if (err == HX_OK && s.c.store)
        err = store_begin(s.c.store, loop);
    if (err == HX_OK) {
        tell(&s, NOTIFY_READY, clock_now_ms());
        loop_run(loop, turn, &s);
    }
    if (s.c.tcp)
        tcp_end(s.c.tcp);
    if (s.c.store)
        store_leave(s.c.store);
    loop_destroy(loop);
    reload_destroy(s.reload);
    return err;
}
