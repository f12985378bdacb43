/* client/datagram_queue.h: datagrams that wait to be read, in the order in which they came. Bounded by their
 * bytes, whatever they are cut into. No lock of its own. */
#ifndef HX_CLIENT_DATAGRAM_QUEUE_H
#define HX_CLIENT_DATAGRAM_QUEUE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DATAGRAM_QUEUE_BYTES (1536 * 1024) /* with 8 for each: 200 ms of 60 Mbit/s */

struct datagram_queue { /* zeroed has no memory yet */
    uint8_t *bytes;
    size_t first, end; /* of what waits; it may go on at the beginning */
    size_t count;
};

int datagram_queue_init(struct datagram_queue *q); /* HX_OK, HX_ENOMEM */
void datagram_queue_free(struct datagram_queue *q);
/* False: there is no room. */
bool datagram_queue_put(struct datagram_queue *q, uint32_t flow, const void *bytes, size_t len);
/* The length of the next one, of which `buf` gets `size` bytes at most; HX_EAGAIN: none waits. */
ssize_t datagram_queue_take(struct datagram_queue *q, uint32_t *flow, void *buf, size_t size);

#endif
