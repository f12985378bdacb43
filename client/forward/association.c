#include "client/forward/association.h"
#include "base/container_of.h"
#include "base/descriptors.h"
#include "client/forward/socks_udp.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct target {
    struct flow_client flow;
    struct association *all;
    LIST_ENTRY(target) entry;
};

struct association {
    struct flow_owner owner;
    int fd;
    ev_io readable;
    struct endpoint client; /* port 0: it has not spoken yet */
    struct sockaddr_storage address;
    socklen_t address_len; /* of the client */
    LIST_HEAD(target_list, target) targets;
};

static void on_ended(struct flow_client *f)
{
    struct target *t = container_of(f, struct target, flow);
    LIST_REMOVE(t, entry);
    free(t);
}

/* The address that a target answers from: as the other side reached it, if that has told, else as it was
 * asked. */
static size_t write_head(const struct target *t, uint8_t head[SOCKS_UDP_HEAD_MAX])
{
    struct authority from;
    if (authority_parse(&from, t->flow.address) != HX_OK)
        from = t->flow.target;
    return socks_udp_write(&from, head);
}

static void on_come(struct flow *f, const void *bytes, size_t len)
{
    struct target *t = container_of(f, struct target, flow.flow);
    struct association *a = t->all;
    uint8_t head[SOCKS_UDP_HEAD_MAX];
    struct iovec parts[] = {{.iov_base = head, .iov_len = write_head(t, head)},
                            {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len}};
    const struct msghdr m = {
        .msg_name = &a->address, .msg_namelen = a->address_len, .msg_iov = parts, .msg_iovlen = 2};
    flow_client_heard(&t->flow);
    if (sendmsg(a->fd, &m, MSG_DONTWAIT) < 0)
        flows_drop(a->owner.flows, errno == EMSGSIZE ? DROP_TOO_LONG : DROP_NOT_TAKEN);
}

static struct target *find(struct association *a, const struct authority *to)
{
    struct target *t;
    LIST_FOREACH(t, &a->targets, entry)
    {
        if (authority_matches(&t->flow.target, to))
            break;
    }
    if (t && t != LIST_FIRST(&a->targets)) { /* whoever is spoken to is likely to be again */
        LIST_REMOVE(t, entry);
        LIST_INSERT_HEAD(&a->targets, t, entry);
    }
    return t;
}

static struct target *begin(struct association *a, const struct authority *to)
{
    struct target *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->all = a;
    t->flow =
        (struct flow_client){.flow.come = on_come, .owner = &a->owner, .target = *to, .ended = on_ended};
    if (!flow_client_start(&t->flow)) {
        free(t);
        return NULL;
    }
    LIST_INSERT_HEAD(&a->targets, t, entry);
    return t;
}

/* Whether it is the client who speaks; the first time its port becomes known. */
static bool is_client(struct association *a, const struct sockaddr_storage *from, socklen_t len)
{
    struct endpoint e;
    if (endpoint_from_sockaddr(&e, (const struct sockaddr *)from, len) != HX_OK ||
        !endpoint_same_host(&e, &a->client) || (a->client.port != 0 && e.port != a->client.port))
        return false;
    a->client.port = e.port;
    a->address = *from;
    a->address_len = len;
    return true;
}

static void take(struct association *a, const uint8_t *bytes, size_t len)
{
    struct authority to;
    size_t head = socks_udp_read(bytes, len, &to);
    if (head == 0) {
        flows_drop(a->owner.flows, DROP_HEAD);
        return;
    }
    struct target *t = find(a, &to);
    if (!t)
        t = begin(a, &to);
    if (t)
        flow_client_send(&t->flow, bytes + head, len - head);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct association *a = w->data;
    uint8_t bytes[SOCKS_UDP_HEAD_MAX + HX_DATAGRAM_MAX + 1];
    (void)loop;
    (void)revents;
    for (int i = 0; i < FLOWS_SOCKET_TURN; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof from;
        ssize_t len = recvfrom(a->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
        if (len < 0)
            return;
        if (is_client(a, &from, from_len))
            take(a, bytes, (size_t)len);
        else
            flows_drop(a->owner.flows, DROP_STRANGER);
    }
}

/* A port at the address that the client has connected to: it is known to reach that. */
static int open_port(int tcp_fd, struct endpoint *at)
{
    struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof sa;
    if (getsockname(tcp_fd, (struct sockaddr *)&sa, &len) < 0 ||
        endpoint_from_sockaddr(at, (const struct sockaddr *)&sa, len) != HX_OK)
        return HX_EINVAL;
    if (sa.ss_family == AF_INET)
        ((struct sockaddr_in *)&sa)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&sa)->sin6_port = 0;
    int fd = descriptors_spare(socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd < 0)
        return HX_ESYS;
    if (bind(fd, (const struct sockaddr *)&sa, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
        endpoint_from_sockaddr(at, (const struct sockaddr *)&sa, len) != HX_OK) {
        close(fd);
        return HX_ESYS;
    }
    flows_widen(fd);
    return fd;
}

/* Unless it is of another host: then it is what a client behind a NAT believes. */
static uint16_t port_of_hint(const struct authority *hint, const struct endpoint *client)
{
    static const struct endpoint four = {.family = AF_INET}, six = {.family = AF_INET6};
    char text[AUTHORITY_TEXT_MAX];
    struct endpoint e;
    if (endpoint_parse(&e, text, authority_format(hint, text)) == HX_OK && !endpoint_same_host(&e, client) &&
        !endpoint_same_host(&e, &four) && !endpoint_same_host(&e, &six))
        return 0;
    return hint->kind == AUTHORITY_NAME ? 0 : hint->port;
}

int association_create(struct association **out, int tcp_fd, const struct authority *hint,
                       const struct flow_owner *way, struct endpoint *at)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct endpoint client;
    if (getpeername(tcp_fd, (struct sockaddr *)&sa, &len) < 0 ||
        endpoint_from_sockaddr(&client, (const struct sockaddr *)&sa, len) != HX_OK)
        return HX_EINVAL;
    struct association *a = calloc(1, sizeof *a);
    if (!a)
        return HX_ENOMEM;
    a->fd = open_port(tcp_fd, at);
    if (a->fd < 0) {
        int err = a->fd;
        free(a);
        return err;
    }
    a->owner = *way;
    a->client = client;
    a->client.port = port_of_hint(hint, &client);
    ev_io_init(&a->readable, on_readable, a->fd, EV_READ);
    a->readable.data = a;
    ev_io_start(way->flows->loop, &a->readable);
    *out = a;
    return HX_OK;
}

void association_destroy(struct association *a)
{
    struct target *t;
    if (!a)
        return;
    while ((t = LIST_FIRST(&a->targets))) {
        flow_client_stop(&t->flow);
        on_ended(&t->flow);
    }
    ev_io_stop(a->owner.flows->loop, &a->readable);
    close(a->fd);
    free(a);
}
