#include "client/route.h"
#include "base/error.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

struct message {
    struct nlmsghdr head;
    struct rtmsg route;
    char attributes[4096];
};

static void put(struct message *m, unsigned short type, const void *data, size_t len)
{
    struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));
    a->rta_type = type;
    a->rta_len = (unsigned short)RTA_LENGTH(len);
    memcpy(RTA_DATA(a), data, len);
    m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void write_question(struct message *m, const struct route_question *q)
{
    size_t len = q->to.family == AF_INET ? 4 : 16;
    *m = (struct message){
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof m->route),
                 .nlmsg_type = RTM_GETROUTE,
                 .nlmsg_flags = NLM_F_REQUEST},
        .route = {.rtm_family = (unsigned char)q->to.family, .rtm_dst_len = (unsigned char)(len * 8)}};
    put(m, RTA_DST, q->to.address, len);
    if (q->from.family == q->to.family) {
        m->route.rtm_src_len = (unsigned char)(len * 8);
        put(m, RTA_SRC, q->from.address, len);
    }
    if (q->interface_index == 0)
        return;
    put(m, RTA_OIF, &q->interface_index, sizeof q->interface_index);
    /* Without a route by the interface IPv4 takes everybody for a neighbour there; the table knows that
     * there is none. */
    if (q->to.family == AF_INET)
        m->route.rtm_flags |= RTM_F_FIB_MATCH;
}

static void read_address(struct endpoint *out, const struct message *m, const struct rtattr *a)
{
    if (RTA_PAYLOAD(a) > sizeof out->address)
        return;
    out->family = m->route.rtm_family;
    memcpy(out->address, RTA_DATA(a), RTA_PAYLOAD(a));
}

/* A route with several next hops names none of them alone: the interface that was asked for is
 * one of theirs. */
static void read_way(struct route_way *w, const struct route_question *q, const struct message *m)
{
    int len = (int)RTM_PAYLOAD(&m->head);
    *w = (struct route_way){.local = m->route.rtm_type == RTN_LOCAL, .interface_index = q->interface_index};
    for (const struct rtattr *a = RTM_RTA(&m->route); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
        if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof w->interface_index)
            memcpy(&w->interface_index, RTA_DATA(a), sizeof w->interface_index);
        if (a->rta_type == RTA_PREFSRC)
            read_address(&w->source, m, a);
        if (a->rta_type == RTA_GATEWAY)
            read_address(&w->gateway, m, a);
    }
}

bool route_ask(const struct route_question *q, struct route_way *way)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct message m;
    write_question(&m, q);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return false;
    ssize_t got = -1; /* the kernel answers within the call that asks */
    if (sendto(fd, &m, m.head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) >= 0)
        got = recv(fd, &m, sizeof m, MSG_DONTWAIT);
    close(fd);
    if (got < (ssize_t)NLMSG_LENGTH(sizeof m.route) || !NLMSG_OK(&m.head, (size_t)got) ||
        m.head.nlmsg_type != RTM_NEWROUTE)
        return false;
    read_way(way, q, &m);
    return true;
}

/* What connect() says when the routing table has no way, or this host has no address of that family. */
static bool no_way(int error)
{
    return error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

/* The kernel looks at it as at a socket's first datagram: where next hops share the load, they may do so
 * by its port. */
static bool connect_there(const struct sockaddr *to, socklen_t len, struct endpoint *source)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;
    struct sockaddr_storage plain;
    struct endpoint e;
    if (endpoint_from_sockaddr(&e, to, len) == HX_OK && e.family == AF_INET) { /* also as mapped */
        len = endpoint_to_sockaddr(&e, &plain);
        to = (struct sockaddr *)&plain;
    }
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return !no_way(errno);
    bool way = connect(fd, to, len) == 0 || !no_way(errno);
    if (way && getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
        endpoint_from_sockaddr(source, (struct sockaddr *)&own, own_len) == HX_OK)
        source->port = 0;
    close(fd);
    return way;
}

bool route_source(const struct sockaddr *to, socklen_t len, struct endpoint *source)
{
    struct route_question q = {.interface_index = 0};
    struct route_way way;
    if (to->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6))
        q.interface_index = ((const struct sockaddr_in6 *)to)->sin6_scope_id;
    *source = (struct endpoint){.family = AF_UNSPEC};
    if (endpoint_from_sockaddr(&q.to, to, len) == HX_OK && route_ask(&q, &way) &&
        way.source.family != AF_UNSPEC) {
        *source = way.source;
        return true;
    }
    return connect_there(to, len, source);
}
