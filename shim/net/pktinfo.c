#include "shim/net/pktinfo.h"
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

bool pktinfo_ask(int fd, int family)
{
    int on = 1;

    return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0
                              : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0;
}

void pktinfo_whole(int fd, int family, bool whole)
{
    int six = whole ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_WANT;
    int four = whole ? IP_PMTUDISC_PROBE : IP_PMTUDISC_WANT;

    (void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &four, sizeof four);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &six, sizeof six);
}

bool pktinfo_any(const struct net_address *local)
{
    static const uint8_t any[16];

    return local->scope == 0 && memcmp(local->ip, any, sizeof any) == 0;
}

/* A dual-stack socket tells IPv4 addresses as mapped, too, and takes them so. */
static void take_ipv6(const struct cmsghdr *c, struct net_address *local, uint32_t *interface)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
    struct in6_pktinfo info;

    memcpy(&info, CMSG_DATA(c), sizeof info);
    sin6.sin6_addr = info.ipi6_addr;
    sin6.sin6_scope_id = info.ipi6_ifindex; /* kept of link-local addresses alone */
    net_address_from(local, (struct sockaddr *)&sin6);
    *interface = info.ipi6_ifindex;
}

static void take_ipv4(const struct cmsghdr *c, struct net_address *local, uint32_t *interface)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};
    struct in_pktinfo info;

    memcpy(&info, CMSG_DATA(c), sizeof info);
    sin.sin_addr = info.ipi_spec_dst; /* the address of ours, even of a broadcast */
    net_address_from(local, (struct sockaddr *)&sin);
    *interface = (uint32_t)info.ipi_ifindex;
}

void pktinfo_read(struct msghdr *mh, struct net_address *local, uint32_t *interface)
{
    memset(local, 0, sizeof *local);
    *interface = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
            c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo)))
            take_ipv6(c, local, interface);
        else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
                 c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo)))
            take_ipv4(c, local, interface);
    }
}

static size_t put(void *control, int level, int type, const void *info, size_t len)
{
    struct cmsghdr head = {.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len)};

    memset(control, 0, CMSG_SPACE(len));
    memcpy(control, &head, sizeof head);
    memcpy(CMSG_DATA((struct cmsghdr *)control), info, len);
    return CMSG_SPACE(len);
}

size_t pktinfo_write(void *control, int family, const struct net_address *local)
{
    struct in6_pktinfo six = {.ipi6_ifindex = local->scope};
    struct in_pktinfo four = {.ipi_ifindex = (int)local->scope};

    if (pktinfo_any(local))
        return 0;
    if (family == AF_INET6) {
        memcpy(&six.ipi6_addr, local->ip, 16);
        return put(control, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof six);
    }
    memcpy(&four.ipi_spec_dst, local->ip + 12, 4);
    return put(control, IPPROTO_IP, IP_PKTINFO, &four, sizeof four);
}

/* To a mapped address an IPv6 socket sends as IPv4 has it, with its control messages (udpv6_sendmsg()). */
size_t pktinfo_write_hops(void *control, uint8_t hops)
{
    int ttl = hops;

    return hops == 0 ? 0 : put(control, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
}

size_t pktinfo_write_segment(void *control, size_t each)
{
    uint16_t segment = (uint16_t)each;

    return each == 0 ? 0 : put(control, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
}

static bool refuses_source(int error)
{
    return error == EINVAL || error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL ||
           error == ENODEV;
}

int pktinfo_send(int fd, struct msghdr *mh, size_t pktinfo_len, int flags)
{
    struct mmsghdr m = {.msg_hdr = *mh};
    int n = sendmmsg(fd, &m, 1, flags | MSG_NOSIGNAL);

    if (n < 0 && pktinfo_len > 0 && refuses_source(errno)) {
        m.msg_hdr.msg_controllen -= pktinfo_len;
        n = sendmmsg(fd, &m, 1, flags | MSG_NOSIGNAL);
    }
    return n < 0 ? -1 : 0;
}
