#include "client/mux/parts.h"

/* Whose DATA leave next. nghttp2 would choose, too, but how depends on its version: RFC 7540's tree, or
 * the urgencies of RFC 9218, where of equal ones the first may keep the others waiting. Here all streams
 * are deferred for nghttp2 but the one whose turn it is.
 *
 * A stream that has sent little lately is favoured: a new one, a dialogue. It goes before those that have
 * sent much, and these take turns, of as many bytes as a full frame has (RFC 8290, section 4.2, has it so
 * of flows). What is favoured is bounded for each stream; and however many there are, the others get their
 * part. */
#define FAVOUR_BYTES 65536               /* at once; then so many ... */
#define FAVOUR_RATE  32768               /* ... in a second */
#define AHEAD_MOST   (4 * MUX_FRAME_MAX) /* bytes of favoured streams, before one frame of the others */

static const struct token_limit favour = {FAVOUR_RATE, FAVOUR_BYTES};

static bool has_to_say(const struct mux_stream *s)
{
    return s->unsent.len > 0 || (s->ending && !s->ended);
}

void mux_turn_join(struct mux_stream *s)
{
    struct mux *m = s->mux;

    if (s->turns || !s->deferred || s->closed || !has_to_say(s))
        return;
    s->turns = token_bucket_left(&s->favour, &favour, m->now_ms) > 0 ? &m->favoured : &m->others;
    if (s->quantum > 0 && s->quantum < MUX_FRAME_MAX) { /* there was not room for all of its last turn */
        TAILQ_INSERT_HEAD(s->turns, s, turn);
        return;
    }
    s->quantum = MUX_FRAME_MAX;
    TAILQ_INSERT_TAIL(s->turns, s, turn);
}

void mux_turn_leave(struct mux_stream *s)
{
    if (s->turns)
        TAILQ_REMOVE(s->turns, s, turn);
    s->turns = NULL;
}

/* An end alone needs no window. */
static bool may_send(const struct mux *m, const struct mux_stream *s)
{
    return s->unsent.len == 0 || (nghttp2_session_get_remote_window_size(m->session) > 0 &&
                                  nghttp2_session_get_stream_remote_window_size(m->session, s->id) > 0);
}

static struct mux_stream *first(const struct mux *m, const struct mux_turns *turns)
{
    struct mux_stream *s;

    for (s = TAILQ_FIRST(turns); s && !may_send(m, s);)
        s = TAILQ_NEXT(s, turn);
    return s;
}

struct mux_stream *mux_turn_next(const struct mux *m)
{
    struct mux_stream *favoured = first(m, &m->favoured);
    struct mux_stream *other = favoured && m->ahead < AHEAD_MOST ? NULL : first(m, &m->others);

    return other ? other : favoured;
}

void mux_turn_sent(struct mux_stream *s, size_t len)
{
    struct mux *m = s->mux;

    /* Who sends much is a frame in debt, and no more. */
    if (token_bucket_left(&s->favour, &favour, m->now_ms) > 0)
        token_bucket_spend(&s->favour, &favour, (int64_t)len, m->now_ms);
    s->quantum -= (int32_t)len;
    m->ahead = s->turn_favoured ? m->ahead + len : 0;
}
