#include "shim/net/net_port.h"
#include "base/clock.h"
#include "shim/net/batch.h"
#include "shim/net/burst.h"
#include "shim/net/extra_sockets.h"
#include "shim/net/parts.h"
#include "shim/net/path_table.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct net_port {
    int fd, family;
    bool disowned;
    bool ipv6_only;
    atomic_bool whole; /* what the socket was told last about datagrams that are too long for the way */
    bool tells_local;  /* to which address of ours a datagram was sent */
    int receive_bytes; /* that were asked for; 0: the kernel's choice */
    struct sockaddr_storage local;
    socklen_t local_len;
    struct batch *batch; /* NULL: datagrams are read one by one */
    struct demux demux;
    struct path_table *paths;
    struct extra_sockets *extra;
    /* Of the thread that reads: */
    struct path_memo reading;
    struct fragments *fragments; /* NULL: no piece of a datagram has come yet */
    bool extra_turn;
    /* Of the thread that sends bursts: */
    struct burst *burst; /* NULL: each datagram leaves by itself */
    struct path_memo sending;
    struct extra_socket *held; /* what the burst leaves by; NULL: the port's own socket */
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

/* HX_OK; else errno, and what was opened stays in *fd. */
static int open_socket(int *fd, int family, bool ipv6_only)
{
    int only = ipv6_only;

    *fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || (family == AF_INET6 && setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) < 0))
        return HX_ESYS;
    return HX_OK;
}

/* One socket serves both kinds. Where two threads send at once, one of their datagrams may leave as the other
 * one's should: that is lost, or cut, now and then. */
static void want_whole(struct net_port *p, bool whole)
{
    if (atomic_load_explicit(&p->whole, memory_order_relaxed) == whole)
        return;
    atomic_store(&p->whole, whole);
    pktinfo_whole(p->fd, p->family, whole);
}

static int open_own_socket(struct net_port *p)
{
    p->family = AF_INET6;
    int err = open_socket(&p->fd, AF_INET6, p->ipv6_only);
    if (p->fd < 0 && errno == EAFNOSUPPORT && !p->ipv6_only) { /* a kernel without IPv6 */
        p->family = AF_INET;
        err = open_socket(&p->fd, AF_INET, false);
    }
    return err;
}

static int bind_socket(int fd, struct sockaddr_storage *local, socklen_t *len)
{
    if (bind(fd, (struct sockaddr *)local, *len) < 0)
        return HX_EADDR;
    *len = sizeof *local;
    return getsockname(fd, (struct sockaddr *)local, len) < 0 ? HX_ESYS : HX_OK;
}

static int bind_own_socket(struct net_port *p, const struct sockaddr *local)
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
    return bind_socket(p->fd, &p->local, &p->local_len);
}

int net_port_open(struct net_port **out, const struct net_port_config *config)
{
    struct net_port *p = calloc(1, sizeof *p);
    int saved;

    if (!p)
        return HX_ENOMEM;
    p->ipv6_only = config->ipv6_only;
    p->tells_local = is_wildcard(config->local);
    int err = open_own_socket(p);
    if (err == HX_OK)
        err = bind_own_socket(p, config->local);
    if (err == HX_OK && p->tells_local && !pktinfo_ask(p->fd, p->family))
        err = HX_ESYS;
    if (err == HX_OK && config->batch && !(p->batch = batch_create()))
        err = HX_ENOMEM;
    if (err == HX_OK && config->burst && !(p->burst = burst_create(p->fd, p->family)))
        err = HX_ENOMEM;
    if (err == HX_OK && (!(p->paths = path_table_create()) || !(p->extra = extra_sockets_create())))
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
    free(p->fragments);
    path_memo_end(&p->reading);
    path_memo_end(&p->sending);
    path_table_destroy(p->paths);
    extra_sockets_let_go(p->extra, p->held);
    extra_sockets_destroy(p->extra);
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
    p->receive_bytes = bytes;
}

void net_port_set_handler(struct net_port *p, enum net_user user, net_take take, void *context)
{
    demux_set(&p->demux, user, take, context);
}

/* By port 0 the kernel chooses another one. */
static int bind_extra(const struct net_port *p, int fd)
{
    struct sockaddr_storage local = p->local;
    socklen_t len = p->local_len;

    if (p->family == AF_INET6)
        ((struct sockaddr_in6 *)&local)->sin6_port = 0;
    else
        ((struct sockaddr_in *)&local)->sin_port = 0;
    return bind_socket(fd, &local, &len);
}

