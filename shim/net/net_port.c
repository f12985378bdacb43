#include "shim/net/net_port.h"
#include "shim/net/batch.h"
#include "shim/net/burst.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct net_port {
    int fd, family;
    bool disowned;
    struct sockaddr_storage local;
    socklen_t local_len;
    struct batch *batch; /* NULL: datagrams are read one by one */
    struct burst *burst; /* NULL: each datagram leaves by itself */
    struct demux demux;
};

static bool is_wildcard(const struct sockaddr *local)
{
    static const uint8_t any[4];

    if (!local)
        return true;
    struct net_address a;
    net_address_from(&a, local);
    return pktinfo_any(&a) || (net_address_is_ipv4(&a) && memcmp(a.ip + 12, any, 4) == 0);
}

static int open_socket(struct net_port *p, bool ipv6_only)
{
    int only = ipv6_only;

    p->family = AF_INET6;
    p->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 && errno == EAFNOSUPPORT && !ipv6_only) { /* a kernel without IPv6 */
        p->family = AF_INET;
        p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (p->fd < 0)
        return HX_ESYS;
    if (p->family == AF_INET6 && setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) < 0)
        return HX_ESYS;
    return HX_OK;
}

static int bind_socket(struct net_port *p, const struct sockaddr *local)
{
    struct net_address a;

    if (local) {
        net_address_from(&a, local);
        if (!net_address_to(&a, p->family, &p->local, &p->local_len)) {
            errno = EAFNOSUPPORT;
            return HX_EADDR;
        }
    } else {
        p->local.ss_family = (sa_family_t)p->family;
        p->local_len = p->family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    }
    if (bind(p->fd, (struct sockaddr *)&p->local, p->local_len) < 0)
        return HX_EADDR;
    p->local_len = sizeof p->local;
    return getsockname(p->fd, (struct sockaddr *)&p->local, &p->local_len) < 0 ? HX_ESYS : HX_OK;
}

int net_port_open(struct net_port **out, const struct net_port_config *config)
{
    struct net_port *p = calloc(1, sizeof *p);
    int saved;

    if (!p)
        return HX_ENOMEM;
    int err = open_socket(p, config->ipv6_only);
    if (err == HX_OK)
        err = bind_socket(p, config->local);
    if (err == HX_OK && is_wildcard(config->local) && !pktinfo_ask(p->fd, p->family))
        err = HX_ESYS;
    if (err == HX_OK && config->batch && !(p->batch = batch_create()))
        err = HX_ENOMEM;
    if (err == HX_OK && config->burst && !(p->burst = burst_create(p->fd, p->family)))
        err = HX_ENOMEM;
    if (err < 0) {
        saved = errno;
        net_port_close(p);
        errno = saved;
        return err;
    }
    *out = p;
    return HX_OK;
}

void net_port_close(struct net_port *p)
{
    if (!p)
        return;
    if (p->fd >= 0 && !p->disowned)
        close(p->fd);
    free(p->batch);
    free(p->burst);
    free(p);
}

void net_port_disown(struct net_port *p)
{
    p->disowned = true;
}

int net_port_fd(const struct net_port *p)
{
    return p->fd;
}

int net_port_family(const struct net_port *p)
{
    return p->family;
}

const struct sockaddr *net_port_local(const struct net_port *p, socklen_t *len)
{
    *len = p->local_len;
    return (const struct sockaddr *)&p->local;
}

void net_port_receive_buffer(struct net_port *p, int bytes)
{
    (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
}

void net_port_set_handler(struct net_port *p, enum net_user user, net_take take, void *context)
{
    p->demux.handlers[user].take = take;
    p->demux.handlers[user].context = context;
}

static ssize_t receive_one(int fd, struct msghdr *mh)
{
    struct mmsghdr m = {.msg_hdr = *mh};

    if (recvmmsg(fd, &m, 1, MSG_DONTWAIT, NULL) < 0)
        return -1;
    *mh = m.msg_hdr;
    return (ssize_t)m.msg_len;
}

int net_port_read(struct net_port *p, struct net_datagram *d)
{
    struct sockaddr_in6 from = {0};
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[PKTINFO_SPACE];
    } control;
    struct msghdr mh = {.msg_name = &from,
                        .msg_namelen = sizeof from,
                        .msg_iov = (struct iovec *)d->parts,
                        .msg_iovlen = (size_t)d->part_count,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes};
    ssize_t n = p->batch ? batch_next(p->batch, p->fd, &mh) : receive_one(p->fd, &mh);

    if (n < 0)
        return -1;
    net_address_from(&d->from, (struct sockaddr *)&from);
    pktinfo_read(&mh, &d->local, &d->interface);
    d->len = (size_t)n;
    d->cut = mh.msg_flags & MSG_TRUNC;
    return demux_give(&p->demux, d);
}

bool net_port_crowded(const struct net_port *p)
{
    return p->batch && batch_crowded(p->batch);
}

int net_port_send(struct net_port *p, const struct net_route *route, const struct iovec *parts,
                  int part_count, int flags)
{
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[PKTINFO_SPACE];
    } control;
    struct sockaddr_storage name;
    socklen_t name_len;
    struct msghdr mh = {.msg_name = &name,
                        .msg_iov = (struct iovec *)parts,
                        .msg_iovlen = (size_t)part_count,
                        .msg_control = control.bytes};

    if (!net_address_to(&route->to, p->family, &name, &name_len)) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    mh.msg_namelen = name_len;
    mh.msg_controllen = pktinfo_write(control.bytes, p->family, &route->local);
    return pktinfo_send(p->fd, &mh, mh.msg_controllen, flags);
}

bool net_port_hold(struct net_port *p, const struct net_route *route, const struct iovec *parts,
                   int part_count)
{
    return p->burst && burst_hold(p->burst, route, parts, part_count);
}
