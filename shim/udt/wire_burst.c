/* Full packets of one connection that leave at the same time do so with one system call: the kernel cuts them
 * apart (udp(7), UDP_SEGMENT), at the end of its way instead of the beginning. UDT's sender, one thread for
 * each port, sends them one by one, as fast as they may leave; what it sends is held until it would wait for
 * anything. */
#include "shim/udt/wire_burst.h"
#include "shim/udt/wire_internal.h"
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of the sequence number: UDT measures the path by such a packet and the next (core.cpp, packData). */
#define PROBE_MASK 15
#define LEAST_BODY 1000 /* bytes: shorter packets have nobody to follow them */

struct wire_burst {
    int fd;
    bool refused; /* by this kernel or device: packets leave one by one, held or not */
    int count;
    size_t len; /* bytes, of each */
    struct sockaddr_in6 to;
    socklen_t to_len;
    uint8_t bytes[WIRE_BURST * (PACKET_HEAD + PACKET_BODY_MAX)];
};

static _Thread_local struct wire_burst *held; /* by this thread, if not empty */

int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

struct wire_burst *wire_burst_create(int fd)
{
    struct wire_burst *b = calloc(1, sizeof(*b));
    int segment;
    socklen_t len = sizeof(segment);

    if (!b)
        return NULL;
    b->fd = fd;
    /* Before Linux 4.18 the whole burst would leave as one datagram. */
    b->refused = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &len) < 0;
    return b;
}

static void send_one(struct wire_burst *b, int i)
{
    (void)!sendto(b->fd, b->bytes + (size_t)i * b->len, b->len, 0, (struct sockaddr *)&b->to, b->to_len);
}

/* False: nothing has left. */
static bool send_all(struct wire_burst *b)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = {.head = {.cmsg_level = IPPROTO_UDP,
                          .cmsg_type = UDP_SEGMENT,
                          .cmsg_len = CMSG_LEN(sizeof(uint16_t))}};
    struct iovec part = {.iov_base = b->bytes, .iov_len = (size_t)b->count * b->len};
    struct msghdr mh = {.msg_name = &b->to,
                        .msg_namelen = b->to_len,
                        .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof(control.bytes)};
    uint16_t len = (uint16_t)b->len;

    memcpy(CMSG_DATA(&control.head), &len, sizeof(len));
    if (sendmsg(b->fd, &mh, 0) >= 0)
        return true;
    /* EIO: the device leaves checksums to us; EMSGSIZE, EINVAL: a packet is more than the way takes uncut. */
    b->refused = errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == EOPNOTSUPP;
    return false;
}

void wire_burst_flush(void)
{
    struct wire_burst *b = held;

    if (!b)
        return;
    held = NULL;
    if (b->count == 1 || !send_all(b)) {
        for (int i = 0; i < b->count; i++)
            send_one(b, i);
    }
    b->count = 0;
}

bool wire_burst_holds(void)
{
    return held != NULL;
}

static bool fits(const struct wire_burst *b, const struct msghdr *mh, size_t len)
{
    return b->count == 0 ||
           (b->len == len && b->to_len == mh->msg_namelen && memcmp(&b->to, mh->msg_name, b->to_len) == 0);
}

bool wire_burst_hold(struct wire_burst *b, const struct msghdr *mh)
{
    size_t body_len = mh->msg_iov[1].iov_len;
    size_t len = PACKET_HEAD + body_len;
    uint8_t *at;

    if (packet_type(mh->msg_iov[0].iov_base) != PACKET_DATA || body_len < LEAST_BODY ||
        body_len > PACKET_BODY_MAX || mh->msg_namelen > sizeof(b->to) || b->refused)
        return false;
    if (!fits(b, mh, len) || (packet_word(mh->msg_iov[0].iov_base) & PROBE_MASK) == 0)
        wire_burst_flush();
    b->len = len;
    b->to_len = mh->msg_namelen;
    memcpy(&b->to, mh->msg_name, b->to_len);
    at = b->bytes + (size_t)b->count * len;
    memcpy(at, mh->msg_iov[0].iov_base, PACKET_HEAD);
    memcpy(at + PACKET_HEAD, mh->msg_iov[1].iov_base, body_len);
    held = b;
    if (++b->count == WIRE_BURST)
        wire_burst_flush();
    return true;
}

/* Where UDT's sender waits for something to send. What it holds leaves first, without the lock that others
 * want; it then looks again, as after any spurious wake-up. */
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!held)
        return __real_pthread_cond_wait(cond, mutex);
    pthread_mutex_unlock(mutex);
    wire_burst_flush();
    return pthread_mutex_lock(mutex);
}
