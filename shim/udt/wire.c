/* The tap itself: what UDT's threads call instead of recvmsg() and sendmsg(). */
#include "base/clock.h"
#include "shim/udt/wire_burst.h"
#include "shim/udt/wire_internal.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX    8  /* UDP sockets in one process; each costs two threads */
#define SIGNAL_AFTER 32 /* datagrams without a pause, after which events are signalled all the same */
#define DROPS_MAX    64 /* refused datagrams in a row, after which UDT's timers get their turn */

ssize_t __real_recvmsg(int fd, struct msghdr *mh, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *mh, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *mh, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *mh, int flags);

static _Atomic(struct wire *) ports[PORTS_MAX];

static struct wire *port_of(int fd)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        struct wire *w = atomic_load_explicit(&ports[i], memory_order_acquire);

        if (w && w->fd == fd)
            return w;
    }
    return NULL;
}

static int register_port(struct wire *w)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        struct wire *none = NULL;

        if (atomic_compare_exchange_strong(&ports[i], &none, w))
            return HX_OK;
    }
    return HX_ELIMIT;
}

int wire_create(struct wire **out, int fd, const struct wire_config *config)
{
    struct wire *w = calloc(1, sizeof(*w));
    int err;

    if (!w)
        return HX_ENOMEM;
    w->fd = fd;
    w->window_max = config->window_max;
    w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->idle, NULL);
    err = w->event_fd < 0 || w->wake_fd < 0 ? HX_ESYS : HX_OK;
    if (err == HX_OK && config->listening)
        err = wire_door_open(w, config->rate_per_address, clock_now_ms());
    if (err == HX_OK && config->listening && !(w->batch = wire_batch_create()))
        err = HX_ENOMEM;
    if (err == HX_OK && !config->listening && !(w->burst = wire_burst_create(fd)))
        err = HX_ENOMEM;
    if (err == HX_OK)
        err = register_port(w);
    if (err < 0) {
        wire_destroy(w);
        return err;
    }
    *out = w;
    return HX_OK;
}

void wire_destroy(struct wire *w)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        struct wire *it = w;

        if (atomic_compare_exchange_strong(&ports[i], &it, NULL))
            break;
    }
    wire_free_all(w);
    wire_door_close(w);
    free(w->batch);
    free(w->burst);
    if (w->event_fd >= 0)
        close(w->event_fd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void wire_wake(struct wire *w)
{
    uint64_t one = 1;

    (void)!write(w->wake_fd, &one, sizeof(one));
}

/* Until UDT's worker is not inside a datagram; it stays in one for microseconds. */
static void await_idle(struct wire *w)
{
    while (w->busy)
        pthread_cond_wait(&w->idle, &w->lock);
}

void wire_deafen(struct wire *w)
{
    pthread_mutex_lock(&w->lock);
    w->deaf = true;
    for (struct wire_conn *c = w->by_id; c; c = c->hh.next)
        wire_unpark(w, c);
    wire_wake(w);
    await_idle(w);
    wire_unlock(w);
}

void wire_conn_closing(struct wire *w, int32_t id)
{
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->state <= WIRE_CONNECTING) {
        c->state = WIRE_CLOSING;
        await_idle(w);
    }
    wire_unlock(w);
}

/* UDT's worker is back: what its last datagram has brought about can be told now, and not before. */
static void worker_returned(struct wire *w)
{
    struct wire_conn *c;

    if (!w->busy)
        return;
    w->busy = false;
    pthread_cond_broadcast(&w->idle);
    w->accept += w->accept_made;
    w->accept_made = 0;
    c = w->current_bits ? wire_find(w, w->current) : NULL;
    if (c)
        wire_tell(w, c, w->current_bits);
    w->current_bits = 0;
}

static void put_address(struct wire *w, const struct sockaddr_in6 *from, void *name)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = from->sin6_port};

    memcpy(&sin.sin_addr, from->sin6_addr.s6_addr + 12, 4);
    if (w->family == AF_INET6)
        memcpy(name, from, sizeof(*from));
    else
        memcpy(name, &sin, sizeof(sin));
}

/* Our own words, as long as the connection is open that they are about. */
static bool goes_as_it_is(struct wire *w, const struct wire_packet *p)
{
    struct wire_conn *c = p->judged ? wire_find(w, packet_id(p->head)) : NULL;

    return c && c->state == WIRE_OPEN;
}

/* Gives UDT a datagram that was kept. -1: it was not for UDT. */
static ssize_t replay_one(struct wire *w, struct msghdr *mh, int64_t now_ms)
{
    struct wire_packet *p = w->replay;
    ssize_t n = -1;

    DL_DELETE(w->replay, p);
    if (p->body_len <= mh->msg_iov[1].iov_len) {
        memcpy(mh->msg_iov[0].iov_base, p->head, PACKET_HEAD);
        memcpy(mh->msg_iov[1].iov_base, p->body, p->body_len);
        put_address(w, &p->from, mh->msg_name);
        w->busy =
            goes_as_it_is(w, p) || (!p->judged && wire_take(w, mh->msg_name, mh->msg_iov[0].iov_base,
                                                            mh->msg_iov[1].iov_base, p->body_len, now_ms));
        if (w->busy)
            n = (ssize_t)(PACKET_HEAD + p->body_len);
    }
    free(p);
    return n;
}

/* One round with the lock held: the worker's return, the clock, what was kept. -1: nothing, read the socket.
 */
