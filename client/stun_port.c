#include "client/stun_port.h"
#include "base/container_of.h"
#include "client/stun.h"
#include "proto/stun.h"
#include <stdlib.h>
#include <string.h>

#define BATCH 64 /* datagrams; then others get the thread */

struct stun_port {
    struct net_port *net;
    struct engine_watch watch;
};

/* What ICMP says about a datagram of ours: to whom it was (ip(7), IP_RECVERR). */
static void take_errors(struct stun_port *p)
{
    struct sockaddr_in6 to;
    char control[512];
    for (int i = 0; i < BATCH; i++) {
        struct msghdr mh = {.msg_name = &to,
                            .msg_namelen = sizeof to,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
        if (recvmsg(net_port_fd(p->net), &mh, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        struct net_address server;
        net_address_from(&server, (struct sockaddr *)&to);
        stun_refused(p->net, &server);
    }
}

static void on_ready(struct engine_watch *w)
{
    struct stun_port *p = container_of(w, struct stun_port, watch);
    uint8_t bytes[STUN_MAX];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct net_datagram d = {.parts = &part, .part_count = 1};
    for (int i = 0; i < BATCH && net_port_read(p->net, &d) >= 0; i++)
        ;
    take_errors(p);
}

int stun_port_open(struct stun_port **out, int family)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    struct net_port_config config = {.local = family == AF_INET ? (struct sockaddr *)&any
                                                                : (struct sockaddr *)&any6,
                                     .ipv6_only = family == AF_INET6};
    struct stun_port *p = calloc(1, sizeof *p);
    int on = 1;
    if (!p)
        return HX_ENOMEM;
    int err = net_port_open(&p->net, &config);
    if (err < 0) {
        free(p);
        return err;
    }
    net_port_set_handler(p->net, NET_USER_STUN, stun_take_answer, NULL);
    p->watch = (struct engine_watch){.fd = net_port_fd(p->net), .on_ready = on_ready};
    (void)setsockopt(p->watch.fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    (void)setsockopt(p->watch.fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    err = engine_watch_begin(&p->watch);
    if (err < 0) {
        net_port_close(p->net);
        free(p);
        return err;
    }
    *out = p;
    return HX_OK;
}

void stun_port_close(struct stun_port *p)
{
    if (!p)
        return;
    engine_watch_end(&p->watch);
    net_port_close(p->net);
    free(p);
}

struct net_port *stun_port_net(struct stun_port *p)
{
    return p->net;
}
