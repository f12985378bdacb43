#include "base/clock.h"
#include "base/container_of.h"
#include "client/nameserver_state.h"
#include "client/visit_store.h"
#include <stdlib.h>
#include <string.h>

#define CHECK_ASKS    16 /* where half of all that leaves gets no answer, one check of 10,000 sees a silence */
#define CHECK_LATE_MS 250 /* a process that was stopped meanwhile has not listened */
#define REPORTS_WAITING_MAX \
    (4 * ATTEMPT_REPORT_MAX) /* bytes; to one that takes nothing nothing more is told */

static int leaving_count;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER; /* one of them has gone */

static int status_error(int status)
{
    switch (status) {
    case 200:
        return HX_OK;
    case 401:
    case 403:
        return HX_EDENIED;
    case 404:
        return HX_ENOTFOUND;
    case 409:
        return HX_ECONFLICT;
    case 429:
    case 503:
        return HX_ELIMIT;
    default:
        return HX_EREJECTED;
    }
}

/* For the next visit. The answer may have been read, and be the last, before it was told of. */
static void keep_ticket(struct nameserver *n)
{
    uint8_t ticket[UDT_TICKET_MAX];
    size_t ticket_len = n->stream && !n->has_ticket ? udt_stream_ticket(n->stream, ticket) : 0;
    socklen_t len;
    if (ticket_len == 0)
        return;
    const struct sockaddr *peer = stream_peer(n->stream, &len);
    visit_store_keep(peer, len, ticket, ticket_len);
    n->has_ticket = true;
}

static void close_stream(struct nameserver *n)
{
    keep_ticket(n);
    stream_close(n->stream);
    n->stream = NULL;
}

/* The last thing that is done with `n`: the callback may free it. */
static void end_for(struct nameserver *n, int error, bool hopeless)
{
    const struct response_head *head = response_reader_head(n->response);
    struct nameserver_end told = {.error = n->refusal < 0 ? n->refusal : error,
                                  .retry_after_s = head ? head->retry_after_s : -1,
                                  .location = head && n->status == 503 ? head->location : "",
                                  .tunnelled = nameserver_tunnel(n) != NULL,
                                  .text = n->text,
                                  .answered = n->status != 0,
                                  .hopeless = hopeless};
    engine_timer_cancel(&n->timer);
    if (n->stream)
        trace_note(n->trace, error == HX_ETIMEDOUT ? TRANSCRIPT_CLOSED : TRANSCRIPT_ENDED,
                   hx_error_text(error));
    else
        trace_note(n->trace, "not reached", hx_error_text(error));
    if (error == HX_ETIMEDOUT && nameserver_tunnel(n))
        tunnel_suspect(nameserver_tunnel(n));
    close_stream(n);
    n->text[n->text_len] = '\0';
    char explained[CREDENTIALS_TEXT_MAX];
    if (told.error == HX_EDENIED) {
        nameserver_explain(n, explained);
        told.text = explained;
    }
    n->callbacks.on_end(n->callbacks.user, &told);
}

static void end(struct nameserver *n, int error)
{
    end_for(n, error, false);
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct nameserver *n = user;
    n->callbacks.on_part(n->callbacks.user, part);
}

static int write_request(struct nameserver *n);

/* An error will be told by an event of the stream. */
static void send_report(struct nameserver *n)
{
    char text[ATTEMPT_REPORT_MAX];
    n->reporting = false;
    if (n->out.len > REPORTS_WAITING_MAX || !response_reader_head(n->response)->takes_reports)
        return;
    n->reported = true;
    if (buf_append(&n->out, text, attempt_report_write(&n->report, text)) == HX_OK)
        (void)write_request(n);
}

void nameserver_report(struct nameserver *n, const struct attempt_report *r)
{
    if (!n || (n->status != 0 && n->status != 200))
        return;
    n->report = *r;
    n->reporting = true;
    if (n->status == 200)
        send_report(n);
}

static void on_head(void *user, const struct response_head *head)
{
    struct nameserver *n = user;
    n->status = head->status;
    n->refusal = status_error(head->status);
    if (n->refusal < 0)
        return;
    buf_free(&n->asked);
    n->parts_error = multipart_reader_init(&n->parts, head->boundary, on_part, n);
    n->callbacks.on_agreed(n->callbacks.user, &head->external);
    if (!n->leaving)
        engine_timer_set(&n->timer, clock_now_ms() + NAMESERVER_SILENCE_MS);
    if (n->reporting)
        send_report(n);
}

