/* base/buf.h: a growing byte buffer with a hard limit. Bytes are appended at the end and consumed from the
 * front. No I/O; allocates with realloc() and says so when it cannot. */
#ifndef HX_BASE_BUF_H
#define HX_BASE_BUF_H

#include <stddef.h>
#include <sys/types.h>

struct buf {
    char *data;   /* the allocation; the bytes that wait are data[start .. start+len) */
    size_t start; /* bytes already consumed in front */
    size_t len;   /* bytes that wait */
    size_t cap;   /* bytes allocated */
    size_t limit; /* len never exceeds this; 0 means unlimited */
};

/* `limit` in bytes, 0 for unlimited. Allocates nothing. */
void buf_init(struct buf *b, size_t limit);
/* Frees the memory; the buffer is then empty, with the same limit, and may be used again. */
void buf_free(struct buf *b);
/* All or nothing. HX_OK; HX_ETOOBIG: would pass the limit; HX_ENOMEM. `data` may not point into `b`. */
int buf_append(struct buf *b, const void *data, size_t len);
/* `len` bytes behind those that wait, to be filled: buf_add() adds the first of them. NULL: it would pass the
 * limit, or there is no memory. */
char *buf_room(struct buf *b, size_t len);
void buf_add(struct buf *b, size_t len);
/* Of an empty buffer: the next `len` bytes will need no more memory, and are not moved. HX_OK, HX_ENOMEM. */
int buf_prepare(struct buf *b, size_t len);
/* Like printf; same errors as buf_append(), all or nothing. */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The waiting bytes, valid until the next call that takes `b` non-const. Never NULL. */
const char *buf_data(const struct buf *b);
/* Forgets `len` bytes in front; `len` must not exceed b->len. */
void buf_consume(struct buf *b, size_t len);

#endif
