#include "shim/udt/worker.h"
#include "base/clock.h"
#include "shim/udt/control.h"
#include "shim/udt/due.h"
#include "shim/udt/early_packet.h"
#include "shim/udt/give_back.h"
#include "shim/udt/idle_suspension.h"
#include "shim/udt/inbound.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define SIGNAL_AFTER   32   /* datagrams without a pause, after which events are signalled all the same */
#define HANDSHAKES_OF  32   /* datagrams: the average goes back so far */
#define HANDSHAKES_ALL 4096 /* all of them */
#define DROPS_MAX      64   /* dropped datagrams in a row, after which UDT's timers get their turn */

ssize_t __real_recvmsg(int fd, struct msghdr *mh, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *mh, int flags);

/* INT64_MAX: `c` owes nothing any more. */
static int64_t send_report(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    int64_t due_us = control_send_report(t, c, now_ms), streams_us = flow_streams_us(c->flow);

    if (streams_us > t->streams_us)
        t->streams_us = streams_us;
    return due_us;
}

/* Receipts and reports of losses that are due. When the next one is: microseconds of UDT's clock. */
static int64_t send_reports(struct tap *t, int64_t now_ms)
{
    struct udt_conn *c, *next;
    int64_t first_us = INT64_MAX;

    DL_FOREACH_SAFE2(t->conns.owing, c, next, owing_next)
    {
        int64_t due_us = send_report(t, c, now_ms);
        if (due_us == INT64_MAX)
            udt_conn_owes_nothing(&t->conns, c);
        else if (due_us < first_us)
            first_us = due_us;
    }
    return first_us;
}

/* UDT's worker is back: what its last datagram has brought about can be told now, and not before. */
static void worker_returned(struct tap *t)
{
    if (!t->busy)
        return;
    t->busy = false;
    pthread_cond_broadcast(&t->idle);
    t->ready.accepts += t->accepts;
    t->accepts = 0;
    struct udt_conn *c = t->current_news ? udt_conn_find(&t->conns, t->current) : NULL;
    if (c)
        readiness_tell(&t->ready, c, t->current_news);
    t->current_news = 0;
    c = t->current_owes ? udt_conn_find(&t->conns, t->current) : NULL;
    t->current_owes = false;
    if (!c)
        return;
    /* A receipt tells of all that came together. */
    bool last = !net_port_waits(t->port) || ++t->unreported >= RECEIPTS_AT_ONCE;
    if (last)
        t->unreported = 0;
    if (!last || send_report(t, c, clock_now_ms()) != INT64_MAX)
        udt_conn_owes(&t->conns, c);
}

/* UDT's own view of where a datagram is from: its sockets are of IPv6 (udt_socket()). */
static void put_address(const struct net_address *from, struct msghdr *mh)
{
    net_address_to_sockaddr6(from, mh->msg_name);
}

/* Our own words reach UDT as long as the connection is open that they are about. */
static bool is_of_open(const struct tap *t, const struct kept *k)
{
    const struct udt_conn *c = udt_conn_find(&t->conns, packet_id(k->head));

    return c && c->state == UDT_CONN_OPEN;
}

/* Gives UDT a datagram that was kept. -1: it was not for UDT. */
static ssize_t replay_one(struct tap *t, struct msghdr *mh, int64_t now_ms)
{
    struct kept *k = t->replay;
    struct net_route route = {.to = k->from, .local = k->local, .socket = k->socket};
    ssize_t n = -1;

    DL_DELETE(t->replay, k);
    if (k->body_len <= mh->msg_iov[1].iov_len) {
        memcpy(mh->msg_iov[0].iov_base, k->head, PACKET_HEAD);
        memcpy(mh->msg_iov[1].iov_base, k->body, k->body_len);
        if (k->judged)
            t->busy = is_of_open(t, k);
        else
            t->busy = inbound_take(t, &route, mh->msg_iov[0].iov_base, mh->msg_iov[1].iov_base, &k->body_len,
                                   now_ms);
        put_address(&route.to, mh);
        if (t->busy)
            n = (ssize_t)(PACKET_HEAD + k->body_len);
    }
    free(k);
    return n;
}

/* One round with the lock held: the worker's return, the clock, what was kept. -1: nothing, read the
 * socket. */
