#include "client/mux/parts.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void really_free(struct mux *m)
{
    nghttp2_session_del(m->session);
    free(m);
}

int mux_create(struct mux **out, bool client, const struct mux_events *events, void *user)
{
    struct mux *m = calloc(1, sizeof *m);

    if (!m)
        return HX_ENOMEM;
    m->client = client;
    m->events = *events;
    m->user = user;
    m->room = SIZE_MAX;
    m->due_tail = &m->due;
    TAILQ_INIT(&m->favoured);
    TAILQ_INIT(&m->others);
    if (mux_session_create(m) < 0) {
        really_free(m);
        return HX_ENOMEM;
    }
    *out = m;
    return HX_OK;
}

/* The preface, if any, and SETTINGS: what comes behind them may be another frame each time. */
static size_t opening_len(bool client, const uint8_t *first, size_t len)
{
    size_t at = client ? NGHTTP2_CLIENT_MAGIC_LEN : 0; /* RFC 9113, section 3.4 */

    if (len < at + MUX_FRAME_HEAD)
        return 0;
    return at + MUX_FRAME_HEAD + ((size_t)first[at] << 16 | (size_t)first[at + 1] << 8 | first[at + 2]);
}

bool mux_opens(bool client, const void *data, size_t len)
{
    const struct mux_events none = {.request = NULL};
    const uint8_t *first;
    struct mux *m;

    if (mux_create(&m, client, &none, NULL) < 0)
        return false;
    ssize_t got = mux_send(m, &first);
    size_t opening = got > 0 ? opening_len(client, first, (size_t)got) : 0;
    bool opens = opening > 0 && len >= opening && memcmp(data, first, opening) == 0;
    if (got != HX_ECLOSED)
        mux_destroy(m);
    return opens;
}

/* To its first bytes: libnghttp2 is read in, and its functions are bound. */
void mux_warm_up(void)
{
    (void)mux_opens(true, NULL, 0);
}

void mux_enter(struct mux *m)
{
    m->depth++;
}

bool mux_leave(struct mux *m)
{
    if (--m->depth > 0)
        return true;
    mux_reap(m);
    if (!m->doomed)
        return true;
    really_free(m);
    return false;
}

void mux_destroy(struct mux *m)
{
    if (!m || m->doomed)
        return;
    mux_enter(m);
    m->doomed = true;
    while (m->streams) {
        struct mux_stream *s = m->streams;
        mux_stream_free(s);
        if (s->owned && s->events.closed)
            s->events.closed(s->user, HX_ECLOSED, NGHTTP2_NO_ERROR);
    }
    mux_leave(m);
}

/* `rv` is nghttp2's, or that of our own callbacks, which have set m->error then. */
static void fail(struct mux *m, ssize_t rv)
{
    static const char text[] = "flood: more frames than data and time pay for";

    if (rv == NGHTTP2_ERR_NOMEM)
        m->error = HX_ENOMEM;
    else if (m->error == HX_OK)
        m->error = rv == NGHTTP2_ERR_FLOODED ? HX_EFLOOD : HX_EPROTO;
    if (m->error != HX_EFLOOD) {
        nghttp2_session_terminate_session(m->session, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    /* The first one has a text for people, the second one ends the session. */
    nghttp2_submit_goaway(m->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(m->session),
                          NGHTTP2_ENHANCE_YOUR_CALM, (const uint8_t *)text, sizeof text - 1);
    nghttp2_session_terminate_session(m->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

void mux_set_time(struct mux *m, int64_t now_ms)
{
    m->now_ms = now_ms;
    if (m->paced && pace_room(m->pace, PACE_IN, PACE_LEAST, now_ms) > 0)
        mux_resume(m);
}

void mux_set_pace(struct mux *m, struct pace *pace)
{
    m->pace = pace;
}

bool mux_is_paced(const struct mux *m)
{
    return m->paced;
}

void mux_set_room(struct mux *m, size_t most)
{
    m->room = most;
}

/* In pieces, and each one's answers are fetched: so that no number of PINGs that came together is too many
 * of them at once. What nghttp2 then says tells whether the peer has broken the protocol. Who passes bytes
 * on is told of many at a time: each telling costs a system call or two. */
static void receive(struct mux *m, const uint8_t *data, size_t len)
{
    size_t untold = 0;

    m->answers = true;
    while (len > 0 && m->error == HX_OK && !m->doomed) {
        size_t piece = len < MUX_PIECE ? len : MUX_PIECE;
        ssize_t n = nghttp2_session_mem_recv(m->session, data, piece);
        if (n < 0 && !m->doomed)
            fail(m, n);
        untold += piece;
        if (m->due_soon || untold >= MUX_TELL) {
            mux_tell(m);
            untold = 0;
        }
        if (!m->doomed)
            mux_fill(m);
        data += piece;
        len -= piece;
    }
    m->answers = false;
}

int mux_receive(struct mux *m, const uint8_t *data, size_t len)
{
    if (m->error != HX_OK)
        return m->error;
    if (m->depth > 0 || len > SSIZE_MAX)
        return HX_EINVAL;
    mux_enter(m);
    receive(m, data, len);
    mux_tell(m);
    int err = m->error;
    return mux_leave(m) ? err : HX_ECLOSED;
}

ssize_t mux_send(struct mux *m, const uint8_t **data)
{
    if (m->depth > 0)
        return 0;
    mux_enter(m);
    mux_tell(m);
    do {
        if (!m->doomed)
            mux_fill(m);
    } while (mux_tell(m) && m->out_len == 0 && !m->doomed);
    m->out_given = true;
    *data = m->out;
    ssize_t n = m->out_len > 0 ? (ssize_t)m->out_len : m->error;
    return mux_leave(m) ? n : HX_ECLOSED;
}

/* Something to be written, to be told or not. */
static bool waits(const struct mux *m)
{
    if (m->broken)
        return false;
    return (m->out_len > 0 && !m->out_given) || nghttp2_session_want_write(m->session) || mux_turn_next(m);
}

bool mux_wants_send(const struct mux *m)
{
    return m->due || waits(m);
}

bool mux_finished(const struct mux *m)
{
    return m->error == HX_OK && m->count == 0 && !waits(m) && !nghttp2_session_want_read(m->session);
}

int mux_ping(struct mux *m, uint64_t opaque)
{
    uint8_t data[8];

    if (m->error != HX_OK || m->doomed)
        return HX_ECLOSED;
    if (m->ping_count == MUX_PINGS_MAX)
        return HX_ELIMIT;
    for (int i = 0; i < 8; i++)
        data[i] = (uint8_t)(opaque >> (56 - 8 * i));
    if (nghttp2_submit_ping(m->session, NGHTTP2_FLAG_NONE, data) != 0)
        return HX_ENOMEM;
    m->pings[m->ping_count++] = opaque;
    return HX_OK;
}

void mux_goaway(struct mux *m)
{
    if (m->going || m->error != HX_OK)
        return;
    m->going = true;
    nghttp2_submit_goaway(m->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(m->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
}

int mux_stream_count(const struct mux *m)
{
    return m->count;
}
