/* What leaves a port. */
#include "shim/net/net_port_state.h"
#include "shim/net/parts.h"
#include <errno.h>
#include <string.h>

#define RELAYED_PARTS 3 /* of one datagram: a tunnel takes no more of them with the relay's head */

/* One socket serves both kinds. Where two threads send at once, one of their datagrams may leave as the other
 * one's should: that is lost, or cut, now and then. */
static void want_whole(struct net_port *p, bool whole)
{
    if (atomic_load_explicit(&p->whole, memory_order_relaxed) == whole)
        return;
    atomic_store(&p->whole, whole);
    pktinfo_whole(p->fd, p->family, whole);
}

/* `each`: see pktinfo_write_segment(). -1: errno. */
static int send_by_fd(const struct net_port *p, int fd, const struct net_route *route,
                      const struct iovec *parts, int part_count, size_t each, int flags)
{
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[HOPS_SPACE + SEGMENT_SPACE + PKTINFO_SPACE];
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
    size_t len = net_address_is_ipv4(&route->to) ? pktinfo_write_hops(control.bytes, route->hops) : 0;
    len += pktinfo_write_segment(control.bytes + len, each);
    size_t pktinfo_len = pktinfo_write(control.bytes + len, p->family, &route->local);
    mh.msg_controllen = len + pktinfo_len;
    return pktinfo_send(fd, &mh, each == 0 ? pktinfo_len : 0,
                        flags); /* only one by itself leaves by another source */
}

/* -1: errno; EBADF: there is no such socket. */
static int send_by_extra(struct net_port *p, int number, const struct net_route *way,
                         const struct iovec *parts, int part_count, int flags)
{
    struct extra_socket *it = extra_sockets_hold(p->extra, number);

    if (!it) {
        errno = EBADF;
        return -1;
    }
    int err = tunnels_lead_to(&way->to)
                  ? tunnels_send(extra_socket_fd(it), &way->to, parts, part_count)
                  : send_by_fd(p, extra_socket_fd(it), way, parts, part_count, 0, flags);
    int saved = errno;
    extra_sockets_let_go(p->extra, it);
    errno = saved;
    return err;
}

static int send_straight(struct net_port *p, const struct net_route *way, const struct iovec *parts,
                         int part_count, int flags)
{
    if (tunnels_lead_to(&way->to))
        return send_by_extra(p, atomic_load(&p->tunnels), way, parts, part_count, flags);
    if (way->socket == 0)
        want_whole(p, way->whole);
    if (way->socket == 0)
        return send_by_fd(p, p->fd, way, parts, part_count, 0, flags);
    return send_by_extra(p, way->socket, way, parts, part_count, flags);
}

/* What goes through a relay, and by which way. False: errno; EHOSTUNREACH: there is no such relay. */
struct relayed {
    uint8_t head[RELAY_HEAD_BYTES];
    struct iovec parts[1 + RELAYED_PARTS];
    struct net_route way;
};

static bool relay(struct net_port *p, const struct net_route *way, const struct iovec *parts, int part_count,
                  struct relayed *out)
{
    out->way = *way;
    errno = EHOSTUNREACH;
    if (part_count > RELAYED_PARTS || !relays_way(p->relays, &out->way, out->head))
        return false;
    out->parts[0] = (struct iovec){.iov_base = out->head, .iov_len = sizeof out->head};
    memcpy(out->parts + 1, parts, (size_t)part_count * sizeof *parts);
    return true;
}

static int send_by_way(struct net_port *p, const struct net_route *way, const struct iovec *parts,
                       int part_count, int flags)
{
    struct relayed r;

    if (!net_relay_is_peer(&way->to))
        return send_straight(p, way, parts, part_count, flags);
    return relay(p, way, parts, part_count, &r) ? send_straight(p, &r.way, r.parts, 1 + part_count, flags)
                                                : -1;
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

/* Two ports' threads may send by one of them. */
static bool refuses_run(struct net_port *p, const struct net_address *to)
{
    pthread_mutex_lock(&p->refused_lock);
    bool has = refused_runs_has(&p->refused, to);
    pthread_mutex_unlock(&p->refused_lock);
    return has;
}

static void remember_refused(struct net_port *p, const struct net_address *to, int error)
{
    pthread_mutex_lock(&p->refused_lock);
    refused_runs_add(&p->refused, to, error);
    pthread_mutex_unlock(&p->refused_lock);
}

int net_port_send_run(struct net_port *p, const struct net_route *route, const struct iovec *run, size_t each)
{
    int sent = 0, count = (int)((run->iov_len + each - 1) / each);

    /* Of 64 at most (udp(7)). EAGAIN: the queue is full, and one by one they would not leave either. */
    if (count > 1 && count <= 64 && !tunnels_lead_to(&route->to) && route->socket == 0 &&
        !refuses_run(p, &route->to)) {
        want_whole(p, route->whole);
        if (send_by_fd(p, p->fd, route, run, 1, each, MSG_DONTWAIT) == 0)
            return count;
        if (errno == EAGAIN || errno == ENOBUFS)
            return 0;
        remember_refused(p, &route->to, errno);
    }
    for (size_t at = 0; at < run->iov_len; at += each) {
        struct iovec part = {.iov_base = (uint8_t *)run->iov_base + at,
                             .iov_len = run->iov_len - at < each ? run->iov_len - at : each};

        sent += send_by_way(p, route, &part, 1, MSG_DONTWAIT) == 0;
    }
    return sent;
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
    struct relayed r;

    if (!p->burst)
        return false;
    if (canonical)
        way = path_memo_way(p->paths, &p->sending, &route->to);
    if (!way || (canonical && !path_memo_fits(&p->sending, parts_length(parts, part_count))))
        return false;
    if (net_relay_is_peer(&way->to)) {
        if (!relay(p, way, parts, part_count, &r))
            return false;
        way = &r.way;
        parts = r.parts;
        part_count++;
    }
    if (tunnels_lead_to(&way->to))
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
