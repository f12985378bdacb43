#include "shim/net/batch.h"
#include "shim/net/parts.h"
#include "shim/net/pktinfo.h"
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define CROWDED    4    /* a queue that is full to one part of these */
#define BYTES_EACH 1500 /* an Ethernet's packet with its heads: whoever sends longer ones does not reach us */
#define BYTES_RUN  65536 /* the longest run: one packet of IP, as the kernel has it */

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in6 names[BATCH];
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[BATCH_CONTROL];
    } controls[BATCH];
    int count, next;
    size_t at; /* in the next one: what has been handed out of its run */
    bool crowded;
    uint8_t bytes[];
};

struct batch *batch_create(int fd, bool runs)
{
    int on = runs; /* a socket that was handed over may have it from who had it before */
    bool long_ones = setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0 && runs;
    size_t each = long_ones ? BYTES_RUN : BYTES_EACH;
    struct batch *b = calloc(1, sizeof *b + BATCH * each);

    for (size_t i = 0; b && i < BATCH; i++) {
        b->parts[i] = (struct iovec){.iov_base = b->bytes + i * each, .iov_len = each};
        b->messages[i].msg_hdr =
            (struct msghdr){.msg_name = &b->names[i], .msg_iov = &b->parts[i], .msg_iovlen = 1};
    }
    return b;
}

static bool is_crowded(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
           info[SK_MEMINFO_RMEM_ALLOC] > info[SK_MEMINFO_RCVBUF] / CROWDED;
}

static int fill(struct batch *b, int fd)
{
    for (int i = 0; i < BATCH; i++) {
        b->messages[i].msg_hdr.msg_namelen = sizeof b->names[i];
        b->messages[i].msg_hdr.msg_control = &b->controls[i];
        b->messages[i].msg_hdr.msg_controllen = sizeof b->controls[i];
    }
    int n = recvmmsg(fd, b->messages, BATCH, MSG_DONTWAIT, NULL);
    b->next = 0;
    b->at = 0;
    b->count = n > 0 ? n : 0;
    b->crowded = n == BATCH && is_crowded(fd);
    return n;
}

static size_t each_of(struct mmsghdr *m)
{
    int each = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c; c = CMSG_NXTHDR(&m->msg_hdr, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO && c->cmsg_len >= CMSG_LEN(sizeof each))
            memcpy(&each, CMSG_DATA(c), sizeof each);
    }
    return each > 0 && (size_t)each < m->msg_len ? (size_t)each : m->msg_len;
}

bool batch_look(struct batch *b, int fd, struct batch_run *out)
{
    if (b->next == b->count && fill(b, fd) <= 0)
        return false;
    struct mmsghdr *m = &b->messages[b->next];
    *out = (struct batch_run){.bytes = (uint8_t *)b->parts[b->next].iov_base + b->at,
                              .len = m->msg_len - b->at,
                              .each = each_of(m)};
    return true;
}

static void copy_heads(const struct batch *b, struct msghdr *mh)
{
    const struct msghdr *from = &b->messages[b->next].msg_hdr;

    mh->msg_flags = from->msg_flags;
    if (from->msg_namelen < mh->msg_namelen)
        mh->msg_namelen = from->msg_namelen;
    memcpy(mh->msg_name, from->msg_name, mh->msg_namelen);
    if (from->msg_controllen < mh->msg_controllen)
        mh->msg_controllen = from->msg_controllen;
    if (mh->msg_controllen)
        memcpy(mh->msg_control, from->msg_control, mh->msg_controllen);
}

static void advance(struct batch *b, size_t by)
{
    b->at += by;
    if (b->at < b->messages[b->next].msg_len)
        return;
    b->next++;
    b->at = 0;
}

ssize_t batch_next(struct batch *b, struct msghdr *mh)
{
    struct mmsghdr *m = &b->messages[b->next];
    size_t len = each_of(m), left = m->msg_len - b->at;

    if (len > left)
        len = left;
    copy_heads(b, mh);
    if (!parts_scatter(mh->msg_iov, (int)mh->msg_iovlen, (uint8_t *)b->parts[b->next].iov_base + b->at, len))
        mh->msg_flags |= MSG_TRUNC;
    advance(b, len);
    return (ssize_t)len;
}

void batch_take(struct batch *b, struct msghdr *mh, size_t len)
{
    copy_heads(b, mh);
    advance(b, len);
}

bool batch_waits(const struct batch *b)
{
    return b->next < b->count;
}

bool batch_crowded(const struct batch *b)
{
    return b->crowded;
}
