#include "server/inherited.h"
#include "base/error.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum use { USE_NONE, USE_UDP, USE_TCP, USE_ADMIN };

struct inherited {
    int fd, family, type;
    char name[64];
    bool listens, connected;
    struct sockaddr_storage local;
    socklen_t len;
};

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, level, option, &value, &len) < 0 ? -1 : value;
}

/* Of what is no socket nothing is true. */
static void look(struct inherited *s)
{
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;

    s->family = option_of(s->fd, SOL_SOCKET, SO_DOMAIN);
    s->type = option_of(s->fd, SOL_SOCKET, SO_TYPE);
    s->listens = option_of(s->fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    s->connected = getpeername(s->fd, (struct sockaddr *)&peer, &peer_len) == 0;
    s->len = sizeof s->local;
    if (getsockname(s->fd, (struct sockaddr *)&s->local, &s->len) < 0)
        s->family = -1;
}

static bool has_port(const struct inherited *s)
{
    if (s->family == AF_INET)
        return ((const struct sockaddr_in *)&s->local)->sin_port != 0;
    return s->family == AF_INET6 && ((const struct sockaddr_in6 *)&s->local)->sin6_port != 0;
}

static bool is_path(const struct inherited *s)
{
    return s->family == AF_UNIX && ((const struct sockaddr_un *)&s->local)->sun_path[0] == '/';
}

static enum use use_of(const struct inherited *s)
{
    bool admin = strcmp(s->name, INHERITED_ADMIN) == 0;

    if (s->type == SOCK_STREAM && s->listens && admin && (has_port(s) || is_path(s)))
        return USE_ADMIN;
    if (admin || !has_port(s))
        return USE_NONE;
    if (s->type == SOCK_STREAM && s->listens && option_of(s->fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP)
        return USE_TCP;
    if (s->type == SOCK_DGRAM && !s->connected && option_of(s->fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP)
        return USE_UDP;
    return USE_NONE;
}

static int add_listen(struct server_listen list[CONFIG_LISTEN_MAX], size_t *count, const struct inherited *s)
{
    if (*count == CONFIG_LISTEN_MAX)
        return HX_ELIMIT;
    list[(*count)++] = (struct server_listen){.address = s->local, .len = s->len, .fd = s->fd};
    return HX_OK;
}

static int add_admin(struct server_config *c, const struct inherited *s)
{
    if (c->admin_count == CONFIG_ADMIN_MAX)
        return HX_ELIMIT;
    struct admin_address *a = &c->admin[c->admin_count++];
    *a = (struct admin_address){.tcp = {.address = s->local, .len = s->len, .fd = s->fd}};
    if (s->family == AF_UNIX)
        snprintf(a->path, sizeof a->path, "%.*s", (int)sizeof a->path - 1,
                 ((const struct sockaddr_un *)&s->local)->sun_path);
    return HX_OK;
}

/* The kind of socket that was asked for is had from outside alone once one of them is. */
static int add(struct server_config *c, const struct inherited *s, bool replaced[USE_ADMIN + 1])
{
    enum use use = use_of(s);
    size_t *const counts[] = {
        [USE_UDP] = &c->listen_count, [USE_TCP] = &c->listen_tcp_count, [USE_ADMIN] = &c->admin_count};

    if (use == USE_NONE)
        return HX_EINVAL;
    if (!replaced[use])
        *counts[use] = 0;
    replaced[use] = true;
    if (use == USE_ADMIN)
        return add_admin(c, s);
    return add_listen(use == USE_UDP ? c->listen : c->listen_tcp, counts[use], s);
}

/* UDT's thread waits in its reads, and the loop may not. Nobody else reads of them while we live. */
static int prepare(const struct inherited *s)
{
    int flags = fcntl(s->fd, F_GETFL);
    bool udp = s->type == SOCK_DGRAM;

    if (flags < 0 || fcntl(s->fd, F_SETFD, FD_CLOEXEC) < 0)
        return HX_ESYS;
    return fcntl(s->fd, F_SETFL, udp ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0 ? HX_ESYS : HX_OK;
}

/* The next of the names between colons. */
static void next_name(const char **names, char out[64])
{
    size_t len = strcspn(*names, ":"), kept = len < 63 ? len : 63;

    memcpy(out, *names, kept);
    out[kept] = '\0';
    *names += len + ((*names)[len] == ':');
}

/* How many there are for us; 0: none. */
static int count_of(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

    if (!pid || !fds || strtoll(pid, NULL, 10) != getpid())
        return 0;
    long count = strtol(fds, NULL, 10);
    return count < 0 || count > 3 * CONFIG_LISTEN_MAX ? -1 : (int)count;
}

static int take_all(struct server_config *c, int count, const char *names, char error[CONFIG_ERROR_MAX])
{
    bool replaced[USE_ADMIN + 1] = {false};

    for (int i = 0; i < count; i++) {
        struct inherited s = {.fd = INHERITED_FIRST + i};

        next_name(&names, s.name);
        look(&s);
        int err = add(c, &s, replaced);
        if (err == HX_OK && prepare(&s) == HX_OK)
            continue;
        snprintf(error, CONFIG_ERROR_MAX, "socket %d of LISTEN_FDS, '%s', %s", s.fd, s.name,
                 err == HX_ELIMIT ? "is one too many"
                                  : "is no UDP socket with a port, no TCP socket that listens, and none that "
                                    "listens and is called admin; change the .socket unit");
        return HX_EINVAL;
    }
    return server_config_check(c, error);
}

int inherited_take(struct server_config *c, char error[CONFIG_ERROR_MAX])
{
    int count = count_of(), err = HX_OK;
    const char *names = getenv("LISTEN_FDNAMES");

    if (count < 0) {
        snprintf(error, CONFIG_ERROR_MAX, "LISTEN_FDS is not a number of sockets from 0 to %d",
                 3 * CONFIG_LISTEN_MAX);
        err = HX_EINVAL;
    } else if (count > 0) {
        err = take_all(c, count, names ? names : "", error);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return err;
}
