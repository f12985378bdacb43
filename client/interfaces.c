#include "client/interfaces.h"
#include "client/route.h"
#include "proto/address.h"
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX     1024 /* hosts of containers have hundreds */
#define ADDRESSES_MAX 256
#define DUMP_BYTES    32768 /* netlink(7): what the kernel takes for a page of a dump */
#define KIND_MAX      16

/* --- the choice --------------------------------------------------------------------------------------- */

static bool is_useful(const struct interface_address *a)
{
    if (!a->usable || a->inner_bridge || (a->tunnel && !a->default_route))
        return false;
    if (a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED))
        return false;
    return address_class(&a->address) != ADDRESS_UNUSABLE;
}

/* IFA_F_SECONDARY, which IPv4 has, is the same bit. */
static bool is_temporary(const struct interface_address *a)
{
    return a->address.family == AF_INET6 && (a->flags & IFA_F_TEMPORARY) != 0;
}

static bool same_network(const struct interface_address *a, const struct interface_address *b)
{
    unsigned bytes = a->prefix_bits / 8, bits = a->prefix_bits % 8;
    if (a->interface_index != b->interface_index || a->address.family != b->address.family ||
        a->prefix_bits != b->prefix_bits || a->prefix_bits > 128 ||
        memcmp(a->address.address, b->address.address, bytes) != 0)
        return false;
    return bits == 0 || ((a->address.address[bytes] ^ b->address.address[bytes]) >> (8 - bits)) == 0;
}

/* The less, the better. */
static int rank(const struct interface_address *a)
{
    int rank = a->default_route ? 0 : 3;
    if (a->address.family == AF_INET)
        return rank + 1;
    return address_class(&a->address) == ADDRESS_GLOBAL ? rank : rank + 2;
}

/* Another one says as much, and is better, or came first. */
static bool is_spare(const struct interface_address *a, const struct interface_address *all, size_t count)
{
    for (const struct interface_address *b = all; b < all + count; b++) {
        if (b == a || !is_useful(b) || !same_network(a, b))
            continue;
        if (is_temporary(a) != is_temporary(b) ? is_temporary(b) : b < a)
            return true;
    }
    return false;
}

size_t interfaces_choose(struct endpoint out[INTERFACES_MAX], const struct interface_address *all,
                         size_t count)
{
    size_t chosen = 0;
    for (int wanted = 0; wanted < 6; wanted++) {
        for (size_t i = 0; i < count && chosen < INTERFACES_MAX; i++) {
            if (rank(&all[i]) == wanted && is_useful(&all[i]) && !is_spare(&all[i], all, count))
                out[chosen++] = all[i].address;
        }
    }
    return chosen;
}

/* --- the kernel's account ----------------------------------------------------------------------------- */

struct link {
    unsigned index, flags, master;
    bool tunnel, bridge, guest; /* a guest's end of a cable, or of a tap */
};

struct account {
    struct link links[LINKS_MAX];
    size_t link_count;
    struct interface_address addresses[ADDRESSES_MAX];
    size_t address_count;
};

static bool is_one_of(const char *kind, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kind, list[i]) == 0)
            return true;
    }
    return false;
}

static void read_kind(struct link *l, const struct rtattr *info)
{
    static const char *const tunnels[] = {"tun",       "wireguard", "vxlan",  "geneve",    "gre",
                                          "gretap",    "erspan",    "ip6gre", "ip6gretap", "ip6tnl",
                                          "ip6erspan", "ipip",      "sit",    "vti",       "vti6",
                                          "xfrm",      "l2tp",      "ovpn",   "bareudp"};
    static const char *const guests[] = {"veth", "tun"};
    int len = (int)RTA_PAYLOAD(info);
    for (const struct rtattr *a = RTA_DATA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
        char kind[KIND_MAX] = "";
        if (a->rta_type != IFLA_INFO_KIND || RTA_PAYLOAD(a) >= sizeof kind)
            continue;
        memcpy(kind, RTA_DATA(a), RTA_PAYLOAD(a));
        l->bridge = strcmp(kind, "bridge") == 0;
        l->tunnel |= is_one_of(kind, tunnels, sizeof tunnels / sizeof tunnels[0]);
        l->guest = is_one_of(kind, guests, sizeof guests / sizeof guests[0]);
    }
}

static void read_link(struct account *all, const struct nlmsghdr *m)
{
    const struct ifinfomsg *info = NLMSG_DATA(m);
    int len = (int)IFLA_PAYLOAD(m);
    if (m->nlmsg_type != RTM_NEWLINK || all->link_count == LINKS_MAX)
        return;
    struct link *l = &all->links[all->link_count++];
    *l = (struct link){.index = (unsigned)info->ifi_index, .flags = info->ifi_flags};
    l->tunnel = (info->ifi_flags & IFF_POINTOPOINT) != 0;
    for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
        if ((a->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO)
            read_kind(l, a);
        if (a->rta_type == IFLA_MASTER && RTA_PAYLOAD(a) == sizeof l->master)
            memcpy(&l->master, RTA_DATA(a), sizeof l->master);
    }
}

