#include "client/mux/parts.h"
#include <string.h>

#define WRITABLE_BELOW (MUX_UNSENT_MAX / 2) /* an owner who had to wait is not called for every frame */

static size_t room(const struct mux *m)
{
    return sizeof m->out - m->out_len;
}

static void put(struct mux *m, const void *data, size_t len)
{
    memcpy(m->out + m->out_len, data, len);
    m->out_len += len;
}

/* How much of a stream the next frame of DATA may have; 0: it is not to be made now. */
static size_t frame_room(const struct mux *m, size_t wanted)
{
    size_t left = m->room > m->out_len ? m->room - m->out_len : 0;
    size_t most = left > MUX_FRAME_HEAD ? left - MUX_FRAME_HEAD : 0;

    if (wanted <= most)
        return wanted;
    return most < MUX_FRAME_LEAST ? 0 : most;
}

/* Lets nghttp2 ask the next one. False: it is nobody's turn. What goes first is not put together with what it
 * went before: a record of TLS can be read when all of it has come. */
static bool give_turn(struct mux *m)
{
    struct mux_stream *s = m->answers ? NULL : mux_turn_next(m);

    if (!s || (m->out_urgent && s->turns != &m->favoured) ||
        (s->unsent.len > 0 && frame_room(m, s->unsent.len) == 0))
        return false;
    s->turn_favoured = s->turns == &m->favoured;
    mux_turn_leave(s);
    s->has_turn = true;
    s->deferred = false;
    nghttp2_session_resume_data(m->session, s->id);
    return true;
}

int mux_fill(struct mux *m)
{
    if (m->out_given)
        m->out_len = 0;
    m->out_urgent = m->out_urgent && m->out_len > 0;
    m->out_given = false;
    while (room(m) >= MUX_OUT_SPARE && !m->broken) {
        const uint8_t *data;
        ssize_t n = nghttp2_session_mem_send(m->session, &data);
        if (n == 0 && !give_turn(m))
            break;
        if (n < 0) {
            m->broken = true;
            if (m->error == HX_OK)
                m->error = n == NGHTTP2_ERR_NOMEM ? HX_ENOMEM : HX_ECLOSED;
            break;
        }
        if (n > 0)
            put(m, data, (size_t)n);
    }
    return m->error;
}

/* How much goes into the next frame of DATA: nghttp2 then calls mux_data_send() for it at once. */
ssize_t mux_data_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                      nghttp2_data_source *source, void *user)
{
    struct mux_stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)buf, (void)source, (void)user;
    if (!s)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t n = frame_room(s->mux, s->unsent.len < len ? s->unsent.len : len);
    bool has_turn = s->has_turn && (n > 0 || (s->ending && s->unsent.len == 0));
    s->has_turn = false;
    if (!has_turn) {
        s->deferred = true;
        mux_turn_join(s);
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->ending && n == s->unsent.len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* From the stream straight into m->out. mux_fill() and the pause below keep room for one frame. */
int mux_data_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
                  nghttp2_data_source *source, void *user)
{
    struct mux *m = user;
    struct mux_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)source;
    if (!s || len > s->unsent.len)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    put(m, head, MUX_FRAME_HEAD);
    put(m, buf_data(&s->unsent), len);
    buf_consume(&s->unsent, len);
    mux_budget_data(m, len);
    mux_turn_sent(s, len);
    m->out_urgent |= s->turn_favoured;
    s->ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (s->stopped && s->unsent.len <= WRITABLE_BELOW)
        mux_stream_due(s, DUE_WRITABLE);
    return room(m) >= MUX_OUT_SPARE ? 0 : NGHTTP2_ERR_PAUSE;
}
