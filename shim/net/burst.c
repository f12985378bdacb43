#include "shim/net/burst.h"
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define PATHS_REFUSED 8 /* peers of one port that data goes to at a time are few */

struct burst {
    int fd, family;
    bool unable; /* this kernel does not cut: datagrams leave one by one */
    struct net_address
        refused[PATHS_REFUSED]; /* to these, too, as their path or device does not take bursts */
    unsigned refusals;          /* a ring: whoever is forgotten is tried, and remembered again */
    int count;
    size_t len; /* bytes, of each */
    struct net_route route;
    uint8_t bytes[BURST * BURST_BYTES_MAX];
};

static bool is_refused(const struct burst *b, const struct net_address *to)
{
    for (unsigned i = 0; i < PATHS_REFUSED && i < b->refusals; i++) {
        if (net_address_equal(&b->refused[i], to))
            return true;
    }
    return false;
}

static _Thread_local struct burst *held; /* by this thread, if not empty */

struct burst *burst_create(int fd, int family)
{
    struct burst *b = calloc(1, sizeof(*b));
    int segment;
    socklen_t len = sizeof(segment);

    if (!b)
        return NULL;
    b->fd = fd;
    b->family = family;
    /* Before Linux 4.18 the whole burst would leave as one datagram. */
    b->unable = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &len) < 0;
    return b;
}

/* One datagram, or `count` at once. False: nothing has left, errno says why. */
static bool send_from(const struct burst *b, int first, int count)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(uint16_t)) + PKTINFO_SPACE];
    } control = {.head = {.cmsg_level = IPPROTO_UDP,
                          .cmsg_type = UDP_SEGMENT,
                          .cmsg_len = CMSG_LEN(sizeof(uint16_t))}};
    size_t control_len = 0;
    struct iovec part = {.iov_base = (void *)(b->bytes + (size_t)first * b->len),
                         .iov_len = (size_t)count * b->len};
    struct sockaddr_storage to;
    socklen_t to_len;
    struct mmsghdr m = {.msg_hdr = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1}};
    uint16_t len = (uint16_t)b->len;

    (void)net_address_to(&b->route.to, b->family, &to, &to_len);
    m.msg_hdr.msg_namelen = to_len;
    if (count > 1) {
        memcpy(CMSG_DATA(&control.head), &len, sizeof(len));
        control_len = CMSG_SPACE(sizeof(len));
    }
    control_len += pktinfo_write(control.bytes + control_len, b->family, &b->route.local);
    m.msg_hdr.msg_control = control_len ? control.bytes : NULL;
    m.msg_hdr.msg_controllen = control_len;
    return sendmmsg(b->fd, &m, 1, 0) >= 0;
}

void burst_flush(void)
{
    struct burst *b = held;

    if (!b)
        return;
    held = NULL;
    if (b->count == 1 || !send_from(b, 0, b->count)) {
        /* EIO: the device leaves checksums to us; EMSGSIZE, EINVAL: more than the way takes uncut. */
        if (b->count > 1 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == EOPNOTSUPP))
            b->refused[b->refusals++ % PATHS_REFUSED] = b->route.to;
        for (int i = 0; i < b->count; i++)
            (void)send_from(b, i, 1);
    }
    b->count = 0;
}

bool burst_holds(void)
{
    return held != NULL;
}

bool burst_hold(struct burst *b, const struct net_route *route, const struct iovec *parts, int part_count)
{
    size_t len = 0;
    uint8_t *at;

    for (int i = 0; i < part_count; i++)
        len += parts[i].iov_len;
    if (b->unable || len > BURST_BYTES_MAX)
        return false;
    if (b->count > 0 && (b->len != len || memcmp(&b->route, route, sizeof(*route)) != 0))
        burst_flush();
    if (b->count == 0 && is_refused(b, &route->to))
        return false;
    b->len = len;
    b->route = *route;
    at = b->bytes + (size_t)b->count * len;
    for (int i = 0; i < part_count; i++) {
        memcpy(at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    held = b;
    if (++b->count == BURST)
        burst_flush();
    return true;
}