static ssize_t before_reading(struct tap *t, struct msghdr *mh, bool *detached)
{
    int64_t now_ms = clock_now_ms();
    ssize_t n = -1;

    t->now_ms = now_ms;
    pthread_mutex_lock(&t->lock);
    worker_returned(t);
    suspension_resume_all(t);
    if (now_ms >= t->tick_ms) {
        due_tick(t, now_ms);
        t->tick_ms = now_ms + TAP_TICK_MS;
    }
    *detached = t->detached;
    while (n < 0 && t->replay && !t->detached)
        n = replay_one(t, mh, now_ms);
    tap_unlock(t);
    return n;
}

void worker_tell(struct tap *t)
{
    struct udt_conn *c;
    struct udt_watch watch;
    unsigned news;
    int32_t id;
    bool told;

    if (t->telling) /* another thread is, and tells all that waits */
        return;
    while (!t->detached && (c = readiness_next_watched(&t->ready, &news))) {
        id = c->id;
        watch = c->watch;
        t->telling = true;
        t->told = id;
        pthread_mutex_unlock(&t->lock);
        told = watch.tell(watch.context, news);
        pthread_mutex_lock(&t->lock);
        t->telling = false;
        pthread_cond_broadcast(&t->idle);
        c = told ? NULL : udt_conn_find(&t->conns, id);
        if (c)
            readiness_refused(&t->ready, c, news);
    }
}

static void look_at_ring(struct tap *t)
{
    int unread = t->give_back_ms == INT64_MAX ? 0 : give_back_unread(t->receive_queue);

    if (unread > t->ring_most)
        t->ring_most = unread;
}

static void signal_from_worker(struct tap *t)
{
    t->unsignalled = 0;
    look_at_ring(t);
    pthread_mutex_lock(&t->lock);
    worker_tell(t);
    bool signal = readiness_must_signal(&t->ready);
    pthread_mutex_unlock(&t->lock);
    if (signal)
        readiness_signal(&t->ready);
}

/* Sends the reports that are due. When the next one is, as send_reports(). */
static int64_t next_report_us(struct tap *t)
{
    pthread_mutex_lock(&t->lock);
    int64_t due_us = t->conns.owing ? send_reports(t, clock_now_ms()) : INT64_MAX;
    pthread_mutex_unlock(&t->lock);
    return due_us;
}

/* A listener has no extra sockets, but for its tunnels. */
static int extra_fd(const struct tap *t)
{
    return t->listener && !net_port_has_tunnels(t->port) ? -1 : net_port_extra_event_fd(t->port);
}

/* Where something is unread, or comes, the ring is looked at again. */
static void give_back_ring(struct tap *t)
{
    int64_t now_ms = clock_now_ms();

    if (now_ms < t->give_back_ms)
        return;
    bool all = give_back_received(t->receive_queue, t->ring_filled ? t->ring_most : 0);
    t->give_back_ms = all && !t->ring_filled ? INT64_MAX : now_ms + GIVE_BACK_AFTER_MS;
    t->ring_filled = false;
    t->ring_most = 0;
}

static void look_at_round_trips(struct tap *t, int64_t now_us)
{
    int64_t least_us = INT64_MAX;

    for (struct udt_conn *c = t->conns.by_id; c && least_us > 0; c = c->hh.next) {
        int64_t us = c->state == UDT_CONN_OPEN && c->flow ? flow_gather_us(c->flow) : least_us;
        least_us = us < least_us ? us : least_us;
    }
    gathering_found(&t->gathering, least_us, now_us);
}

/* Where bulk comes the worker does not wake up for each packet: what follows is taken together. 0: no bulk
 * comes. */
static int64_t gather_us(struct tap *t, int64_t most_us)
{
    int64_t now_us = flow_now_us();

    gathering_count(&t->gathering, now_us);
    if (t->streams_us < now_us)
        return 0;
    pthread_mutex_lock(&t->lock);
    if (gathering_is_old(&t->gathering, now_us))
        look_at_round_trips(t, now_us);
    int64_t us = gathering_us(&t->gathering, most_us);
    pthread_mutex_unlock(&t->lock);
    return us;
}

