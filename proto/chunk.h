/* proto/chunk.h: chunked bodies, reader and writer (RFC 9112, 7.1). No I/O, no allocation. */
#ifndef HX_PROTO_CHUNK_H
#define HX_PROTO_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

#define CHUNK_SIZE_DIGITS_MAX 8    /* hex digits; the RFC sets no bound, we refuse chunks of 4 GiB and up */
#define CHUNK_LINE_MAX        1024 /* bytes of a chunk extension or of one trailer line */
#define CHUNK_TRAILERS_MAX    64   /* trailer lines */

/* Appends one chunk that holds data[0..len); len 0 appends nothing (an empty chunk would be the last one).
 * Errors of buf_append(), all or nothing. */
int chunk_write(struct buf *out, const void *data, size_t len);
/* Appends the last chunk and the empty trailer: "0" CRLF CRLF. */
int chunk_write_last(struct buf *out);

struct chunk_reader {
    int state;      /* private */
    uint64_t left;  /* private: payload bytes missing from the chunk */
    uint32_t count; /* private: digits, line bytes or trailer lines seen */
    uint32_t lines; /* private */
    void (*on_data)(void *user, const char *data, size_t len);
    void *user;
};

/* `on_data` gets the payload in pieces as they come; may be NULL. */
void chunk_reader_init(struct chunk_reader *r, void (*on_data)(void *, const char *, size_t), void *user);
/* Feeds `len` bytes; payload reaches on_data before this returns. Returns the bytes consumed: fewer than
 * `len` only after the last chunk's trailer. HX_EPROTO: bad size or line end; HX_ETOOBIG: a line or the
 * trailer above the limits. After either, `r` stays failed. Bare LF is accepted where CRLF should stand.
 * Keeps no pointer into `data`. */
ssize_t chunk_reader_feed(struct chunk_reader *r, const char *data, size_t len);
bool chunk_reader_done(const struct chunk_reader *r);

#endif
