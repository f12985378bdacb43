/* client/mux/rest.h: what a stream has no room for waits in a buffer of its owner's, who reads nothing more
 * of what it passes on meanwhile. */
#ifndef HX_CLIENT_MUX_REST_H
#define HX_CLIENT_MUX_REST_H

#include "base/buf.h"
#include "client/mux/mux.h"

/* HX_OK: the stream has taken it, or `rest` has it, as it has all as long as it is not empty. Errors as
 * mux_stream_write() and buf_append(). */
int rest_write(struct buf *rest, struct mux_stream *s, const void *data, size_t len);
/* In writable(). HX_OK: nothing is left, and its memory is freed; HX_EAGAIN: writable() will be told
 * again. */
int rest_flush(struct buf *rest, struct mux_stream *s);

#endif
