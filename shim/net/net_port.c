#include "base/clock.h"
#include "proto/relay_frame.h"
#include "shim/net/net_port_state.h"
#include "shim/net/parts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Somebody else has bound it: what it serves is what it says. */
static int adopt_socket(struct net_port *p, int fd)
{
    int domain = AF_UNSPEC, only = 0;
    socklen_t len = sizeof domain, only_len = sizeof only;

    p->fd = fd;
    p->local_len = sizeof p->local;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
        getsockname(fd, (struct sockaddr *)&p->local, &p->local_len) < 0)
        return HX_ESYS;
    if (domain == AF_INET6 && getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_len) < 0)
        return HX_ESYS;
    p->family = domain;
    p->ipv6_only = only != 0;
    p->tells_local = is_wildcard((const struct sockaddr *)&p->local);
    return HX_OK;
}

static int make_socket(struct net_port *p, const struct net_port_config *config)
{
    p->ipv6_only = config->ipv6_only;
    p->tells_local = is_wildcard(config->local);
    int err = open_own_socket(p);
    return err == HX_OK ? bind_own_socket(p, config->local) : err;
}

int net_port_open(struct net_port **out, const struct net_port_config *config)
{
    struct net_port *p = calloc(1, sizeof *p);
    int saved;

    if (!p)
        return HX_ENOMEM;
    p->far_fd = -1;
    pthread_mutex_init(&p->refused_lock, NULL);
    int err = config->fd > 0 ? adopt_socket(p, config->fd) : make_socket(p, config);
    if (err == HX_OK && p->tells_local && !pktinfo_ask(p->fd, p->family))
        err = HX_ESYS;
    if (err == HX_OK && config->batch && !(p->batch = batch_create(p->fd, config->runs)))
        err = HX_ENOMEM;
    if (err == HX_OK && config->burst && !(p->burst = burst_create(p->fd, p->family)))
        err = HX_ENOMEM;
    if (err == HX_OK && (!(p->paths = path_table_create()) || !(p->relays = relays_create()) ||
                         !(p->extra = extra_sockets_create())))
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
    relays_destroy(p->relays);
    extra_sockets_let_go(p->extra, p->held);
    extra_sockets_destroy(p->extra);
    if (p->far_fd >= 0)
        close(p->far_fd);
    pthread_mutex_destroy(&p->refused_lock);
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

int net_port_tunnel_fd(struct net_port *p)
{
    int near_fd, number;

    if (p->far_fd >= 0)
        return p->far_fd;
    if (tunnels_open(&near_fd, &p->far_fd) < 0)
        return -1;
    if (extra_sockets_add(p->extra, near_fd, &number) < 0) {
        close(near_fd);
        close(p->far_fd);
        p->far_fd = -1;
        errno = ENOBUFS;
        return -1;
    }
    atomic_store(&p->tunnels, number);
    return p->far_fd;
}

/* Their number stays: whoever has just read by it still sees whose it was. */
void net_port_tunnel_close(struct net_port *p)
{
    if (p->far_fd < 0)
        return;
    extra_sockets_remove(p->extra, atomic_load(&p->tunnels));
    close(p->far_fd);
    p->far_fd = -1;
}

bool net_port_has_tunnels(const struct net_port *p)
{
    return atomic_load_explicit(&p->tunnels, memory_order_relaxed) != 0;
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

/* What a relay forwards need not be copied, nor cut. A port that is a party of some session has peers behind
 * the frames. */
static bool is_relay_s(const struct net_port *p, const struct batch_run *run)
{
    return relay_frame_is(run->bytes, run->len) && demux_used(&p->demux, NET_USER_RELAY) &&
           !relays_any(p->relays);
}

/* `run`: what came, with nothing of it in mh's parts. */
static ssize_t receive_own(struct net_port *p, struct msghdr *mh, struct batch_run *run)
{
    if (!p->batch)
        return receive_one(p->fd, mh);
    if (!batch_look(p->batch, p->fd, run))
        return -1;
    if (is_relay_s(p, run)) {
        run->len = relay_frame_run(run->bytes, run->len, run->each);
        batch_take(p->batch, mh, run->len);
        return (ssize_t)run->len;
    }
    run->len = 0;
    return batch_next(p->batch, mh);
}

/* UDT's parts have no room for the longest frame of a relay. */
static ssize_t receive_tunnelled(struct net_port *p, int fd, struct msghdr *mh, struct batch_run *run)
{
    struct iovec part = {.iov_base = p->tunnelled, .iov_len = sizeof p->tunnelled};
    struct msghdr own = *mh;

    own.msg_iov = &part;
    own.msg_iovlen = 1;
    ssize_t n = tunnels_receive(fd, &own);
    if (n < 0)
        return -1;
    mh->msg_namelen = own.msg_namelen;
    mh->msg_controllen = own.msg_controllen;
    mh->msg_flags = own.msg_flags;
    struct batch_run all = {.bytes = p->tunnelled, .len = (size_t)n, .each = (size_t)n};
    if (is_relay_s(p, &all))
        *run = all;
    else if (!parts_scatter(mh->msg_iov, (int)mh->msg_iovlen, p->tunnelled, (size_t)n))
        mh->msg_flags |= MSG_TRUNC;
    return n;
}

/* -1: nothing has come to any of them, and errno is as it was. */
static ssize_t receive_extra(struct net_port *p, struct msghdr *mh, int *number, struct batch_run *run)
{
    struct extra_socket *it;
    int saved = errno;
    ssize_t n = -1;

    while (n < 0 && (it = extra_sockets_next(p->extra))) {
        *number = extra_socket_number(it);
        n = *number == atomic_load(&p->tunnels) ? receive_tunnelled(p, extra_socket_fd(it), mh, run)
                                                : receive_one(extra_socket_fd(it), mh);
        if (n < 0)
            extra_sockets_was_empty(p->extra);
        extra_sockets_let_go(p->extra, it);
    }
    errno = saved;
    return n;
}

/* Its own socket and the others take turns, of as many datagrams as one system call brings: to look whether
 * something has come to the others costs one, too. */
static ssize_t receive(struct net_port *p, struct msghdr *mh, int *number, struct batch_run *run)
{
    bool own = p->extra_turn == 0;
    ssize_t n;

    *number = 0;
    if (!extra_sockets_any(p->extra) || (p->batch && batch_waits(p->batch)))
        return receive_own(p, mh, run);
    p->extra_turn = own ? (p->batch ? BATCH : 1) : p->extra_turn - 1;
    n = own ? receive_own(p, mh, run) : receive_extra(p, mh, number, run);
    if (n >= 0)
        return n;
    if (own)
        return receive_extra(p, mh, number, run);
    p->extra_turn = 0;
    *number = 0;
    return receive_own(p, mh, run);
}

/* No host has such an address (RFC 1112, RFC 6666): it would be forged to look like one of our peers. Nor do
 * tunnels end anywhere else. */
static bool is_forged(const struct net_datagram *d, bool tunnelled)
{
    return net_paths_is_canonical(&d->from) || net_relay_is_peer(&d->from) ||
           tunnels_lead_to(&d->from) != tunnelled;
}

/* What is longer than who reads has room for, UDT's own packets never being so. */
static void give_long(struct net_port *p, const struct net_datagram *d, uint8_t *bytes)
{
    struct iovec part = {.iov_base = bytes, .iov_len = d->len};
    struct net_datagram whole = *d;

    whole.parts = &part;
    whole.part_count = 1;
    if (demux_user(&p->demux, &whole) != NET_USER_UDT)
        (void)demux_give(&p->demux, &whole);
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
    if (d->len == 0 || parts_scatter(d->parts, d->part_count, whole, d->len))
        return d->len > 0;
    give_long(p, d, whole);
    return false;
}

/* As it lies in the batch. */
static bool give_run(struct net_port *p, const struct net_datagram *d, const struct batch_run *run)
{
    struct iovec part = {.iov_base = run->bytes, .iov_len = run->len};
    struct net_datagram whole = *d;

    whole.parts = &part;
    whole.part_count = 1;
    whole.each = run->each < run->len ? run->each : 0;
    return demux_give(&p->demux, &whole);
}

int net_port_read(struct net_port *p, struct net_datagram *d)
{
    struct sockaddr_in6 from = {0};
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[BATCH_CONTROL];
    } control;
    struct msghdr mh = {.msg_name = &from,
                        .msg_namelen = sizeof from,
                        .msg_iov = (struct iovec *)d->parts,
                        .msg_iovlen = (size_t)d->part_count,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes};
    struct batch_run run = {.len = 0};
    ssize_t n = receive(p, &mh, &d->socket, &run);

    if (n < 0)
        return -1;
    net_address_from(&d->from, (struct sockaddr *)&from);
    pktinfo_read(&mh, &d->local, &d->interface);
    d->len = (size_t)n;
    d->each = 0;
    d->cut = mh.msg_flags & MSG_TRUNC;
    bool tunnelled = d->socket != 0 && d->socket == atomic_load(&p->tunnels);
    if (tunnelled) /* what answers finds its way by the address alone */
        d->socket = 0;
    if (is_forged(d, tunnelled))
        return 0;
    if (run.len > 0)
        return give_run(p, d, &run);
    if (relays_take(p->relays, d) == RELAYS_DROP || (demux_is_piece(d) && !join(p, d)))
        return 0;
    return demux_give(&p->demux, d);
}

bool net_port_waits(const struct net_port *p)
{
    return p->batch && batch_waits(p->batch);
}

bool net_port_crowded(const struct net_port *p)
{
    return p->batch && batch_crowded(p->batch);
}
