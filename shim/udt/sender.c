#include "shim/udt/sender.h"
#include "base/clock.h"
#include "shim/net/burst.h"
#include "shim/udt/outbound.h"
#include "shim/udt/worker.h"

/* Of the sequence number: UDT measures the path by such a packet and the next (core.cpp, packData). */
#define PROBE_MASK 15
#define LEAST_BODY 1000 /* bytes: nothing follows a shorter packet, but it may follow others */

ssize_t __real_sendmsg(int fd, const struct msghdr *mh, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *mh, int flags);
int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

static _Thread_local bool at_once;
static _Thread_local int64_t burst_ms; /* when the first of those that are held came */

void sender_at_once(bool on)
{
    at_once = on;
}

bool sender_holds(void)
{
    return burst_holds();
}

void sender_flush(void)
{
    burst_flush();
}

/* UDT's sender, one thread for each port, sends full packets one by one, as fast as they may leave. What it
 * sends is held until it would wait for anything. */
bool sender_hold(struct net_port *port, const struct net_route *route, const struct iovec parts[2])
{
    const uint8_t *head = parts[0].iov_base;

    if (at_once || packet_type(head) != PACKET_DATA || (parts[1].iov_len < LEAST_BODY && !burst_holds()))
        return false;
    if ((packet_word(head) & PROBE_MASK) == 0)
        burst_pair();
    return net_port_hold(port, route, parts, 2);
}

/* What UDT's worker acknowledges can be read: who waits for it shall not wait until the acknowledgement
 * has left. What UDT's sender sends makes room: who wants that shall have it before the sender has nothing
 * left to send. */
static bool may_leave(struct tap *t, struct net_route *route, const struct msghdr *mh)
{
    if (!burst_holds()) /* the others follow it at once */
        burst_ms = clock_now_ms();
    pthread_mutex_lock(&t->lock);
    bool leave = outbound_leave(t, route, mh->msg_iov[0].iov_base, mh->msg_iov[1].iov_base,
                                mh->msg_iov[1].iov_len, burst_ms);
    enum packet_type type = packet_type(mh->msg_iov[0].iov_base);
    if ((type == PACKET_ACK && tap_on_worker(t)) || (type == PACKET_DATA && !at_once))
        worker_tell(t);
    tap_unlock(t);
    return leave;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *mh, int flags)
{
    struct tap *t = tap_of(fd);
    struct net_route route = {0};

    if (!t || mh->msg_iovlen != 2 || mh->msg_iov[0].iov_len != PACKET_HEAD) {
        burst_flush(); /* in order */
        return __real_sendmsg(fd, mh, flags);
    }
    ssize_t len = (ssize_t)(mh->msg_iov[0].iov_len + mh->msg_iov[1].iov_len);
    net_address_from(&route.to, mh->msg_name);
    if (!may_leave(t, &route, mh) || sender_hold(t->port, &route, mh->msg_iov))
        return len;
    burst_flush(); /* in order */
    return net_port_send(t->port, &route, mh->msg_iov, 2, flags) < 0 ? -1 : len;
}

/* Where UDT's sender waits for something to send. What it holds leaves first, without the lock that others
 * want; it then looks again, as after any spurious wake-up. */
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!burst_holds())
        return __real_pthread_cond_wait(cond, mutex);
    pthread_mutex_unlock(mutex);
    burst_flush();
    return pthread_mutex_lock(mutex);
}
