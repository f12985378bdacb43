#include "client/mux/parts.h"
#include <stdlib.h>
#include <string.h>

static void list_in(struct mux_stream *s)
{
    struct mux *m = s->mux;

    s->next = m->streams;
    s->link = &m->streams;
    if (s->next)
        s->next->link = &s->next;
    m->streams = s;
    m->count++;
}

static void list_out(struct mux_stream *s)
{
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    s->mux->count--;
}

static void due_out(struct mux_stream *s)
{
    struct mux *m = s->mux;
    struct mux_stream **at = &m->due;

    if (!s->queued)
        return;
    while (*at != s)
        at = &(*at)->due_next;
    *at = s->due_next;
    if (m->due_tail == &s->due_next)
        m->due_tail = at;
    s->queued = false;
}

struct mux_stream *mux_stream_create(struct mux *m)
{
    struct mux_stream *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->mux = m;
    buf_init(&s->received, MUX_WINDOW);
    buf_init(&s->unsent, MUX_UNSENT_MAX);
    mux_window_begin(s);
    list_in(s);
    return s;
}

void mux_stream_free(struct mux_stream *s)
{
    struct mux *m = s->mux;

    if (s->freed)
        return;
    mux_window_end(s);
    mux_turn_leave(s);
    if (!s->closed)
        nghttp2_session_set_stream_user_data(m->session, s->id, NULL);
    buf_free(&s->received);
    buf_free(&s->unsent);
    s->freed = s->closed = true;
    list_out(s);
    due_out(s);
    s->next = m->dead;
    m->dead = s;
    if (m->depth == 0)
        mux_reap(m);
}

void mux_reap(struct mux *m)
{
    while (m->dead) {
        struct mux_stream *s = m->dead;
        m->dead = s->next;
        free(s);
    }
}

void mux_stream_due(struct mux_stream *s, enum mux_due what)
{
    s->due |= what;
    s->mux->due_soon |= what != DUE_READABLE;
    if (s->queued || s->freed)
        return;
    s->queued = true;
    s->due_next = NULL;
    *s->mux->due_tail = s;
    s->mux->due_tail = &s->due_next;
}

void mux_stream_closed(struct mux_stream *s, uint32_t code)
{
    s->closed = true;
    s->code = code;
    mux_turn_leave(s);
    mux_stream_due(s, DUE_CLOSED);
}

/* All that the peer meant to send has come, though it may not have been read yet. */
static bool whole(const struct mux_stream *s)
{
    return s->closed && s->code == NGHTTP2_NO_ERROR && s->peer_ended;
}

static bool was_read(const struct mux_stream *s)
{
    return s->received.len == 0 && (s->end_read || !s->events.reads_end);
}

/* A stream that is over waits until its owner has read what came in order. */
static void tell_closed(struct mux_stream *s)
{
    if (!s->closed || (whole(s) && !was_read(s)))
        return;
    int error = whole(s) && s->ended ? HX_OK : HX_ECLOSED;
    struct mux_stream_events events = s->events;
    void *user = s->user;
    uint32_t code = s->code;
    mux_stream_free(s); /* the memory stays until no callback runs; its owner may still name it */
    if (events.closed)
        events.closed(user, error, code);
}

static void tell(struct mux_stream *s, unsigned due)
{
    bool aborted = s->closed && !whole(s);

    if ((due & DUE_READABLE) && !aborted && s->events.readable)
        s->events.readable(s->user);
    if ((due & DUE_WRITABLE) && !s->freed && !s->closed && s->events.writable) {
        s->stopped = false;
        s->events.writable(s->user);
    }
    if (!s->freed)
        tell_closed(s);
}

bool mux_tell(struct mux *m)
{
    bool told = false;

    m->due_soon = false;
    while (m->due) {
        struct mux_stream *s = m->due;
        unsigned due = s->due;
        due_out(s);
        s->due = 0;
        tell(s, due);
        told = true;
    }
    return told;
}

static const nghttp2_data_provider provider = {.read_callback = mux_data_read};

