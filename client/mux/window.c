#include "client/mux/parts.h"

/* Each stream begins with what it is sure to have, and what is left of the total is lent to those whose
 * owners keep up with the peer: so streams that nobody reads never stall the others, and few streams are fast
 * over long paths. Who comes late gets less, not nothing. */
#define SURE  (MUX_HANDLES_MAX * MUX_WINDOW_FIRST)
#define SPARE (MUX_WINDOW_TOTAL - SURE)
#define SHARE 4 /* one step takes at most this part of what is left */

_Static_assert(SURE < MUX_WINDOW_TOTAL, "there is something to lend");

static bool may_grow(const struct mux_stream *s)
{
    return s->received.len == 0 && !s->peer_ended && s->passed >= s->window && s->window <= MUX_WINDOW / 2 &&
           s->window <= (SPARE - s->mux->lent) / SHARE;
}

void mux_window_begin(struct mux_stream *s)
{
    s->window = MUX_WINDOW_FIRST;
}

void mux_window_read(struct mux_stream *s, size_t len)
{
    nghttp2_session *session = s->mux->session;

    if (s->closed) {
        nghttp2_session_consume_connection(session, len);
        return;
    }
    if (s->passed < s->window)
        s->passed += (int32_t)len;
    if (may_grow(s) &&
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, s->id, 2 * s->window) == 0) {
        s->mux->lent += s->window;
        s->window *= 2;
        s->passed = 0;
    }
    nghttp2_session_consume(session, s->id, len);
}

void mux_window_end(struct mux_stream *s)
{
    if (s->received.len > 0) /* nobody will */
        nghttp2_session_consume_connection(s->mux->session, s->received.len);
    s->mux->lent -= s->window - MUX_WINDOW_FIRST;
}
