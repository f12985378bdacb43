/* client/files/incoming.h: what an outgoing (client/files/outgoing.h) puts into a stream, on its way
 * into a part. */
#ifndef HX_CLIENT_FILES_INCOMING_H
#define HX_CLIENT_FILES_INCOMING_H

#include "client/files/extent.h"
#include "client/files/file_sum.h"
#include "client/files/part.h"
#include "client/mux/mux.h"

struct incoming {
    struct part part;          /* a thread's while bytes move */
    struct block_queue *queue; /* NULL: there is none, or not yet */
    uint8_t *buffer;           /* PART_BUFFER bytes */
    int64_t size;              /* bytes of the part, and those on their way into it */
    int64_t held;              /* bytes of the part from before */
    bool holes;                /* they come as such */
    int64_t extent;            /* bytes of it that are yet to come */
    size_t head_len;
    uint8_t head[EXTENT_HEAD];
    size_t sum_len;
    uint8_t sum[DIGEST_BYTES];
};

/* As part_open(), and HX_ENOMEM. `sum`: what follows the bytes. */
int incoming_open(struct incoming *in, int root, const struct file_entry *e, const struct file_sum_kind *sum);
/* As part_begin(). */
int incoming_begin(struct incoming *in, int64_t offset);
/* The bytes come as extents (client/files/extent.h); before the first incoming_read(). */
void incoming_keep_holes(struct incoming *in);
/* Takes what `s` has, and hashes a piece of what was held from before. HX_OK: the file is whole and has its
 * name; HX_EAGAIN: once there is more; PART_HASHING; HX_EPROTO: the stream ended too early, or does not; as
 * part_commit(). The end of the stream is not read before all is hashed. *moved grows by the bytes of the
 * file. */
int incoming_read(struct incoming *in, struct mux_stream *s, int64_t *moved);
void incoming_close(struct incoming *in); /* keeps the part */

#endif