/* As many as the peer's SETTINGS allow, and never more than we would. */
static int request_limit(const struct mux *m)
{
    uint32_t allowed =
        nghttp2_session_get_remote_settings(m->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    return allowed < MUX_STREAMS_MAX ? (int)allowed : MUX_STREAMS_MAX;
}

int mux_request(struct mux *m, struct mux_stream **out, const struct mux_message *request,
                const struct mux_stream_events *events, void *user)
{
    nghttp2_nv fields[MUX_FIELDS_MAX];

    int err = mux_head_out(request, fields);
    if (err < 0 || !m->client)
        return HX_EINVAL;
    if (m->error != HX_OK || m->doomed || !nghttp2_session_check_request_allowed(m->session))
        return HX_ECLOSED;
    if (m->open >= request_limit(m) || m->count >= MUX_HANDLES_MAX || !mux_budget_has_room(m))
        return HX_ELIMIT;
    struct mux_stream *s = mux_stream_create(m);
    if (!s)
        return HX_ENOMEM;
    s->id = nghttp2_submit_request(m->session, NULL, fields, request->count,
                                   request->ended ? NULL : &provider, s);
    if (s->id < 0) {
        err = s->id == NGHTTP2_ERR_NOMEM ? HX_ENOMEM : HX_ECLOSED; /* the latter: no numbers are left */
        s->closed = true;
        mux_stream_free(s);
        return err;
    }
    m->open++;
    s->ending = s->ended = request->ended;
    mux_stream_own(s, events, user);
    *out = s;
    return HX_OK;
}

void mux_stream_own(struct mux_stream *s, const struct mux_stream_events *events, void *user)
{
    s->events = *events;
    s->user = user;
    s->owned = true;
    if (s->received.len > 0 || s->peer_ended) /* another owner was told */
        mux_stream_due(s, DUE_READABLE);
}

int mux_respond(struct mux_stream *s, const struct mux_message *response)
{
    nghttp2_nv fields[MUX_FIELDS_MAX];

    if (s->closed)
        return HX_ECLOSED;
    if (s->mux->client || s->answered || mux_head_out(response, fields) < 0)
        return HX_EINVAL;
    if (nghttp2_submit_response(s->mux->session, s->id, fields, response->count,
                                response->ended ? NULL : &provider) != 0)
        return HX_ENOMEM;
    s->answered = true;
    if (response->ended)
        s->ending = s->ended = true;
    return HX_OK;
}

static int at_end(struct mux_stream *s)
{
    if (!s->peer_ended)
        return s->closed ? HX_ECLOSED : HX_EAGAIN;
    s->end_read = true;
    if (s->closed)
        mux_stream_due(s, DUE_CLOSED);
    return HX_EEOF;
}

/* How many of the bytes that are there may be read now. Who has been told that none may hears nothing else
 * until mux_resume(): mux_stream_peek() and mux_stream_read() say the same. */
static size_t readable(struct mux_stream *s)
{
    size_t n = s->paced ? 0 : pace_room(s->mux->pace, PACE_IN, s->received.len, s->mux->now_ms);

    if (n == 0 && s->received.len > 0)
        s->paced = s->mux->paced = true;
    return n;
}

void mux_resume(struct mux *m)
{
    m->paced = false;
    for (struct mux_stream *s = m->streams; s; s = s->next) {
        if (s->paced)
            mux_stream_due(s, DUE_READABLE);
        s->paced = false;
    }
}

ssize_t mux_stream_read(struct mux_stream *s, void *buf, size_t len)
{
    if (s->received.len == 0)
        return at_end(s);
    size_t n = readable(s);
    if (n == 0)
        return HX_EAGAIN;
    if (n > len)
        n = len;
    memcpy(buf, buf_data(&s->received), n);
    mux_stream_skip(s, n);
    return (ssize_t)n;
}

const void *mux_stream_peek(struct mux_stream *s, size_t *len)
{
    *len = readable(s);
    return buf_data(&s->received);
}

void mux_stream_skip(struct mux_stream *s, size_t len)
{
    buf_consume(&s->received, len);
    pace_spend(s->mux->pace, PACE_IN, len);
    mux_window_read(s, len);
    if (s->closed && s->received.len == 0)
        mux_stream_due(s, DUE_CLOSED);
}

ssize_t mux_stream_write(struct mux_stream *s, const void *buf, size_t len)
{
    size_t n = MUX_UNSENT_MAX - s->unsent.len;

    if (s->closed || s->ending)
        return HX_ECLOSED;
    if (n > len)
        n = len;
    if (n == 0 && len > 0) {
        s->stopped = true;
        return HX_EAGAIN;
    }
    int err = buf_append(&s->unsent, buf, n);
    if (err < 0)
        return err;
    mux_turn_join(s);
    return (ssize_t)n;
}

int mux_stream_room(struct mux_stream *s, void **out)
{
    if (s->closed || s->ending)
        return HX_ECLOSED;
    if (MUX_UNSENT_MAX - s->unsent.len < MUX_ROOM) {
        s->stopped = true;
        return HX_EAGAIN;
    }
    *out = buf_room(&s->unsent, MUX_ROOM);
    return *out ? HX_OK : HX_ENOMEM;
}

void mux_stream_wrote(struct mux_stream *s, size_t len)
{
    buf_add(&s->unsent, len);
    mux_turn_join(s);
}

void mux_stream_end(struct mux_stream *s)
{
    s->ending = true;
    mux_turn_join(s);
}

void mux_stream_reset(struct mux_stream *s, uint32_t code)
{
    if (s->freed)
        return;
    if (!s->closed)
        nghttp2_submit_rst_stream(s->mux->session, NGHTTP2_FLAG_NONE, s->id, code);
    mux_stream_free(s);
}

bool mux_stream_skip_all(struct mux_stream *s)
{
    char rubbish[4096];
    ssize_t got;

    while ((got = mux_stream_read(s, rubbish, sizeof rubbish)) > 0)
        continue;
    return got == HX_EEOF;
}

static void throw_away(void *stream)
{
    (void)mux_stream_skip_all(stream);
}

void mux_stream_leave(struct mux_stream *s)
{
    static const struct mux_stream_events events = {.readable = throw_away};

    mux_stream_own(s, &events, s);
    mux_stream_end(s);
    throw_away(s);
}

size_t mux_stream_unsent(const struct mux_stream *s)
{
    return s->unsent.len;
}

void mux_answer(struct mux_stream *s, const struct mux_message *response)
{
    if (mux_respond(s, response) < 0)
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
    else
        mux_stream_leave(s);
}

void mux_refuse(struct mux_stream *s, const char *status)
{
    const struct mux_field fields[] = {{":status", status}};
    const struct mux_message response = {.fields = fields, .count = 1, .ended = true};
    mux_answer(s, &response);
}
