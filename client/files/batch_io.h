/* client/files/batch_io.h: one side of a batch (client/files/batch.h) on its stream: what comes, and what is
 * yet to be written. */
#ifndef HX_CLIENT_FILES_BATCH_IO_H
#define HX_CLIENT_FILES_BATCH_IO_H

#include "base/buf.h"
#include "client/files/batch.h"
#include "client/mux/mux.h"

#define BATCH_TURN 64 /* things that are done, or asked for, in one turn of the loop */

struct batch_io {
    struct batch_input in;
    size_t at, len; /* of chunk: not taken yet */
    char chunk[16384];
    struct buf out; /* to be written; batch_io_write() empties it */
};

/* HX_ENOMEM. */
int batch_io_init(struct batch_io *io);
void batch_io_free(struct batch_io *io);
/* HX_OK: all of it; HX_EAGAIN: once `s` is writable; HX_ECLOSED. */
int batch_io_write(struct batch_io *io, struct mux_stream *s);
/* HX_OK: the next line or its bytes are in io->in; HX_EAGAIN: once `s` is readable; HX_EEOF: the body ended
 * where it may; HX_EPROTO: it did not, or no line; HX_ECLOSED. */
int batch_io_read(struct batch_io *io, struct mux_stream *s);
/* Adds to what is to be written. HX_ENOMEM. */
int batch_io_answer(struct batch_io *io, const struct batch_answer *a, const void *bytes);

#endif
