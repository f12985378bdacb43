#include "shim/net/batch.h"
#include "shim/net/parts.h"
#include "shim/net/pktinfo.h"
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>

#define CROWDED    4    /* a queue that is full to one part of these */
#define BYTES_EACH 1500 /* an Ethernet's packet with its heads: whoever sends longer ones does not reach us */

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in6 names[BATCH];
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[PKTINFO_SPACE];
    } controls[BATCH];
    uint8_t bytes[BATCH][BYTES_EACH];
    int count, next;
    bool crowded;
};

struct batch *batch_create(void)
{
    struct batch *b = calloc(1, sizeof *b);

    for (int i = 0; b && i < BATCH; i++) {
        b->parts[i] = (struct iovec){.iov_base = b->bytes[i], .iov_len = sizeof b->bytes[i]};
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
    b->count = n > 0 ? n : 0;
    b->crowded = n == BATCH && is_crowded(fd);
    return n;
}

ssize_t batch_next(struct batch *b, int fd, struct msghdr *mh)
{
    if (b->next == b->count && fill(b, fd) <= 0)
        return -1;
    const struct mmsghdr *m = &b->messages[b->next];
    mh->msg_flags = m->msg_hdr.msg_flags;
    if (m->msg_hdr.msg_namelen < mh->msg_namelen)
        mh->msg_namelen = m->msg_hdr.msg_namelen;
    memcpy(mh->msg_name, &b->names[b->next], mh->msg_namelen);
    if (m->msg_hdr.msg_controllen < mh->msg_controllen)
        mh->msg_controllen = m->msg_hdr.msg_controllen;
    if (mh->msg_controllen)
        memcpy(mh->msg_control, m->msg_hdr.msg_control, mh->msg_controllen);
    if (!parts_scatter(mh->msg_iov, (int)mh->msg_iovlen, b->bytes[b->next], m->msg_len))
        mh->msg_flags |= MSG_TRUNC;
    b->next++;
    return (ssize_t)m->msg_len;
}

bool batch_waits(const struct batch *b)
{
    return b->next < b->count;
}

bool batch_crowded(const struct batch *b)
{
    return b->crowded;
}
