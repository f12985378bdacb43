/* Datagrams that one system call has brought, handed out one by one. Only listeners read so: theirs are small
 * and come from many at once. */
#include "shim/udt/wire_internal.h"
#include <stdlib.h>
#include <string.h>

#define BATCH 16

struct wire_batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in6 names[BATCH];
    uint8_t bytes[BATCH][PACKET_HEAD + PACKET_BODY_MAX];
    int count, next;
};

struct wire_batch *wire_batch_create(void)
{
    struct wire_batch *b = calloc(1, sizeof(*b));

    for (int i = 0; b && i < BATCH; i++) {
        b->parts[i] = (struct iovec){.iov_base = b->bytes[i], .iov_len = sizeof(b->bytes[i])};
        b->messages[i].msg_hdr =
            (struct msghdr){.msg_name = &b->names[i], .msg_iov = &b->parts[i], .msg_iovlen = 1};
    }
    return b;
}

static int fill(struct wire_batch *b, int fd)
{
    int n;

    for (int i = 0; i < BATCH; i++)
        b->messages[i].msg_hdr.msg_namelen = sizeof(b->names[i]);
    n = recvmmsg(fd, b->messages, BATCH, MSG_DONTWAIT, NULL);
    b->next = 0;
    b->count = n > 0 ? n : 0;
    return n;
}

ssize_t wire_batch_next(struct wire_batch *b, int fd, struct msghdr *mh)
{
    const struct mmsghdr *m;
    size_t body_len;

    if (b->next == b->count && fill(b, fd) <= 0)
        return -1;
    m = &b->messages[b->next];
    mh->msg_flags = m->msg_hdr.msg_flags;
    if (m->msg_len >= PACKET_HEAD) {
        body_len = m->msg_len - PACKET_HEAD;
        if (body_len > mh->msg_iov[1].iov_len) {
            body_len = mh->msg_iov[1].iov_len;
            mh->msg_flags |= MSG_TRUNC;
        }
        memcpy(mh->msg_name, &b->names[b->next], mh->msg_namelen);
        memcpy(mh->msg_iov[0].iov_base, b->bytes[b->next], PACKET_HEAD);
        memcpy(mh->msg_iov[1].iov_base, b->bytes[b->next] + PACKET_HEAD, body_len);
    }
    b->next++;
    return (ssize_t)m->msg_len;
}
