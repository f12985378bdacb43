#include "client/mux/parts.h"

/* The callback's failure makes nghttp2 stop; mux_receive() says why. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    struct mux *m = user;

    (void)session;
    int err = mux_budget_take(m, hd);
    if (err == HX_OK)
        return 0;
    m->error = err;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* nghttp2 says INTERNAL_ERROR itself, unless there is a reset already. */
static int refuse(struct mux *m, int32_t id, uint32_t code)
{
    if (nghttp2_submit_rst_stream(m->session, NGHTTP2_FLAG_NONE, id, code) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct mux *m = user;

    m->head.count = m->head.bytes = m->head.used = 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    bool welcome = !m->going && m->count < MUX_HANDLES_MAX;
    struct mux_stream *s = welcome ? mux_stream_create(m) : NULL;
    if (!s)
        return refuse(m, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
    s->id = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, s->id, s);
    return 0;
}

/* A request, or a response that may yet be the final one; else trailers. */
static bool is_message(const struct mux *m, const struct mux_stream *s, const nghttp2_frame *frame)
{
    return s && (m->client ? !s->answered : frame->headers.cat == NGHTTP2_HCAT_REQUEST);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    struct mux *m = user;
    struct mux_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    if (!is_message(m, s, frame) || mux_head_add(&m->head, name, name_len, value, value_len) == HX_OK)
        return 0;
    return refuse(m, frame->hd.stream_id, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* nghttp2 would leave such a field out; a message with one is malformed (RFC 9113, section 8.2.1). */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                             void *user)
{
    (void)session, (void)frame, (void)name, (void)name_len;
    (void)value, (void)value_len, (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void on_request(struct mux *m, struct mux_stream *s, const struct mux_message *request)
{
    if (m->events.request)
        m->events.request(m->user, s, request);
    if (!s->owned)
        mux_stream_reset(s, NGHTTP2_REFUSED_STREAM);
}

static void on_response(struct mux *m, struct mux_stream *s, const struct mux_message *response)
{
    const char *status = mux_field(response, ":status");

    (void)m;
    if (!status || status[0] == '1') /* RFC 9110, section 15.2: the final one follows */
        return;
    s->answered = true;
    if (s->events.headers)
        s->events.headers(s->user, response);
}

static void on_headers(struct mux *m, struct mux_stream *s, const nghttp2_frame *frame)
{
    struct mux_message message = {m->head.fields, m->head.count, s->peer_ended};

    if (!is_message(m, s, frame))
        return;
    if (m->client)
        on_response(m, s, &message);
    else
        on_request(m, s, &message);
}

static void on_pong(struct mux *m, const uint8_t data[8])
{
    uint64_t opaque = 0;
    size_t i = 0;

    for (size_t at = 0; at < 8; at++)
        opaque = opaque << 8 | data[at];
    while (i < m->ping_count && m->pings[i] != opaque)
        i++;
    if (i == m->ping_count)
        return;
    m->pings[i] = m->pings[--m->ping_count];
    if (m->events.pong)
        m->events.pong(m->user, opaque);
}

static void on_goaway(struct mux *m, const nghttp2_goaway *goaway)
{
    if (goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM && m->error == HX_OK)
        m->error = HX_EFLOOD; /* it is our own */
    if (m->events.goaway)
        m->events.goaway(m->user);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct mux *m = user;
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    struct mux_stream *s;

    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (!s)
            break;
        if (ends) {
            s->peer_ended = true;
            mux_stream_due(s, DUE_READABLE);
        }
        if (frame->hd.type == NGHTTP2_HEADERS)
            on_headers(m, s, frame);
        break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
            on_pong(m, frame->ping.opaque_data);
        break;
    case NGHTTP2_GOAWAY:
        on_goaway(m, &frame->goaway);
        break;
    default:
        break;
    }
    return m->doomed || m->error != HX_OK ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                   void *user)
{
    struct mux *m = user;
    struct mux_stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    if (s && s->window >
                 MUX_WINDOW_FIRST) /* its owner reads as fast as it comes: MUX_TELL at once, or a bit more */
        (void)buf_prepare(&s->received, MUX_TELL + MUX_FRAME_MAX);
    if (s && buf_append(&s->received, data, len) == HX_OK) {
        mux_budget_data(m, len);
        mux_stream_due(s, DUE_READABLE);
        return 0;
    }
    nghttp2_session_consume_connection(session, len);
    if (s) /* the window is kept by nghttp2: this is want of memory */
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct mux *m = user;
    struct mux_stream *s = nghttp2_session_get_stream_user_data(session, id);

    if (m->client)
        m->open--;
    if (!s)
        return 0;
    if (!s->owned) { /* it never became a request */
        s->closed = true;
        mux_stream_free(s);
        return 0;
    }
    if (code == NGHTTP2_NO_ERROR && s->peer_ended && s->ended) /* a reset may say NO_ERROR, too */
        mux_budget_stream(m);
    mux_stream_closed(s, code);
    return 0;
}

/* nghttp2 tells of a peer that breaks the protocol, or floods us, by what it sends. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct mux *m = user;

    (void)session;
    mux_budget_send(m, &frame->hd);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && m->error == HX_OK)
        m->error = frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM ? HX_EFLOOD : HX_EPROTO;
    return 0;
}

static int create(struct mux *m, nghttp2_session_callbacks *c, nghttp2_option *o)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_send_data_callback(c, mux_data_send);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_reserved_remote_streams(o, 0);
    mux_budget_options(o);
    int err = m->client ? nghttp2_session_client_new2(&m->session, c, m, o)
                        : nghttp2_session_server_new2(&m->session, c, m, o);
    return err == 0 ? HX_OK : HX_ENOMEM;
}

/* nghttp2 opens it again when half of it is used: so that what the streams may hold always fits. */
#define CONNECTION_WINDOW (2 * MUX_WINDOW_TOTAL)

static int introduce(struct mux *m)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, m->client ? 0 : MUX_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, MUX_WINDOW_FIRST},
        /* RFC 9113, section 6.5.2: a field counts 32 bytes more than it has */
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MUX_HEADERS_MAX + 32 * MUX_FIELDS_MAX},
    };

    if (nghttp2_submit_settings(m->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof *settings) != 0 ||
        nghttp2_session_set_local_window_size(m->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) != 0)
        return HX_ENOMEM;
    return HX_OK;
}

int mux_session_create(struct mux *m)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int err = HX_ENOMEM;

    if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0)
        err = create(m, callbacks, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return err == HX_OK ? introduce(m) : err;
}