int net_port_extra_open(struct net_port *p, int *number)
{
    int fd, saved;
    int err = open_socket(&fd, p->family, p->ipv6_only);

    if (err == HX_OK)
        err = bind_extra(p, fd);
    if (err == HX_OK && p->tells_local && !pktinfo_ask(fd, p->family))
        err = HX_ESYS;
    pktinfo_whole(fd, p->family, true);
    if (err == HX_OK)
        err = extra_sockets_add(p->extra, fd, number);
    if (err < 0 && fd >= 0) {
        saved = errno;
        close(fd);
        errno = saved;
    }
    return err;
}

void net_port_extra_carries(struct net_port *p, int number)
{
    struct extra_socket *it = p->receive_bytes ? extra_sockets_hold(p->extra, number) : NULL;

    if (!it)
        return;
    int fd = extra_socket_fd(it);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &p->receive_bytes, sizeof p->receive_bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &p->receive_bytes, sizeof p->receive_bytes);
    extra_sockets_let_go(p->extra, it);
}

void net_port_extra_close(struct net_port *p, int number)
{
    extra_sockets_remove(p->extra, number);
}

bool net_port_extra_local(struct net_port *p, int number, struct net_address *out)
{
    struct extra_socket *it = extra_sockets_hold(p->extra, number);
    struct sockaddr_storage local;
    socklen_t len = sizeof local;

    if (!it)
        return false;
    bool known = getsockname(extra_socket_fd(it), (struct sockaddr *)&local, &len) == 0;
    if (known)
        net_address_from(out, (struct sockaddr *)&local);
    extra_sockets_let_go(p->extra, it);
    return known;
}

int net_port_extra_event_fd(const struct net_port *p)
{
    return extra_sockets_event_fd(p->extra);
}

struct path_table *net_port_paths(const struct net_port *p)
{
    return p->paths;
}

struct path_memo *net_port_memo(struct net_port *p)
{
    return &p->reading;
}

static ssize_t receive_one(int fd, struct msghdr *mh)
{
    struct mmsghdr m = {.msg_hdr = *mh};

    if (recvmmsg(fd, &m, 1, MSG_DONTWAIT, NULL) < 0)
        return -1;
    *mh = m.msg_hdr;
    return (ssize_t)m.msg_len;
}

static ssize_t receive_own(struct net_port *p, struct msghdr *mh)
{
    return p->batch ? batch_next(p->batch, p->fd, mh) : receive_one(p->fd, mh);
}

/* -1: nothing has come to any of them, and errno is as it was. */
static ssize_t receive_extra(struct net_port *p, struct msghdr *mh, int *number)
{
    struct extra_socket *it;
    int saved = errno;
    ssize_t n = -1;

    while (n < 0 && (it = extra_sockets_next(p->extra))) {
        *number = extra_socket_number(it);
        n = receive_one(extra_socket_fd(it), mh);
        if (n < 0)
            extra_sockets_was_empty(p->extra);
        extra_sockets_let_go(p->extra, it);
    }
    errno = saved;
    return n;
}

/* Its own socket and the others take turns. */
static ssize_t receive(struct net_port *p, struct msghdr *mh, int *number)
{
    ssize_t n = -1;

    *number = 0;
    if (!extra_sockets_any(p->extra))
        return receive_own(p, mh);
    p->extra_turn = !p->extra_turn;
    if (p->extra_turn)
        n = receive_extra(p, mh, number);
    if (n >= 0)
        return n;
    *number = 0;
    n = receive_own(p, mh);
    if (n < 0 && !p->extra_turn)
        n = receive_extra(p, mh, number);
    return n;
}

/* A piece of a datagram has come. True: that is whole now, and stands in *d instead. */
static bool join(struct net_port *p, struct net_datagram *d)
{
    struct net_route from = {.to = d->from, .socket = d->socket};
    uint8_t bytes[FRAGMENT_HEAD + FRAGMENTS_BYTES], whole[FRAGMENTS_BYTES];
    struct fragment f;

    (void)parts_gather(d->parts, d->part_count, bytes, sizeof bytes);
    if (d->cut || d->len > sizeof bytes || !fragment_read(&f, bytes, d->len) ||
        !path_table_takes_pieces(p->paths, &from, f.tag))
        return false;
    if (!p->fragments && !(p->fragments = fragments_create()))
        return false;
    d->len = fragments_take(p->fragments, &d->from, &f, bytes + FRAGMENT_HEAD, d->len - FRAGMENT_HEAD,
                            clock_now_ms(), whole);
    return d->len > 0 && parts_scatter(d->parts, d->part_count, whole, d->len);
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
    ssize_t n = receive(p, &mh, &d->socket);

    if (n < 0)
        return -1;
    net_address_from(&d->from, (struct sockaddr *)&from);
    pktinfo_read(&mh, &d->local, &d->interface);
    d->len = (size_t)n;
    d->cut = mh.msg_flags & MSG_TRUNC;
    /* No host has such an address (RFC 1112): it would be forged to look like one of our peers. */
    if (net_paths_is_canonical(&d->from) || (demux_is_piece(d) && !join(p, d)))
        return 0;
    return demux_give(&p->demux, d);
}

