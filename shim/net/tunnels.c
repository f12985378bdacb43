#include "shim/net/tunnels.h"
#include "shim/net/parts.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define PARTS_MAX   4       /* of one datagram */
#define QUEUE_BYTES 1048576 /* as far as the kernel's limit or our rights let it */

/* Not SOCK_DGRAM: there a sysctl (net.unix.max_dgram_qlen) bounds a queue to 10 messages. */
int tunnels_open(int *near_fd, int *far_fd)
{
    static const int queue = QUEUE_BYTES;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return HX_ESYS;
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &queue, sizeof queue);
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &queue, sizeof queue);
    }
    *near_fd = fds[0];
    *far_fd = fds[1];
    return HX_OK;
}

ssize_t tunnels_receive(int near_fd, struct msghdr *mh)
{
    struct net_address from = {.port = 0};
    struct iovec parts[1 + PARTS_MAX] = {{.iov_base = &from, .iov_len = sizeof from}};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1 + mh->msg_iovlen}};

    if (mh->msg_iovlen > PARTS_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    memcpy(parts + 1, mh->msg_iov, mh->msg_iovlen * sizeof *parts);
    if (recvmmsg(near_fd, &m, 1, MSG_DONTWAIT, NULL) < 0)
        return -1;
    if (m.msg_len < sizeof from)
        from = (struct net_address){.port = 0};
    net_address_to_sockaddr6(&from, mh->msg_name);
    mh->msg_namelen = sizeof(struct sockaddr_in6);
    mh->msg_controllen = 0;
    mh->msg_flags = m.msg_hdr.msg_flags;
    return m.msg_len < sizeof from ? 0 : (ssize_t)(m.msg_len - sizeof from);
}

int tunnels_send(int near_fd, const struct net_address *to, const struct iovec *parts, int part_count)
{
    struct iovec all[1 + PARTS_MAX] = {{.iov_base = (void *)to, .iov_len = sizeof *to}};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = all, .msg_iovlen = 1 + (size_t)part_count}};

    if (part_count > PARTS_MAX || parts_length(parts, part_count) > TUNNEL_DATAGRAM_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    memcpy(all + 1, parts, (size_t)part_count * sizeof *parts);
    if (sendmmsg(near_fd, &m, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        return -1;
    return 0;
}

ssize_t tunnels_take(int far_fd, struct net_address *to, uint8_t bytes[TUNNEL_DATAGRAM_MAX])
{
    struct iovec parts[2] = {{.iov_base = to, .iov_len = sizeof *to},
                             {.iov_base = bytes, .iov_len = TUNNEL_DATAGRAM_MAX}};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 2}};

    if (recvmmsg(far_fd, &m, 1, MSG_DONTWAIT, NULL) < 0)
        return -1;
    return (ssize_t)(m.msg_len - sizeof *to); /* the near end writes no shorter ones */
}

bool tunnels_give(int far_fd, const struct net_address *from, const void *bytes, size_t len)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};

    return len <= TUNNEL_DATAGRAM_MAX && tunnels_lead_to(from) && tunnels_send(far_fd, from, &part, 1) == 0;
}
