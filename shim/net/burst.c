#include "shim/net/burst.h"
#include "shim/net/parts.h"
#include "shim/net/refused_runs.h"
#include <errno.h>
#include <netinet/udp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct burst {
    int family;
    int fd;       /* of those that are held */
    bool unknown; /* to this kernel: datagrams leave one by one */
    struct refused_runs refused;
    int count;
    size_t len;  /* bytes, of each ... */
    size_t last; /* ... but of the last one, which may be shorter */
    struct net_route route;
    uint8_t bytes[BURST * BURST_BYTES_MAX];
};

_Static_assert(BURST <= 64 && BURST * BURST_BYTES_MAX + 28 <= 65535,
               "the kernel takes a full burst as one datagram");

static _Thread_local struct burst *held; /* by this thread, if not empty */
static atomic_int holders;               /* threads that hold one, or are sending it */

struct burst *burst_create(int fd, int family)
{
    struct burst *b = calloc(1, sizeof *b);
    int segment;
    socklen_t len = sizeof segment;

    if (!b)
        return NULL;
    b->family = family;
    /* Before Linux 4.18 the whole burst would leave as one datagram. */
    b->unknown = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &len) < 0;
    return b;
}

/* One datagram, or `count` at once. False: nothing has left, errno says why. */
static bool send_from(const struct burst *b, int first, int count)
{
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[SEGMENT_SPACE + PKTINFO_SPACE];
    } control;
    struct iovec part = {.iov_base = (void *)(b->bytes + (size_t)first * b->len),
                         .iov_len =
                             (size_t)(count - 1) * b->len + (first + count == b->count ? b->last : b->len)};
    struct sockaddr_storage to;
    socklen_t to_len;
    struct msghdr mh = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes};

    (void)net_address_to(&b->route.to, b->family, &to, &to_len);
    mh.msg_namelen = to_len;
    size_t control_len = pktinfo_write_segment(control.bytes, count > 1 ? b->len : 0);
    size_t pktinfo_len = pktinfo_write(control.bytes + control_len, b->family, &b->route.local);
    mh.msg_controllen = control_len + pktinfo_len;
    /* Only one by itself may leave by another source: what a path does not take as a burst, burst_flush()
     * cuts. */
    return pktinfo_send(b->fd, &mh, count == 1 ? pktinfo_len : 0, 0) == 0;
}

void burst_flush(void)
{
    struct burst *b = held;

    if (!b)
        return;
    held = NULL;
    if (b->count == 1 || !send_from(b, 0, b->count)) {
        if (b->count > 1)
            refused_runs_add(&b->refused, &b->route.to, errno);
        for (int i = 0; i < b->count; i++)
            (void)send_from(b, i, 1);
    }
    b->count = 0;
    atomic_fetch_sub(&holders, 1);
}

void burst_pair(void)
{
    if (held && held->count == BURST - 1)
        burst_flush();
}

bool burst_held_by_any(void)
{
    return atomic_load(&holders) > 0;
}

bool burst_holds(void)
{
    return held != NULL;
}

bool burst_hold(struct burst *b, int fd, const struct net_route *route, const struct iovec *parts,
                int part_count)
{
    size_t len = parts_length(parts, part_count);

    if (b->unknown || len > BURST_BYTES_MAX || refused_runs_has(&b->refused, &route->to))
        return false;
    if (b->count > 0 && (len > b->len || memcmp(&b->route, route, sizeof *route) != 0))
        burst_flush();
    b->fd = fd;
    if (b->count == 0)
        b->len = len;
    b->last = len;
    b->route = *route;
    (void)parts_gather(parts, part_count, b->bytes + (size_t)b->count * b->len, len);
    if (!held)
        atomic_fetch_add(&holders, 1);
    held = b;
    if (++b->count == BURST || len < b->len) /* the kernel cuts: only the rest may be shorter */
        burst_flush();
    return true;
}
