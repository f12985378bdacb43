#include "client/tcp_race.h"
#include "base/container_of.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct runner {
    struct engine_watch watch; /* fd: below 0: not in the race any more */
    struct tcp_race *race;
};

struct tcp_race {
    struct eyeballs *eyeballs;
    struct runner runners[EYEBALLS_MAX];
    int runner_count;
    tcp_race_done_fn *done;
    void *user;
};

/* Its descriptor is the caller's. */
static int leave(struct runner *runner)
{
    int fd = runner->watch.fd;
    if (fd >= 0)
        engine_watch_end(&runner->watch);
    runner->watch.fd = -1;
    return fd;
}

static void drop(struct runner *runner)
{
    int fd = leave(runner);
    if (fd >= 0)
        close(fd);
}

void tcp_race_cancel(struct tcp_race *r)
{
    if (!r)
        return;
    eyeballs_end(r->eyeballs);
    for (int i = 0; i < r->runner_count; i++)
        drop(&r->runners[i]);
    free(r);
}

static void over(struct tcp_race *r, const struct tcp_race_result *result)
{
    tcp_race_done_fn *done = r->done;
    void *user = r->user;
    tcp_race_cancel(r);
    done(user, result);
}

static void on_lost(void *user, int error, bool hopeless)
{
    over(user, &(struct tcp_race_result){.error = error, .hopeless = hopeless, .fd = -1});
}

static int error_of(int system)
{
    switch (system) {
    case ECONNREFUSED:
        return HX_EREFUSED;
    case ETIMEDOUT:
    case ENETUNREACH:
    case EHOSTUNREACH: /* as a network would have it that drops everything, only sooner */
    case EACCES:
    case EPERM: /* a firewall of this host */
        return HX_ETIMEDOUT;
    default:
        return HX_ESYS;
    }
}

/* HX_OK: it is connected; HX_EAGAIN: not yet. */
static int outcome(int fd)
{
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    int system = 0;
    socklen_t len = sizeof system;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &system, &len) < 0)
        return HX_ESYS;
    if (system != 0)
        return error_of(system);
    return getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 ? HX_OK : HX_EAGAIN;
}

static void on_ready(struct engine_watch *w)
{
    struct runner *runner = container_of(w, struct runner, watch);
    struct tcp_race *r = runner->race;
    int err = outcome(w->fd);
    if (err == HX_EAGAIN)
        return;
    if (err == HX_OK) {
        over(r, &(struct tcp_race_result){.error = HX_OK, .fd = leave(runner)});
        return;
    }
    drop(runner);
    eyeballs_failed(r->eyeballs, err);
}

static int on_attempt(void *user, const struct sockaddr *to, socklen_t len)
{
    struct tcp_race *r = user;
    struct runner *runner = &r->runners[r->runner_count];
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return HX_ESYS;
    int err = connect(fd, to, len) == 0 || errno == EINPROGRESS ? HX_OK : error_of(errno);
    *runner = (struct runner){.watch = {.fd = fd, .on_ready = on_ready}, .race = r};
    if (err == HX_OK)
        err = engine_watch_begin(&runner->watch);
    if (err < 0) {
        close(fd);
        return err;
    }
    engine_watch_writable(&runner->watch, true);
    r->runner_count++;
    return HX_OK;
}

int tcp_race_begin(struct tcp_race **out, const struct host_port *name, int families, tcp_race_done_fn *done,
                   void *user)
{
    struct tcp_race *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->done = done;
    r->user = user;
    const struct eyeballs_callbacks callbacks = {.attempt = on_attempt, .lost = on_lost, .user = r};
    if (eyeballs_begin(&r->eyeballs, name, families, &callbacks) < 0) {
        free(r);
        return HX_ENOMEM;
    }
    *out = r;
    return HX_OK;
}
