#include "client/datagram_queue.h"
#include <stdlib.h>
#include <string.h>

struct head {
    uint32_t flow;
    uint32_t len; /* GO_ON: the next one stands at the beginning */
};

#define GO_ON UINT32_MAX

int datagram_queue_init(struct datagram_queue *q)
{
    *q = (struct datagram_queue){.bytes = malloc(DATAGRAM_QUEUE_BYTES)};
    return q->bytes ? HX_OK : HX_ENOMEM;
}

void datagram_queue_free(struct datagram_queue *q)
{
    free(q->bytes);
}

/* In heads, so that each is where a struct may be. */
static size_t room_of(size_t len)
{
    return sizeof(struct head) + (len + sizeof(struct head) - 1) / sizeof(struct head) * sizeof(struct head);
}

/* Where so many bytes are free, one behind the other. False: nowhere. */
static bool find_room(struct datagram_queue *q, size_t need)
{
    bool wrapped = q->count > 0 && q->end <= q->first;
    if (wrapped)
        return q->first - q->end >= need;
    if (DATAGRAM_QUEUE_BYTES - q->end >= need)
        return true;
    if (q->first < need)
        return false;
    if (q->end < DATAGRAM_QUEUE_BYTES)
        *(struct head *)(q->bytes + q->end) = (struct head){.len = GO_ON};
    q->end = 0;
    return true;
}

bool datagram_queue_put(struct datagram_queue *q, uint32_t flow, const void *bytes, size_t len)
{
    size_t need = room_of(len);
    if (need > DATAGRAM_QUEUE_BYTES || !find_room(q, need))
        return false;
    *(struct head *)(q->bytes + q->end) = (struct head){.flow = flow, .len = (uint32_t)len};
    memcpy(q->bytes + q->end + sizeof(struct head), bytes, len);
    q->end += need;
    q->count++;
    return true;
}

ssize_t datagram_queue_take(struct datagram_queue *q, uint32_t *flow, void *buf, size_t size)
{
    if (q->count == 0)
        return HX_EAGAIN;
    if (q->first == DATAGRAM_QUEUE_BYTES || ((struct head *)(q->bytes + q->first))->len == GO_ON)
        q->first = 0;
    const struct head *h = (const struct head *)(q->bytes + q->first);
    size_t len = h->len;
    *flow = h->flow;
    memcpy(buf, q->bytes + q->first + sizeof *h, len < size ? len : size);
    q->first += room_of(len);
    if (--q->count == 0)
        q->first = q->end = 0; /* memory that the caches have */
    return (ssize_t)len;
}
