/* client/files/outgoing.h: a file on its way into a stream: its bytes from an offset on, then the sum of
 * all of it (DIGEST_BYTES), then the end. What stands before the offset is hashed meanwhile. "All of it" is
 * what was there when it was opened: a file that grows meanwhile, as a log does, is sent as it was. HX_ESYS:
 * errno; ESTALE: it has changed in another way, or has become shorter, while it was read. */
#ifndef HX_CLIENT_FILES_OUTGOING_H
#define HX_CLIENT_FILES_OUTGOING_H

#include "client/files/extent.h"
#include "client/files/file_sum.h"
#include "client/files/part.h"
#include "client/mux/mux.h"
#include <sys/stat.h>

/* Bytes of holes that are worth being sent as such (client/files/extent.h). */
#define OUTGOING_HOLES_WORTH (INT64_C(64) * 1024)

struct outgoing {
    int fd;
    int64_t size, offset, hashed;
    struct timespec changed; /* st_mtim when it was opened */
    struct file_sum digest;
    bool holes;     /* they are sent as such */
    int64_t extent; /* bytes of it that are yet to be sent */
    size_t head_left;
    uint8_t head[EXTENT_HEAD];
    bool summed;
    size_t sum_sent;
    uint8_t sum[DIGEST_BYTES];
    uint8_t *buffer; /* PART_BUFFER bytes, for what is only hashed */
};

/* Takes `fd` (of the file that `st` tells about) over, also when it fails; HX_ENOMEM, HX_EINVAL: offset above
 * the size. `sum`: what follows the bytes; NULL: their SHA-256. */
int outgoing_open(struct outgoing *o, int fd, const struct stat *st, int64_t offset,
                  const struct file_sum_kind *sum);
/* The file has holes that are worth being sent as such. */
bool outgoing_is_sparse(const struct stat *st);
/* Send them so; before the first outgoing_write(). */
void outgoing_keep_holes(struct outgoing *o);
/* One turn of hashing what stands before the offset and is not hashed yet. HX_OK: nothing is left of that;
 * HX_EAGAIN: call it again. */
int outgoing_hash(struct outgoing *o);
/* Gives `s` what it takes, and hashes a piece. HX_OK: all of it, and its end; HX_EAGAIN: once it is writable;
 * PART_HASHING; HX_ECLOSED. *moved grows by the bytes of the file that were taken. */
int outgoing_write(struct outgoing *o, struct mux_stream *s, int64_t *moved);
/* The sum of the whole; all must be hashed. HX_ENOMEM. */
int outgoing_sum(struct outgoing *o);
void outgoing_close(struct outgoing *o);
/* A whole file at once: its `st->st_size` bytes and their SHA-256 into `out`. Takes `fd` over. */
int outgoing_read_whole(int fd, const struct stat *st, uint8_t *out);

#endif