/* One line, of printable bytes: it will be shown on somebody's terminal. */
static void keep_text(struct nameserver *n, const char *data, size_t len)
{
    for (size_t i = 0; i < len && n->text_len < NAMESERVER_TEXT_MAX; i++) {
        if (data[i] == '\r' || data[i] == '\n')
            return;
        n->text[n->text_len++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
    }
}

static void on_body(void *user, const char *data, size_t len)
{
    struct nameserver *n = user;
    if (n->refusal < 0)
        keep_text(n, data, len);
    else if (n->parts_error == HX_OK)
        n->parts_error = multipart_reader_feed(&n->parts, data, len);
}

int nameserver_expect(struct nameserver *n)
{
    struct response_callbacks reading = {.on_head = on_head, .on_body = on_body, .user = n};
    struct response_reader *next;
    int err = response_reader_create(&next, false, &reading);
    if (err < 0)
        return err;
    response_reader_destroy(n->response);
    n->response = next;
    return HX_OK;
}

/* The answer is whole, and no stream. */
static int answered(struct nameserver *n)
{
    if (!nameserver_prove(n))
        return HX_EEOF;
    if (!n->leaving)
        engine_timer_set(&n->timer, clock_now_ms() + n->answer_ms);
    return write_request(n);
}

/* HX_OK: all that was there has been read. */
static int read_answer(struct nameserver *n)
{
    char data[4096];
    for (;;) {
        ssize_t got = stream_read(n->stream, data, sizeof data);
        if (got == HX_EAGAIN)
            return HX_OK;
        if (got > 0)
            trace_bytes(n->trace, TRANSCRIPT_RECEIVED, data, (size_t)got);
        if (got < 0)
            return response_reader_finish(n->response) ? HX_EEOF : HX_ECLOSED;
        ssize_t used = response_reader_feed(n->response, data, (size_t)got);
        if (used < 0)
            return (int)used;
        if (n->parts_error < 0)
            return n->parts_error;
        int err = response_reader_done(n->response) ? answered(n) : HX_OK;
        if (err < 0)
            return err;
    }
}

static int write_request(struct nameserver *n)
{
    while (n->out.len > 0) {
        ssize_t put = stream_write(n->stream, buf_data(&n->out), n->out.len);
        if (put == HX_EAGAIN)
            return HX_OK;
        if (put < 0)
            return (int)put;
        trace_bytes(n->trace, TRANSCRIPT_SENT, buf_data(&n->out), (size_t)put);
        buf_consume(&n->out, (size_t)put);
    }
    return HX_OK;
}

/* Something that was reported may not have arrived yet. */
static bool is_reporting(const struct nameserver *n)
{
    if (n->reporting && n->status == 0)
        return true;
    return n->reported && n->stream && (n->out.len > 0 || stream_unacked(n->stream) > 0);
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct nameserver *n = container_of(sink, struct nameserver, sink);
    int err = HX_OK;
    switch (ev->type) {
    case UDT_EV_TICKET:
        keep_ticket(n);
        break;
    case UDT_EV_WRITABLE:
        err = write_request(n);
        break;
    case UDT_EV_READABLE:
    case UDT_EV_CLOSED:
        err = read_answer(n);
        if (err == HX_OK && ev->type == UDT_EV_CLOSED)
            err = HX_ECLOSED;
        break;
    default:
        break;
    }
    if (err < 0)
        end(n, err);
    else if (n->leaving && !is_reporting(n))
        nameserver_close(n);
}

/* The last question has a third of the time, a round trip or more, and so has each one before it. */
static void ask_for_life(struct nameserver *n)
{
    int64_t check_ms = n->rtt_ms > NAMESERVER_CHECK_MS / 3 ? 3 * n->rtt_ms : NAMESERVER_CHECK_MS;
    bool last = ++n->asks == CHECK_ASKS;
    stream_ask(n->stream);
    engine_timer_set(&n->timer, clock_now_ms() + (last ? check_ms / 3 : check_ms * 2 / 3 / (CHECK_ASKS - 1)));
}

void nameserver_check(struct nameserver *n)
{
    if (n->status != 200 || n->checked_ms != 0)
        return;
    n->checked_ms = clock_now_ms();
    n->asks = 0;
    ask_for_life(n);
}

static void on_timer(struct timer *timer)
{
    struct nameserver *n = container_of(timer, struct nameserver, timer);
    if (n->status != 200 || n->leaving) {
        end(n, HX_ETIMEDOUT);
        return;
    }
    int64_t now_ms = clock_now_ms(), heard_ms = stream_heard_ms(n->stream);
    if (n->checked_ms == 0 || heard_ms > n->checked_ms) { /* in the same one it may have been before */
        n->checked_ms = 0;
        if (heard_ms + NAMESERVER_SILENCE_MS <= now_ms)
            nameserver_check(n);
        else
            engine_timer_set(&n->timer, heard_ms + NAMESERVER_SILENCE_MS);
        return;
    }
    if (now_ms - timer->at_ms >= CHECK_LATE_MS)
        n->asks = 0;
    if (n->asks < CHECK_ASKS)
        ask_for_life(n);
    else
        end(n, HX_ETIMEDOUT);
}

static void on_connected(void *user, const struct approach_result *result)
{
    struct nameserver *n = user;
    if (result->error < 0) {
        keep_text(n, result->text, strlen(result->text));
        end_for(n, result->error, result->hopeless);
        return;
    }
    n->stream = result->stream;
    n->rtt_ms = result->rtt_ms;
    trace_ago(n->trace, result->asked ? result->rtt_ms : 0);
    nameserver_trace_open(n, result->tunnelled);
    if (result->asked) {
        trace_bytes(n->trace, TRANSCRIPT_SENT, buf_data(&n->out), n->out.len);
        buf_consume(&n->out, n->out.len);
    }
    trace_ago(n->trace, 0);
    n->stream->user = &n->sink;
    nameserver_note_way(n, result->tunnelled);
    if (!n->leaving)
        engine_timer_set(&n->timer, clock_now_ms() + n->answer_ms);
    int err = write_request(n);
    if (err < 0)
        end(n, err);
}

static void on_lost(void *user, const char *text)
{
    struct nameserver *n = user;
    keep_text(n, text, strlen(text));
    end(n, HX_ECLOSED);
}

int nameserver_open(struct nameserver **out, const struct nameserver_request *request,
                    const struct nameserver_callbacks *callbacks)
{
    struct nameserver *n = calloc(1, sizeof *n);
    if (!n)
        return HX_ENOMEM;
    n->sink.on_event = on_event;
    n->timer.fire = on_timer;
    n->callbacks = *callbacks;
    n->families = request->families;
    n->port = request->port ? request->port : engine_port();
    n->answer_ms = NAMESERVER_ANSWER_MS + request->wait_s * 1000;
    n->name = *request->name;
    n->credentials = credentials_keep(request->credentials);
    n->trace = request->tracer ? trace_begin(request->tracer, request->bytes) : NULL;
    buf_init(&n->out, 0);
    buf_init(&n->asked, 0);
    int err = nameserver_expect(n);
    if (err == HX_OK)
        err = buf_append(&n->out, buf_data(request->bytes), request->bytes->len);
    if (err == HX_OK)
        err = buf_append(&n->asked, buf_data(request->bytes), request->bytes->len);
    if (err == HX_OK)
        err = approach_begin(&n->approach, &(struct approach_request){.udp = request->name,
                                                                      .place = request->place,
                                                                      .families = request->families,
                                                                      .transports = request->transports
                                                                                        ? request->transports
                                                                                        : TRANSPORT_UDP,
                                                                      .port = n->port,
                                                                      .connect_ms = NAMESERVER_CONNECT_MS,
                                                                      .first = &n->out,
                                                                      .on_done = on_connected,
                                                                      .on_lost = on_lost,
                                                                      .user = n});
    if (err < 0)
        nameserver_close(n);
    else
        *out = n;
    return err;
}

void nameserver_callbacks(struct nameserver *n, const struct nameserver_callbacks *callbacks)
{
    n->callbacks = *callbacks;
}

void nameserver_close(struct nameserver *n)
{
    if (!n)
        return;
    if (n->leaving) {
        engine_leave(&n->member);
        leaving_count--;
        pthread_cond_broadcast(&left);
    }
    engine_timer_cancel(&n->timer);
    if (n->stream)
        trace_note(n->trace, TRANSCRIPT_CLOSED, "");
    trace_end(n->trace);
    close_stream(n);
    approach_end(n->approach);
    response_reader_destroy(n->response);
    credentials_release(n->credentials);
    buf_free(&n->asked);
    buf_free(&n->out);
    free(n);
}

static void left_agreed(void *user, const struct endpoint *external)
{
    (void)user, (void)external;
}

static void left_part(void *user, const struct multipart_part *part)
{
    (void)user, (void)part;
}

static void left_end(void *user, const struct nameserver_end *end)
{
    (void)end;
    nameserver_close(user);
}

static void on_cancel(struct engine_member *m)
{
    nameserver_close(container_of(m, struct nameserver, member));
}

void nameserver_leave(struct nameserver *n)
{
    if (!n || !is_reporting(n)) {
        nameserver_close(n);
        return;
    }
    n->callbacks = (struct nameserver_callbacks){left_agreed, left_part, left_end, n};
    n->member.cancel = on_cancel;
    n->leaving = true;
    leaving_count++;
    engine_join(&n->member);
    engine_timer_set(&n->timer, clock_now_ms() + NAMESERVER_LEAVE_MS);
}

void nameserver_await_left(int ms)
{
    int64_t deadline_ms = engine_deadline(ms);
    engine_lock();
    while (leaving_count > 0 && engine_wait(&left, deadline_ms))
        ;
    engine_unlock();
}