static ssize_t before_reading(struct wire *w, struct msghdr *mh, bool *deaf)
{
    int64_t now_ms = clock_now_ms();
    ssize_t n = -1;

    pthread_mutex_lock(&w->lock);
    worker_returned(w);
    wire_unpark_all(w);
    w->family = mh->msg_namelen == sizeof(struct sockaddr_in6) ? AF_INET6 : AF_INET;
    if (now_ms >= w->tick_ms) {
        wire_tick(w, now_ms);
        w->tick_ms = now_ms + WIRE_TICK_MS;
    }
    *deaf = w->deaf;
    while (n < 0 && w->replay && !w->deaf)
        n = replay_one(w, mh, now_ms);
    wire_unlock(w);
    return n;
}

static void signal_from_worker(struct wire *w)
{
    w->unsignalled = 0;
    pthread_mutex_lock(&w->lock);
    wire_signal(w);
}

static void await_datagram(struct wire *w)
{
    struct pollfd fds[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->wake_fd, .events = POLLIN}};
    uint64_t count;

    signal_from_worker(w);
    if (poll(fds, 2, WIRE_TICK_MS) > 0 && fds[1].revents)
        (void)!read(w->wake_fd, &count, sizeof(count));
}

static ssize_t receive(struct wire *w, struct msghdr *mh, int flags)
{
    if (w->batch)
        return wire_batch_next(w->batch, w->fd, mh);
    return __real_recvmsg(w->fd, mh, flags | MSG_DONTWAIT);
}

static bool take(struct wire *w, struct msghdr *mh, ssize_t n)
{
    bool pass = false;

    if (n < PACKET_HEAD || (mh->msg_flags & MSG_TRUNC))
        return false;
    pthread_mutex_lock(&w->lock);
    if (!w->deaf && wire_take(w, mh->msg_name, mh->msg_iov[0].iov_base, mh->msg_iov[1].iov_base,
                              (size_t)n - PACKET_HEAD, clock_now_ms()))
        pass = w->busy = true;
    wire_unlock(w);
    return pass;
}

/* UDT takes -1 for "nothing came" and looks after its timers, which it must do every WIRE_TICK_MS. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *mh, int flags)
{
    struct wire *w = port_of(fd);
    socklen_t name_len = mh->msg_namelen;
    bool waited = false, deaf;
    ssize_t n;

    if (!w)
        return __real_recvmsg(fd, mh, flags);
    wire_serve(w);
    n = before_reading(w, mh, &deaf);
    for (int drops = 0; n < 0 && !deaf && drops < DROPS_MAX;) {
        mh->msg_namelen = name_len;
        n = receive(w, mh, flags);
        if (n >= 0) {
            if (++w->unsignalled >= SIGNAL_AFTER)
                signal_from_worker(w);
            if (take(w, mh, n))
                return n;
            drops++;
            n = -1;
        } else if (errno == EINTR) {
            continue;
        } else if (waited || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            break; /* an ICMP error of some earlier datagram is no reason to wait, and none to stop */
        } else {
            waited = true;
            await_datagram(w);
            n = before_reading(w, mh, &deaf);
        }
    }
    if (deaf) /* UDT closes the descriptor before it ends this thread (UDT4.md, A5): touch it no more */
        poll(NULL, 0, WIRE_TICK_MS);
    return n;
}

/* UDT's datagrams have two parts; what wire itself sends has one. */
static bool may_leave(struct wire *w, const struct msghdr *mh)
{
    bool leave;

    pthread_mutex_lock(&w->lock);
    leave = wire_leave(w, mh->msg_name, mh->msg_iov[0].iov_base, mh->msg_iov[1].iov_base,
                       mh->msg_iov[1].iov_len, clock_now_ms());
    wire_unlock(w);
    return leave;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *mh, int flags)
{
    struct wire *w = port_of(fd);

    if (w && mh->msg_iovlen == 2 && mh->msg_iov[0].iov_len == PACKET_HEAD) {
        if (!may_leave(w, mh) || (w->burst && wire_burst_hold(w->burst, mh)))
            return (ssize_t)(mh->msg_iov[0].iov_len + mh->msg_iov[1].iov_len);
    }
    wire_burst_flush(); /* in order */
    return __real_sendmsg(fd, mh, flags);
}

void wire_get_stats(struct wire *w, struct wire_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    wire_unlock(w);
}

void wire_conn_started(struct wire *w, int32_t id)
{
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->state == WIRE_STARTING) {
        c->state = WIRE_CONNECTING;
        if (c->stash)
            wire_wake(w);
        DL_CONCAT(w->replay, c->stash);
        c->stash = NULL;
        c->stash_len = 0;
    }
    wire_unlock(w);
}

void wire_conn_connected(struct wire *w, int32_t id, bool half_close)
{
    int64_t now_ms = clock_now_ms();
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->state == WIRE_CONNECTING) {
        c->state = WIRE_OPEN;
        if (c->flight)
            resend_begin(&c->resend, c->flight->rtt_ms);
        free(c->flight);
        c->flight = NULL;
        DL_CONCAT(w->replay, c->stash);
        c->stash = NULL;
        if (c->rendezvous) /* the other side may wait for a packet to become connected as well */
            wire_send_control(w, c, PACKET_KEEPALIVE, 0, NULL, 0, now_ms);
        c->half_closing = half_close;
        half_close_init(&c->half_close, now_ms);
        if (half_close)
            wire_due(w, c);
        wire_wake(w);
    }
    wire_unlock(w);
}
