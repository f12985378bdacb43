#include "client/mux/parts.h"

/* Each stream begins with what it is sure to have, and what is left of the total is lent to those whose
 * owners keep up with the peer: so streams that nobody reads never stall the others, and few streams are fast
 * over long paths. Who comes late gets less, not nothing. */
#define SURE  (MUX_HANDLES_MAX * MUX_WINDOW_FIRST)
#define SPARE (MUX_WINDOW_TOTAL - SURE)
#define SHARE 2 /* one step takes at most this part of what is left, ... */
#define STEP  4 /* ... and makes it so much larger: a sender doubles its own in a round trip */

_Static_assert(SURE < MUX_WINDOW_TOTAL, "there is something to lend");

/* By how much it grows; 0: it stays as it is. */
static int32_t growth(const struct mux_stream *s)
{
    int32_t next = s->window < MUX_WINDOW / STEP ? STEP * s->window : MUX_WINDOW;
    bool keeps_up = s->received.len <= (size_t)s->window / 4 && s->passed >= s->window / 2;

    return keeps_up && !s->peer_ended && next - s->window <= (SPARE - s->mux->lent) / SHARE ? next - s->window
                                                                                            : 0;
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
    int32_t more = growth(s);
    if (more > 0 &&
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, s->id, s->window + more) == 0) {
        s->mux->lent += more;
        s->window += more;
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
