#include "test/udtcurl/net.h"
#include "base/clock.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/output.h"
#include "test/udtcurl/wait.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* A peer that vanished raises no event (UDT4.md, B): its stream is looked at this often. */
#define LOOK_MS 1000

int net_open(struct net *n, uint16_t local_port)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(local_port)};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(local_port)};
    struct udt_port_config config = {.backlog = 0};
    int err;
    if (n->port)
        return UC_OK;
    if (local_port != 0) {
        config.local = (struct sockaddr *)&any6;
        config.local_len = sizeof any6;
    }
    err = udt_port_open(&n->port, &config);
    if (err == HX_EADDR && local_port != 0 && errno != EADDRINUSE && errno != EACCES) { /* no IPv6 here */
        config.local = (struct sockaddr *)&any4;
        config.local_len = sizeof any4;
        err = udt_port_open(&n->port, &config);
    }
    if (err == HX_OK)
        return UC_OK;
    n->port = NULL;
    return err == HX_ENOMEM ? UC_MEMORY : UC_LOCAL;
}

static void drop(struct attempt *a)
{
    stream_close(a->stream);
    a->stream = NULL;
}

void net_close(struct net *n)
{
    for (size_t i = 0; i < n->count; i++)
        drop(&n->attempts[i]);
    if (n->connected && n->verbose)
        fprintf(stderr, "* Closing connection %u\n", n->number);
    n->count = n->started = 0;
    n->nonce[0] = '\0';
    n->connected = NULL;
}

bool net_reusable(struct net *n, const struct url *u)
{
    if (!n->connected)
        return false;
    net_pump(n);
    return !n->connected->peer_closed && n->host_port == u->port && strcasecmp(n->host, u->host) == 0;
}

void net_begin(struct net *n, const struct url *u, const struct addrinfo *addresses)
{
    net_close(n);
    memcpy(n->host, u->host, sizeof n->host);
    n->host_port = u->port;
    n->next_ms = 0;
    for (; addresses && n->count < NET_ADDRESSES_MAX; addresses = addresses->ai_next) {
        struct attempt *a = &n->attempts[n->count];
        memset(a, 0, sizeof *a);
        if (endpoint_from_sockaddr(&a->peer, addresses->ai_addr, addresses->ai_addrlen) != HX_OK)
            continue;
        memcpy(&a->address, addresses->ai_addr, addresses->ai_addrlen);
        a->len = addresses->ai_addrlen;
        n->count++;
    }
}

static void start_next(struct net *n, int64_t now_ms, int64_t until_ms)
{
    struct attempt *a = &n->attempts[n->started++];
    char text[ENDPOINT_TEXT_MAX];
    endpoint_format(&a->peer, text);
    if (n->verbose)
        fprintf(stderr, "*   Trying %s...\n", text);
    a->error =
        udt_connect(&a->stream, n->port, (struct sockaddr *)&a->address, a->len, (int)(until_ms - now_ms), a);
    a->state = a->error == HX_OK ? ATTEMPT_RUNS : ATTEMPT_FAILED;
    if (a->error != HX_OK)
        a->stream = NULL;
    n->next_ms = now_ms + NET_NEXT_MS;
}

static int win(struct net *n, struct attempt *a)
{
    char text[ENDPOINT_TEXT_MAX];
    n->connected = a;
    n->number = n->made++;
    for (size_t i = 0; i < n->count; i++)
        if (&n->attempts[i] != a)
            drop(&n->attempts[i]);
    endpoint_format(&a->peer, text);
    *strrchr(text, ':') = '\0';
    if (n->verbose)
        fprintf(stderr, "* Connected to %s (%s) port %u (#%u)\n", n->host, text, a->peer.port, n->number);
    return UC_OK;
}

int net_step(struct net *n, int64_t until_ms)
{
    int64_t now_ms = clock_now_ms();
    size_t failed = 0;
    bool timed_out = false;
    net_pump(n);
    for (size_t i = 0; i < n->started; i++) {
        struct attempt *a = &n->attempts[i];
        if (a->state == ATTEMPT_CONNECTED)
            return win(n, a);
        failed += a->state == ATTEMPT_FAILED;
        timed_out |= a->state == ATTEMPT_FAILED && a->error == HX_ETIMEDOUT;
    }
    if (now_ms >= until_ms)
        return UC_TIMEOUT;
    if (n->started < n->count && (failed == n->started || now_ms >= n->next_ms)) {
        start_next(n, now_ms, until_ms);
        return net_step(n, until_ms); /* as deep as there are addresses */
    }
    if (failed == n->count)
        return timed_out ? UC_TIMEOUT : UC_CONNECT;
    return UC_AGAIN;
}

void net_pump(struct net *n)
{
    struct udt_event ev;
    while (udt_port_next(n->port, &ev) == 1) {
        struct attempt *a = ev.stream->user;
        if (ev.type == UDT_EV_CONNECTED) {
            a->state = ATTEMPT_CONNECTED;
        } else if (ev.type == UDT_EV_CONNECT_FAILED) {
            a->state = ATTEMPT_FAILED;
            a->error = ev.error;
            drop(a);
        } else if (ev.type == UDT_EV_CLOSED) {
            a->peer_closed = true;
        }
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

int net_wait(struct net *n, int watch_fd, int64_t until_ms)
{
    struct pollfd fds[2] = {{.fd = udt_port_fd(n->port), .events = POLLIN}, {.fd = watch_fd}};
    int64_t now_ms = clock_now_ms(), wake_ms = sooner(until_ms, now_ms + LOOK_MS);
    int port_ms = udt_port_timeout_ms(n->port), err;
    if (port_ms >= 0)
        wake_ms = sooner(wake_ms, now_ms + port_ms);
    if (!n->connected && n->started < n->count)
        wake_ms = sooner(wake_ms, n->next_ms);
    err = wait_fds(fds, 2, wake_ms);
    net_pump(n);
    if (err != UC_OK && err != UC_TIMEOUT)
        return err;
    if (fds[1].revents & (POLLERR | POLLNVAL)) {
        errno = EPIPE;
        return UC_WRITE;
    }
    return until_ms >= 0 && clock_now_ms() >= until_ms ? UC_TIMEOUT : UC_OK;
}

/* The socket is bound to every address; the kernel tells which one it would choose. Connecting a UDP socket
 * sends nothing. */
void net_local(const struct net *n, struct endpoint *out)
{
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(&n->connected->peer, &address);
    int probe = socket(n->connected->peer.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct endpoint bound;
    memset(out, 0, sizeof *out);
    if (probe >= 0 && connect(probe, (struct sockaddr *)&address, len) == 0) {
        len = sizeof address;
        if (getsockname(probe, (struct sockaddr *)&address, &len) == 0)
            endpoint_from_sockaddr(out, (struct sockaddr *)&address, len);
    }
    if (probe >= 0)
        close(probe);
    const struct sockaddr *local = udt_port_local(n->port, &len);
    if (endpoint_from_sockaddr(&bound, local, len) == HX_OK)
        out->port = bound.port;
}
