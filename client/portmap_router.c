#include "client/portmap_router.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/portmap.h"
#include "client/route.h"
#include "proto/address.h"
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define ANNOUNCE_PORT  5350 /* RFC 6886, 9; RFC 6887, 19.1 */
#define ANNOUNCE_BATCH 16

/* By an address that surely is beyond it (a.root-servers.net): nothing is sent there. */
bool portmap_router_find(struct gateway *out)
{
    struct route_question q = {.to = {.family = AF_INET, .address = {198, 41, 0, 4}}};
    struct route_way way;
    memset(out, 0, sizeof *out);
    if (!route_ask(&q, &way) || way.local || way.gateway.family != AF_INET || way.source.family != AF_INET ||
        address_class(&way.source) != ADDRESS_PRIVATE)
        return false;
    *out = (struct gateway){way.gateway, way.source, way.interface_index};
    return true;
}

bool portmap_router_same(const struct gateway *a, const struct gateway *b)
{
    return endpoint_same_host(&a->address, &b->address) && endpoint_same_host(&a->local, &b->local) &&
           a->interface_index == b->interface_index;
}

void portmap_router_turn(struct way *const *ways, int count, int wake_fd, int64_t until_ms)
{
    struct pollfd fds[1 + WAY_KINDS] = {{.fd = wake_fd, .events = POLLIN}};
    int64_t now_ms = clock_now_ms();
    for (int i = 0; i < count; i++) {
        fds[1 + i].fd = way_fd(ways[i], &fds[1 + i].events);
        if (way_due_ms(ways[i]) < until_ms)
            until_ms = way_due_ms(ways[i]);
    }
    poll(fds, 1 + (nfds_t)count, until_ms > now_ms ? (int)(until_ms - now_ms) : 0);
    now_ms = clock_now_ms();
    for (int i = 0; i < count; i++)
        way_step(ways[i], now_ms);
}

int portmap_router_ways(struct way *ways[WAY_KINDS], enum way_kind kind_of[WAY_KINDS],
                        const struct gateway *gateway)
{
    int count = 0;
    for (enum way_kind kind = 0; kind < WAY_KINDS; kind++) {
        if (way_open(&ways[count], kind, gateway) == HX_OK)
            kind_of[count++] = kind;
    }
    return count;
}

int portmap_router_listen(const struct gateway *gateway)
{
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(ANNOUNCE_PORT)};
    struct ip_mreqn by = {.imr_ifindex = (int)gateway->interface_index};
    int yes = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    group.sin_addr.s_addr = htonl(INADDR_ALLHOSTS_GROUP);
    by.imr_multiaddr = group.sin_addr;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by, sizeof by) == 0 &&
        bind(fd, (struct sockaddr *)&group, sizeof group) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool portmap_router_has_announced(int fd, const struct gateway *gateway)
{
    struct endpoint server = gateway->address, source;
    struct sockaddr_in from;
    char data[8];
    server.port = PCP_PORT;
    for (int i = 0; i < ANNOUNCE_BATCH; i++) {
        socklen_t len = sizeof from;
        ssize_t got = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &len);
        if (got < 0)
            break;
        if (got == sizeof data && endpoint_from_sockaddr(&source, (struct sockaddr *)&from, len) == HX_OK &&
            endpoint_equal(&source, &server))
            return true;
    }
    return false;
}

void portmap_probe(struct portmap_offers *out, int timeout_ms)
{
    struct way *ways[WAY_KINDS];
    enum way_kind kind_of[WAY_KINDS];
    struct gateway gateway;
    int64_t until_ms = clock_now_ms() + timeout_ms;
    memset(out, 0, sizeof *out);
    if (!portmap_router_find(&gateway))
        return;
    out->gateway = gateway.address;
    int count = portmap_router_ways(ways, kind_of, &gateway);
    for (int i = 0; i < count; i++)
        way_probe(ways[i], clock_now_ms());
    for (bool asking = true; asking && clock_now_ms() < until_ms;) {
        portmap_router_turn(ways, count, -1, until_ms);
        asking = false;
        for (int i = 0; i < count; i++)
            asking |= ways[i]->state == WAY_ASKING;
    }
    for (int i = 0; i < count; i++) {
        if (ways[i]->state == WAY_OFFERED)
            out->of[kind_of[i]] = (struct portmap_offer){true, ways[i]->external};
        way_close(ways[i]);
    }
}
