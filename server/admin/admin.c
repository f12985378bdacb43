#include "server/admin/admin.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "proto/endpoint.h"
#include "server/admin/admin_state.h"
#include "server/conn.h"
#include "server/loop.h"
#include "server/server.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define BACKLOG 64

/* ---- listeners ---- */

/* A socket that nobody listens at any more is what an earlier process has left. */
static void remove_stale(const struct sockaddr_un *sun)
{
    struct stat st;

    if (lstat(sun->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) < 0 && errno == ECONNREFUSED)
        unlink(sun->sun_path);
    close(fd);
}

static int listen_path(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    strcpy(sun.sun_path, path);
    remove_stale(&sun);
    mode_t mask = umask(0117);
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&sun, sizeof sun) == 0;
    umask(mask);
    if (bound && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

static int listen_at(const struct server_listen *l)
{
    int one = 1, v6_only = !l->any, family = l->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (bind(fd, (const struct sockaddr *)&l->address, l->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* A kernel without IPv6: every address is every one of IPv4. */
static int listen_tcp(struct server_listen l)
{
    int fd = listen_at(&l);

    if (fd < 0 && errno == EAFNOSUPPORT && l.any && listen_restrict(&l, AF_INET) == HX_OK)
        fd = listen_at(&l);
    return fd;
}

static void name_listener(struct admin_listener *l, const struct admin_address *a, int fd)
{
    struct sockaddr_storage local = a->tcp.address;
    struct endpoint e = {.family = AF_UNSPEC};
    socklen_t len = sizeof local;
    char text[ENDPOINT_TEXT_MAX];

    l->by_path = a->path[0] != '\0';
    if (fd >= 0 && !l->by_path)
        (void)getsockname(fd, (struct sockaddr *)&local, &len);
    endpoint_from_sockaddr(&e, (const struct sockaddr *)&local, len);
    endpoint_format(&e, text);
    snprintf(l->text, sizeof l->text, "%s", l->by_path ? a->path : text);
}

/* ---- connections ---- */

/* Begun and ended. libmicrohttpd gives up who says nothing at all; who says little for ever has a deadline
 * here. */
static void notice_peer(void *user, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
    struct admin_listener *l = user;
    struct admin_peer *p = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        p = calloc(1, sizeof *p);
        *context = p;
        if (!p)
            return; /* its requests are refused */
        p->listener = l;
        p->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        p->deadline_ms = l->admin->now_ms + ADMIN_REQUEST_MS;
        DL_APPEND(l->peers, p);
    } else if (p) {
        DL_DELETE(l->peers, p);
        free(p);
    }
}

static void cut_off_slow(struct admin_listener *l, int64_t now_ms)
{
    for (struct admin_peer *p = l->peers; p; p = p->next)
        if (p->deadline_ms >= 0 && p->deadline_ms <= now_ms)
            shutdown(p->fd, SHUT_RDWR); /* libmicrohttpd finds it closed */
}

static void ignore_message(void *user, const char *format, va_list arguments)
{
    (void)user;
    (void)format;
    (void)arguments;
}

/* What it accepts inherits that (socket(7)): who reads slowly costs the kernel little. */
static int start(struct admin_listener *l, int fd)
{
    int unsent = ADMIN_UNSENT_BYTES;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &unsent, sizeof unsent);
    l->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, http_request, l,
        MHD_OPTION_EXTERNAL_LOGGER, ignore_message, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)ADMIN_PER_IP_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(ADMIN_IDLE_MS / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)ADMIN_MEMORY_MAX, MHD_OPTION_NOTIFY_CONNECTION,
        notice_peer, l, MHD_OPTION_NOTIFY_COMPLETED, http_completed, l, MHD_OPTION_END);
    return l->daemon ? HX_OK : HX_ESYS;
}

/* ---- the whole ---- */

static int add_listener(struct admin *a, const struct admin_address *address)
{
    struct admin_listener *l = &a->listeners[a->count];
    int fd = address->tcp.fd;

    if (fd <= 0) /* else it is open already */
        fd = address->path[0] ? listen_path(address->path) : listen_tcp(address->tcp);
    l->admin = a;
    name_listener(l, address, fd);
    if (fd < 0) {
        fprintf(stderr, "hx-nameserver: cannot listen on %s: %s; choose another address with --admin\n",
                l->text, strerror(errno));
        return HX_EADDR;
    }
    if (start(l, fd) < 0) {
        fprintf(stderr, "hx-nameserver: cannot serve on %s: %s\n", l->text, strerror(errno));
        close(fd);
        return HX_ESYS;
    }
    a->count++;
    return HX_OK;
}

