#include "client/nameserver.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/route.h"
#include "client/visit_store.h"
#include "proto/response.h"
#include <stdlib.h>
#include <string.h>

#define CHECK_ASKS    16 /* where half of all that leaves gets no answer, one check of 10,000 sees a silence */
#define CHECK_LATE_MS 250 /* a process that was stopped meanwhile has not listened */
#define TEXT_MAX      200 /* bytes of an explanation that are kept */
#define REPORTS_WAITING_MAX \
    (4 * ATTEMPT_REPORT_MAX) /* bytes; to one that takes nothing nothing more is told */

struct nameserver {
    struct engine_sink sink;
    struct timer timer; /* the answer's deadline, then silence */
    struct nameserver_callbacks callbacks;
    struct udt_port *port;
    struct approach *approach;
    struct stream *stream;  /* NULL before it has come there */
    int families;           /* that were asked for */
    bool has_ticket;        /* it has given one */
    int family;             /* FAMILY_*, once it is won */
    struct endpoint source; /* our address on the way to it, without a port */
    struct uplink uplink;   /* where its answer has arrived */
    struct buf out;
    int answer_ms;
    int rtt_ms;         /* of its connection's handshake, rather too long than too short */
    int64_t checked_ms; /* since then it is asked for a sign of life; 0: it is not */
    int asks;           /* so often */
    int status;         /* 0 before the head */
    int refusal;        /* HX_OK, or what the status means */
    int parts_error;
    struct response_reader *response;
    struct multipart_reader parts;
    char text[TEXT_MAX + 1];
    size_t text_len;
    struct attempt_report report; /* while `reporting`: it has not agreed yet */
    bool reporting, reported;
    bool leaving; /* its owner has left: see nameserver_leave() */
    struct engine_member member;
};

static int leaving_count;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER; /* one of them has gone */

static int status_error(int status)
{
    switch (status) {
    case 200:
        return HX_OK;
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
                                  .text = n->text,
                                  .answered = n->status != 0,
                                  .hopeless = hopeless};
    engine_timer_cancel(&n->timer);
    if (error == HX_ETIMEDOUT && nameserver_tunnel(n))
        tunnel_suspect(nameserver_tunnel(n));
    close_stream(n);
    n->text[n->text_len] = '\0';
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
    for (size_t i = 0; i < len && n->text_len < TEXT_MAX; i++) {
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

/* HX_OK: all that was there has been read. */
static int read_answer(struct nameserver *n)
{
    char data[4096];
    for (;;) {
        ssize_t got = stream_read(n->stream, data, sizeof data);
        if (got == HX_EAGAIN)
            return HX_OK;
        if (got < 0)
            return response_reader_finish(n->response) ? HX_EEOF : HX_ECLOSED;
        ssize_t used = response_reader_feed(n->response, data, (size_t)got);
        if (used < 0)
            return (int)used;
        if (n->parts_error < 0)
            return n->parts_error;
        if (response_reader_done(n->response))
            return HX_EEOF;
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

/* What it sees of us is what it tells peers: until it is asked anew, nothing leaves otherwise. */
static void stay_on_uplink(struct nameserver *n)
{
    struct sockaddr_in6 source;
    socklen_t len;
    const struct sockaddr *peer = stream_peer(n->stream, &len);
    uplink_of(&n->uplink, n->stream);
    uplink_source(&n->uplink, peer, len, &source);
    udt_stream_leave_by(n->stream, &source);
}

/* One of its addresses, or none: a tunnel is of no family, and says nothing of what peers see of us. */
static void note_way(struct nameserver *n, bool tunnelled)
{
    socklen_t len;
    if (tunnelled) {
        n->family = n->families;
        return;
    }
    /* IPv4: mapped */
    const struct sockaddr_in6 *peer = (const struct sockaddr_in6 *)stream_peer(n->stream, &len);
    n->family = IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr) ? FAMILY_IPV4 : FAMILY_IPV6;
    (void)route_source((const struct sockaddr *)peer, len, &n->source);
    stay_on_uplink(n);
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
    if (result->asked)
        buf_consume(&n->out, n->out.len);
    n->stream->user = &n->sink;
    note_way(n, result->tunnelled);
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
    buf_init(&n->out, 0);
    struct response_callbacks reading = {.on_head = on_head, .on_body = on_body, .user = n};
    int err = response_reader_create(&n->response, false, &reading);
    if (err == HX_OK)
        err = buf_append(&n->out, buf_data(request->bytes), request->bytes->len);
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
    close_stream(n);
    approach_end(n->approach);
    response_reader_destroy(n->response);
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

struct tunnel_user *nameserver_tunnel(const struct nameserver *n)
{
    return n->stream ? approach_tunnel(n->approach) : NULL;
}

int nameserver_family(const struct nameserver *n)
{
    return n->family;
}

struct udt_port *nameserver_port(const struct nameserver *n)
{
    return n->port;
}

const struct uplink *nameserver_uplink(const struct nameserver *n)
{
    return &n->uplink;
}

uint32_t nameserver_scope(const struct nameserver *n)
{
    socklen_t len;
    if (!n->stream)
        return 0;
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)stream_peer(n->stream, &len);
    return IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr) ? a->sin6_scope_id : 0;
}

bool nameserver_route_holds(const struct nameserver *n)
{
    socklen_t len;
    struct endpoint now;
    if (!n->stream || n->source.family == AF_UNSPEC)
        return true;
    const struct sockaddr *to = stream_peer(n->stream, &len);
    if (!route_source(to, len, &now) || now.family == AF_UNSPEC)
        return true; /* no way at all: silence will tell whether that lasts */
    return endpoint_same_host(&n->source, &now);
}

struct net_address nameserver_server(const struct nameserver *n)
{
    socklen_t len;
    const struct sockaddr *peer = n->stream ? stream_peer(n->stream, &len) : NULL;
    struct net_address server = {.port = 0};
    if (peer)
        net_address_from(&server, peer);
    return server;
}