static void read_address(struct account *all, const struct nlmsghdr *m)
{
    const struct ifaddrmsg *info = NLMSG_DATA(m);
    size_t size = info->ifa_family == AF_INET ? 4 : 16;
    int len = (int)IFA_PAYLOAD(m);
    bool local = false; /* point-to-point: IFA_ADDRESS is the other end's (rtnetlink(7)) */
    if (m->nlmsg_type != RTM_NEWADDR || all->address_count == ADDRESSES_MAX ||
        (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
        return;
    struct interface_address *out = &all->addresses[all->address_count++];
    *out = (struct interface_address){.address = {.family = info->ifa_family},
                                      .prefix_bits = info->ifa_prefixlen,
                                      .interface_index = info->ifa_index,
                                      .flags = info->ifa_flags};
    for (const struct rtattr *a = IFA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
        if (RTA_PAYLOAD(a) == size && (a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && !local)))
            memcpy(out->address.address, RTA_DATA(a), size);
        local |= a->rta_type == IFA_LOCAL;
        if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) == sizeof out->flags)
            memcpy(&out->flags, RTA_DATA(a), sizeof out->flags);
    }
}

/* One answer of the kernel's. False: it was the last. */
static bool read_page(struct account *all, const char *page, ssize_t len,
                      void (*read_one)(struct account *all, const struct nlmsghdr *m))
{
    for (const struct nlmsghdr *m = (const void *)page; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
        if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
            return false;
        read_one(all, m);
    }
    return true;
}

static bool dump(struct account *all, int fd, uint16_t type,
                 void (*read_one)(struct account *all, const struct nlmsghdr *m))
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg info; /* zeroed it is an ifaddrmsg that asks for all, as well */
    } question = {
        {.nlmsg_len = sizeof question, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        {.ifi_family = AF_UNSPEC}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    char *page = malloc(DUMP_BYTES);
    ssize_t len = -1;
    if (page && sendto(fd, &question, sizeof question, 0, (struct sockaddr *)&kernel, sizeof kernel) > 0) {
        do /* the kernel has the next page ready before the call that takes this one returns */
            len = recv(fd, page, DUMP_BYTES, MSG_DONTWAIT);
        while (len > 0 && read_page(all, page, len, read_one));
    }
    free(page);
    return len > 0;
}

static unsigned default_interface(const struct endpoint *beyond)
{
    struct route_question q = {.to = *beyond};
    struct route_way way;
    return route_ask(&q, &way) ? way.interface_index : 0;
}

/* A bridge whose every port is a guest's. */
static bool is_inner(const struct account *all, const struct link *bridge)
{
    for (size_t i = 0; i < all->link_count; i++) {
        if (all->links[i].master == bridge->index && !all->links[i].guest)
            return false;
    }
    return bridge->bridge;
}

static void judge(struct account *all)
{
    /* Surely beyond any network of ours (a.root-servers.net): nothing is sent there. */
    static const struct endpoint beyond = {.family = AF_INET, .address = {198, 41, 0, 4}};
    static const struct endpoint beyond6 = {.family = AF_INET6,
                                            .address = {0x20, 1, 5, 3, 0xba, 0x3e, [13] = 2, [15] = 0x30}};
    unsigned by = default_interface(&beyond), by6 = default_interface(&beyond6);
    for (size_t i = 0; i < all->address_count; i++) {
        struct interface_address *a = &all->addresses[i];
        a->default_route = a->interface_index == by || a->interface_index == by6;
        for (const struct link *l = all->links; l < all->links + all->link_count; l++) {
            if (l->index != a->interface_index)
                continue;
            a->usable = (l->flags & IFF_UP) && (l->flags & IFF_RUNNING) && !(l->flags & IFF_LOOPBACK);
            a->tunnel = l->tunnel;
            a->inner_bridge = !a->default_route && is_inner(all, l);
        }
    }
}

size_t interfaces_list(struct endpoint out[INTERFACES_MAX], uint16_t port)
{
    struct account *all = calloc(1, sizeof *all);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    size_t count = 0;
    if (all && fd >= 0 && dump(all, fd, RTM_GETLINK, read_link) && dump(all, fd, RTM_GETADDR, read_address)) {
        judge(all);
        count = interfaces_choose(out, all->addresses, all->address_count);
    }
    for (size_t i = 0; i < count; i++)
        out[i].port = port;
    if (fd >= 0)
        close(fd);
    free(all);
    return count;
}