static int read_token(struct admin *a, const char *path)
{
    int err = access_read_token(&a->access, path);

    if (err == HX_EINVAL)
        fprintf(stderr,
                "hx-nameserver: %s: its first line is no token; give %d to %d printable characters, as "
                "from: openssl rand -hex 16\n",
                path, ACCESS_TOKEN_MIN, ACCESS_TOKEN_MAX);
    else if (err < 0)
        fprintf(stderr, "hx-nameserver: %s: cannot be read: %s\n", path,
                err == HX_ESYS ? strerror(errno) : hx_error_text(err));
    return err;
}

int admin_create(struct admin **out, const struct server_config *config)
{
    *out = NULL;
    if (config->admin_count == 0)
        return HX_OK;
    struct admin *a = calloc(1, sizeof *a);
    if (!a) {
        fprintf(stderr, "hx-nameserver: cannot serve --admin: %s\n", hx_error_text(HX_ENOMEM));
        return HX_ENOMEM;
    }
    int err = config->admin_token[0] ? read_token(a, config->admin_token) : HX_OK;
    for (size_t i = 0; err == HX_OK && i < config->admin_count; i++)
        err = add_listener(a, &config->admin[i]);
    if (err < 0)
        admin_destroy(a);
    else
        *out = a;
    return err;
}

size_t admin_listeners(const struct admin *a)
{
    return a ? a->count : 0;
}

const char *admin_text(const struct admin *a, size_t which)
{
    return a->listeners[which].text;
}

static unsigned connections(const struct admin_listener *l)
{
    return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* It takes some of those that wait to connect, and has another turn for the rest. */
static void run(struct admin_listener *l)
{
    unsigned before = connections(l);

    MHD_run(l->daemon);
    l->again = connections(l) > before;
}

static void ready(struct loop_edge *e, unsigned changes, int64_t now_ms)
{
    struct admin_listener *l = container_of(e, struct admin_listener, edge);

    (void)changes;
    l->admin->now_ms = now_ms;
    run(l);
}

int admin_begin(struct admin *a, struct loop *loop, const struct admin_sources *from)
{
    int err = HX_OK;

    a->from = *from;
    a->now_ms = a->tick_ms = clock_now_ms();
    a->serving = true;
    server_world(from->server, a->now_ms)->introductions = &a->introductions;
    /* Changes alone are told: without a descriptor for it, who wants to connect would be told of for ever, and
     * is tried again each second. */
    for (size_t i = 0; err == HX_OK && i < a->count; i++) {
        struct admin_listener *l = &a->listeners[i];

        l->edge = (struct loop_edge){.fd = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                                     .handler = ready};
        err = loop_add_edge(loop, &l->edge);
    }
    return err;
}

static int64_t daemon_timeout_ms(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG ms;

    return MHD_get_timeout(daemon, &ms) == MHD_YES ? (int64_t)ms : INT64_MAX;
}

static bool has_news(const struct admin *a)
{
    return a->listeners_to_events > 0 && a->news != a->introductions.changes;
}

void admin_turn(struct admin *a, int64_t now_ms)
{
    bool resumed = a->waiting != NULL;

    a->now_ms = now_ms;
    a->spent_us = 0;
    http_resume_all(&a->waiting);
    if (now_ms >= a->tick_ms) {
        a->tick_ms = now_ms + ADMIN_TICK_MS;
        status_look(&a->status, &a->from, now_ms);
        for (size_t i = 0; i < a->count; i++)
            cut_off_slow(&a->listeners[i], now_ms);
        events_tick(a);
        resumed = true;
    }
    if (has_news(a) && now_ms - a->news_ms >= ADMIN_NEWS_MS) {
        events_news(a);
        resumed = true;
    }
    for (size_t i = 0; i < a->count; i++)
        if (resumed || a->listeners[i].again || daemon_timeout_ms(a->listeners[i].daemon) == 0)
            run(&a->listeners[i]);
}

int admin_timeout_ms(const struct admin *a, int64_t now_ms)
{
    int64_t ms = a->tick_ms > now_ms ? a->tick_ms - now_ms : 0;
    int64_t news_ms = a->news_ms + ADMIN_NEWS_MS > now_ms ? a->news_ms + ADMIN_NEWS_MS - now_ms : 0;

    if (has_news(a) && news_ms < ms)
        ms = news_ms;

    for (size_t i = 0; i < a->count; i++) {
        int64_t daemon_ms = daemon_timeout_ms(a->listeners[i].daemon);

        if (daemon_ms < ms)
            ms = daemon_ms;
        if (a->listeners[i].again)
            ms = 0;
    }
    return a->waiting ? 0 : (int)ms;
}

void admin_destroy(struct admin *a)
{
    if (!a)
        return;
    a->ended = true; /* what it looks at may be gone */
    http_resume_all(&a->waiting);
    http_resume_all(&a->listening);
    for (size_t i = 0; i < a->count; i++) {
        MHD_run(a->listeners[i].daemon); /* none may be suspended */
        MHD_stop_daemon(a->listeners[i].daemon);
    }
    buf_free(&a->status_text);
    free(a);
}
