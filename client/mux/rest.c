#include "client/mux/rest.h"

int rest_write(struct buf *rest, struct mux_stream *s, const void *data, size_t len)
{
    const char *bytes = data;
    size_t done = 0;
    while (done < len && rest->len == 0) {
        ssize_t n = mux_stream_write(s, bytes + done, len - done);
        if (n == HX_EAGAIN)
            break;
        if (n < 0)
            return (int)n;
        done += (size_t)n;
    }
    return done < len ? buf_append(rest, bytes + done, len - done) : HX_OK;
}

int rest_flush(struct buf *rest, struct mux_stream *s)
{
    while (rest->len > 0) {
        ssize_t n = mux_stream_write(s, buf_data(rest), rest->len);
        if (n < 0)
            return (int)n;
        buf_consume(rest, (size_t)n);
    }
    buf_free(rest);
    return HX_OK;
}