bool net_port_crowded(const struct net_port *p)
{
    return p->batch && batch_crowded(p->batch);
}

static int send_by_fd(const struct net_port *p, int fd, const struct net_route *route,
                      const struct iovec *parts, int part_count, int flags)
{
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[HOPS_SPACE + PKTINFO_SPACE];
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
    size_t hops_len = net_address_is_ipv4(&route->to) ? pktinfo_write_hops(control.bytes, route->hops) : 0;
    size_t pktinfo_len = pktinfo_write(control.bytes + hops_len, p->family, &route->local);
    mh.msg_controllen = hops_len + pktinfo_len;
    return pktinfo_send(fd, &mh, pktinfo_len, flags);
}

static int send_by_way(struct net_port *p, const struct net_route *way, const struct iovec *parts,
                       int part_count, int flags)
{
    if (way->socket == 0)
        want_whole(p, way->whole);
    if (way->socket == 0)
        return send_by_fd(p, p->fd, way, parts, part_count, flags);
    struct extra_socket *it = extra_sockets_hold(p->extra, way->socket);
    if (!it) {
        errno = EBADF;
        return -1;
    }
    int err = send_by_fd(p, extra_socket_fd(it), way, parts, part_count, flags);
    int saved = errno;
    extra_sockets_let_go(p->extra, it);
    errno = saved;
    return err;
}

/* -1: one of them has not left; errno. */
static int send_pieces(struct net_port *p, const struct net_route *way, struct fragment *f, size_t most,
                       const struct iovec *parts, int part_count, int flags)
{
    uint8_t bytes[FRAGMENTS_BYTES], head[FRAGMENT_HEAD];
    size_t len = parts_gather(parts, part_count, bytes, sizeof bytes), each = 0;
    unsigned count = fragment_count(len, most, &each);

    errno = EMSGSIZE;
    for (f->piece = 0; f->piece < count; f->piece++) {
        struct iovec piece[2] = {{.iov_base = head, .iov_len = sizeof head},
                                 {.iov_base = bytes + f->piece * each, .iov_len = each}};

        f->last = f->piece + 1 == count;
        if (f->last)
            piece[1].iov_len = len - f->piece * each;
        fragment_write(f, head);
        if (send_by_way(p, way, piece, 2, flags) < 0)
            return -1;
    }
    return count ? 0 : -1;
}

int net_port_send(struct net_port *p, const struct net_route *route, const struct iovec *parts,
                  int part_count, int flags)
{
    struct net_route ways[NET_PATHS_MAX];
    struct fragment piece;
    size_t most;
    int err = -1;

    if (!net_paths_is_canonical(&route->to))
        return send_by_way(p, route, parts, part_count, flags);
    bool cuts = path_table_cuts(p->paths, &route->to, parts_length(parts, part_count), &piece, &most);
    int n = path_table_ways(p->paths, route, parts, part_count, ways);
    if (n == 0)
        errno = EHOSTUNREACH;
    for (int i = 0; i < n; i++) {
        if ((cuts ? send_pieces(p, &ways[i], &piece, most, parts, part_count, flags)
                  : send_by_way(p, &ways[i], parts, part_count, flags)) == 0)
            err = 0;
    }
    return err;
}

/* The descriptor by which a burst leaves by this socket: it stays open until that has left. -1: there is
 * none. */
static int hold_socket(struct net_port *p, int number)
{
    if (number != (p->held ? extra_socket_number(p->held) : 0)) {
        burst_flush();
        extra_sockets_let_go(p->extra, p->held);
        p->held = number ? extra_sockets_hold(p->extra, number) : NULL;
        if (number && !p->held)
            return -1;
    }
    return p->held ? extra_socket_fd(p->held) : p->fd;
}

bool net_port_hold(struct net_port *p, const struct net_route *route, const struct iovec *parts,
                   int part_count)
{
    bool canonical = net_paths_is_canonical(&route->to);
    const struct net_route *way = route;

    if (!p->burst)
        return false;
    if (canonical)
        way = path_memo_way(p->paths, &p->sending, &route->to);
    if (!way || (canonical && !path_memo_fits(&p->sending, parts_length(parts, part_count))))
        return false;
    if (way->socket == 0)
        want_whole(p, way->whole);
    int fd = hold_socket(p, way->socket);
    if (fd < 0 || !burst_hold(p->burst, fd, way, parts, part_count))
        return false;
    if (canonical)
        path_memo_sent(&p->sending, route->wants_answer);
    return true;
}