/* One of these, or so long. */
static void await_any(struct tap *t, struct pollfd *fds, nfds_t count, int64_t us)
{
    struct timespec wait = {.tv_nsec = (long)us * 1000};
    uint64_t value;

    if (ppoll(fds, count, &wait, NULL) > 0 && fds[0].revents)
        (void)!read(t->wake_fd, &value, sizeof value);
}

static void await_datagram(struct tap *t)
{
    struct pollfd fds[3] = {{.fd = t->wake_fd, .events = POLLIN},
                            {.fd = net_port_fd(t->port), .events = POLLIN},
                            {.fd = extra_fd(t), .events = POLLIN}};
    int64_t wait_us = TAP_TICK_MS * 1000;

    signal_from_worker(t);
    give_back_ring(t);
    int64_t left_us = next_report_us(t) - flow_now_us();
    if (left_us < wait_us)
        wait_us = left_us > 0 ? left_us : 0;
    int64_t gathered_us = gather_us(t, wait_us);
    if (gathered_us > 0)
        await_any(t, fds, 1, gathered_us);
    else
        await_any(t, fds, fds[2].fd < 0 ? 2 : 3, wait_us);
}

/* What waits in a queue that grows is old when it is read. Who asks for a connection says it again every
 * 250 ms or sooner; who has given up meanwhile would be accepted in vain; and a handshake costs more than all
 * else that comes. Where most of what comes are handshakes, the queue is short again without them, and those
 * who are heard still wait for the answer. */
static bool must_ask_again(struct tap *t, const struct net_datagram *d)
{
    if (!t->listener)
        return false;
    const uint8_t *head = d->parts[0].iov_base;
    bool asks = packet_type(head) == PACKET_HANDSHAKE || early_packet_is(head);
    t->handshakes += ((asks ? HANDSHAKES_ALL : 0) - t->handshakes) / HANDSHAKES_OF;
    return asks && t->handshakes > HANDSHAKES_ALL / 2 && net_port_crowded(t->port);
}

bool worker_take(void *context, struct net_datagram *d)
{
    struct net_route route = {.to = d->from, .local = d->local, .socket = d->socket};
    struct tap *t = context;
    size_t body_len = d->len - PACKET_HEAD;
    bool pass = false;

    if (!t->listener) /* else it is answered by whatever interface the route says */
        route.local.scope = d->interface;
    pthread_mutex_lock(&t->lock);
    if (must_ask_again(t, d))
        t->drops.count[DROP_CROWDED]++;
    else if (!t->detached &&
             inbound_take(t, &route, d->parts[0].iov_base, d->parts[1].iov_base, &body_len, t->now_ms))
        pass = t->busy = true;
    tap_unlock(t);
    d->from = route.to;
    d->len = PACKET_HEAD + body_len;
    return pass;
}

/* A datagram of the socket for UDT; -1: errno, or 0: none, but there may be more. */
static ssize_t read_one(struct tap *t, struct msghdr *mh)
{
    struct net_datagram d = {.parts = mh->msg_iov, .part_count = (int)mh->msg_iovlen};
    int taken = net_port_read(t->port, &d);

    if (taken >= 0)
        gathering_came(&t->gathering);
    if (taken >= 0 && ++t->unsignalled >= SIGNAL_AFTER)
        signal_from_worker(t);
    if (taken <= 0)
        return taken;
    put_address(&d.from, mh);
    return (ssize_t)d.len;
}

/* UDT takes -1 for "nothing came" and looks after its timers, which it must do every TAP_TICK_MS. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *mh, int flags)
{
    struct tap *t = tap_of(fd);
    bool waited = false, detached;

    if (!t)
        return __real_recvmsg(fd, mh, flags);
    tap_serve(t);
    ssize_t n = before_reading(t, mh, &detached);
    for (int drops = 0; n < 0 && !detached && drops < DROPS_MAX;) {
        n = read_one(t, mh);
        if (n > 0)
            return n;
        if (n == 0) {
            drops++;
            n = -1;
        } else if (errno == EINTR) {
            continue;
        } else if (waited || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            break; /* an ICMP error of some earlier datagram is no reason to wait, and none to stop */
        } else {
            waited = true;
            await_datagram(t);
            n = before_reading(t, mh, &detached);
        }
    }
    if (detached) /* UDT closes the descriptor before it ends this thread (UDT4.md, A5): touch it no more */
        poll(NULL, 0, TAP_TICK_MS);
    return n;
}
