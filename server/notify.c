#include "server/notify.h"
#include "base/error.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The protocol is one datagram of lines to one socket, promised not to change (sd_notify(3), "Notes"). The
 * library would bring liblzma, libzstd, liblz4, libgcrypt and libcap into a process that hostile datagrams
 * reach. */

static int parse_address(struct notify *n, const char *name)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof n->to.sun_path)
        return HX_EINVAL;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, name, len);
    if (name[0] == '@')
        n->to.sun_path[0] = '\0'; /* the abstract namespace (unix(7)) */
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    return HX_OK;
}

static void read_watchdog(struct notify *n)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long interval = usec ? strtoll(usec, NULL, 10) : 0;

    n->beat_ms = NOTIFY_STATUS_MS;
    if (interval <= 0 || (pid && strtoll(pid, NULL, 10) != getpid()))
        return;
    n->watchdog = true;
    if (interval / 2000 < n->beat_ms)
        n->beat_ms = interval / 2000 > 0 ? interval / 2000 : 1;
}

int notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");

    *n = (struct notify){.fd = -1, .next_ms = -1};
    if (!name || name[0] == '\0')
        return HX_OK;
    if (parse_address(n, name) < 0)
        return HX_EINVAL;
    read_watchdog(n);
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return n->fd < 0 ? HX_ESYS : HX_OK;
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
    n->next_ms = -1;
}

/* systemd wants to know since when, by this clock, so that it can tell this reload from an earlier one. */
static void write_head(char *out, size_t size, enum notify_state state)
{
    static const char *const heads[] = {[NOTIFY_READY] = "READY=1\n",
                                        [NOTIFY_ALIVE] = "WATCHDOG=1\n",
                                        [NOTIFY_RELOADING] = "RELOADING=1\n",
                                        [NOTIFY_STOPPING] = "STOPPING=1\n"};
    struct timespec now;
    int len = snprintf(out, size, "%s", heads[state]);

    if (state != NOTIFY_RELOADING)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(out + len, size - (size_t)len, "MONOTONIC_USEC=%lld\n",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_send(struct notify *n, enum notify_state state, const char *status, int64_t now_ms)
{
    char head[64] = "", text[NOTIFY_TEXT_MAX], extend[64] = "";

    if (n->fd < 0)
        return;
    n->next_ms = now_ms + n->beat_ms;
    if (state != NOTIFY_ALIVE || n->watchdog)
        write_head(head, sizeof head, state);
    if (n->until_ms > now_ms)
        snprintf(extend, sizeof extend, "EXTEND_TIMEOUT_USEC=%lld\n",
                 (long long)(n->until_ms - now_ms + NOTIFY_EXTEND_MS) * 1000);
    int len = snprintf(text, sizeof text, "%s%sSTATUS=%s", head, extend, status);
    if (len > 0 && (size_t)len < sizeof text)
        (void)sendto(n->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
                     n->to_len);
}

void notify_stop_takes(struct notify *n, int64_t until_ms)
{
    n->until_ms = until_ms;
}

int64_t notify_next_ms(const struct notify *n)
{
    return n->next_ms;
}
