#include "server/conn.h"
#include "base/container_of.h"
#include "base/error.h"
#include "server/conn_state.h"
#include "server/peer_lines.h"
#include <stdlib.h>
#include <utlist.h>

#define READ_BYTES 4096 /* at once */

/* A held name costs as much memory as its connection: jemalloc's next size is a quarter more. */
_Static_assert(sizeof(struct conn) <= 512, "struct conn fits its size of the allocator");

static const char *const state_names[] = {[CONN_READ_REQUEST] = "read_request",
                                          [CONN_AUTHORIZE] = "authorize",
                                          [CONN_ANSWER] = "answer",
                                          [CONN_ASK] = "ask",
                                          [CONN_FLUSH] = "flush",
                                          [CONN_STREAM_BIND] = "stream_bind",
                                          [CONN_STREAM_CONNECT] = "stream_connect",
                                          [CONN_STREAM_JOIN] = "stream_join",
                                          [CONN_TUNNEL] = "tunnel",
                                          [CONN_DRAIN] = "drain",
                                          [CONN_DONE] = "done"};

/* How long a connection may stay in a state; 0: as long as it likes. */
static int64_t state_ms(const struct conn *c, enum conn_state state)
{
    int64_t request_ms = c->world->config->request_timeout_ms;

    switch (state) {
    case CONN_READ_REQUEST:
        if (c->refused != REPLY_NOTHING && (request_ms == 0 || request_ms > CONN_REFUSED_MS))
            return CONN_REFUSED_MS;
        return request_ms;
    case CONN_FLUSH:
        return request_ms;
    case CONN_AUTHORIZE:
        return CONN_ASK_MS;
    case CONN_ASK:
        return conn_may_wait(c) ? c->request->wait_s * INT64_C(1000) : CONN_ASK_MS;
    case CONN_DRAIN:
        return c->world->stopping ? CONN_STOP_MS : CONN_DRAIN_MS;
    default:
        return 0;
    }
}

static void set_deadline(struct conn *c, int64_t ms)
{
    if (ms > 0)
        timers_set(c->world->timers, &c->deadline, c->world->now_ms + ms);
    else
        timers_cancel(c->world->timers, &c->deadline);
}

void conn_enter(struct conn *c, enum conn_state next)
{
    conn_log(c, LOG_DEBUG, "state", "from", state_names[c->state], "to", state_names[next]);
    c->world->holders -= conn_holds(c);
    c->state = next;
    c->world->holders += conn_holds(c);
    c->begun = false;
    set_deadline(c, state_ms(c, next));
}

void conn_queue(struct conn *c)
{
    if (c->queued || c->state == CONN_DONE)
        return;
    c->queued = true;
    DL_APPEND2(c->world->ready, c, ready_prev, ready_next);
}

static void unqueue(struct conn *c)
{
    if (!c->queued)
        return;
    c->queued = false;
    DL_DELETE2(c->world->ready, c, ready_prev, ready_next);
}

void conn_leave(struct conn *c)
{
    struct group_member *joined = c->joined;

    c->joined = NULL;
    conn_leave_auth(c);
    registry_leave(c->world->registry, &c->member);
    groups_leave(joined);
}

static bool is_wrong(enum counter left)
{
    return left == COUNTER_LEFT_CUT || left == COUNTER_LEFT_SLOW || left == COUNTER_LEFT_TALKATIVE ||
           left == COUNTER_LEFT_NO_CAPSULES || left == COUNTER_LEFT_UNACKNOWLEDGED ||
           left == COUNTER_LEFT_FAILED;
}

static void end(struct conn *c, enum log_level level, enum counter counter, const char *reason)
{
    if (c->state == CONN_DONE)
        return;
    if (c->revoked) { /* however its last bytes have fared */
        counter = COUNTER_LEFT_REVOKED;
        reason = "may not any more";
    }
    conn_leave(c);
    conn_end_tunnel(c);
    counters_add(c->world->counters, counter);
    conn_log_of(c, level, counter_name(counter), is_wrong(counter) ? conn_source(c) : NULL, "left", "name",
                conn_name(c), "member", conn_member_name(c), "reason", reason, "ms",
                LOG_NUM(c->world->now_ms - c->since_ms));
    conn_enter(c, CONN_DONE);
    timers_cancel(c->world->timers, &c->idle);
    timers_cancel(c->world->timers, &c->hold);
    unqueue(c);
    LL_PREPEND2(c->world->done, c, done_next);
}

void conn_end(struct conn *c, enum counter counter, const char *reason)
{
    end(c, LOG_INFO, counter, reason);
}

/* An end that needs no line of its own: the answers were given. */
static void end_in_order(struct conn *c, enum counter counter, const char *reason)
{
    if (c->kicked) /* and its peer has closed, or not */
        conn_end(c, COUNTER_LEFT_KICKED, "ended by the operator");
    else
        end(c, c->streamed ? LOG_INFO : LOG_DEBUG, counter, reason);
}

void conn_fail(struct conn *c, int err)
{
    if (err == HX_ECLOSED && c->state == CONN_READ_REQUEST && c->begun)
        conn_end(c, COUNTER_LEFT_CUT, "vanished within a request");
    else if (err == HX_ECLOSED)
        end_in_order(c, COUNTER_LEFT_CLOSED, "closed by the peer");
    else if (err == HX_ETOOBIG)
        conn_end(c, COUNTER_LEFT_SLOW, "reads too slowly, its queue is full");
    else if (err == HX_ELIMIT)
        conn_end(c, COUNTER_LEFT_TALKATIVE, "sends too much while its answer streams");
    else
        conn_end(c, COUNTER_LEFT_FAILED, hx_error_text(err));
}

void conn_begin_stream(struct conn *c, enum conn_state next)
{
    c->ignored = c->in.len;
    buf_free(&c->in);
    request_parser_destroy(c->parser);
    c->parser = NULL;
    c->streamed = true;
    conn_enter(c, next);
}

/* HX_OK: bytes wait in c->in. Leaves to others when this connection has had its share of the turn. */
static int fill_input(struct conn *c)
{
    char bytes[READ_BYTES];

    if (c->turn_requests >= CONN_TURN_REQUESTS || c->turn_bytes >= CONN_TURN_BYTES) {
        conn_queue(c);
        return HX_EAGAIN;
    }
    if (c->in.len > 0)
        return HX_OK;
    if (c->input_ended)
        return HX_EEOF;
    ssize_t n = stream_read(c->stream, bytes, sizeof bytes);
    if (n < 0)
        return (int)n;
    c->turn_bytes += (size_t)n;
    if (!c->begun && !c->answered &&
        c->member.least_rtt_ms < 0) /* one round trip after our handshake, or later */
        c->member.least_rtt_ms = c->world->now_ms - c->since_ms;
    return buf_append(&c->in, bytes, (size_t)n);
}

static int end_of_input(struct conn *c)
{
    c->input_ended = true;
    if (request_parser_started(c->parser))
        return conn_refuse_for(c, REPLY_CUT);
    conn_enter(c, CONN_DRAIN);
    return HX_OK;
}

static void forget_request(struct conn *c)
{
    free(c->request);
    c->request = NULL;
}

static int keep_request(struct conn *c)
{
    const struct request *q = request_parser_request(c->parser);

    forget_request(c);
    if (c->auth)
        c->auth->proven = false;
    c->request = request_copy(q);
    free(c->member.lines);
    c->member.lines = peer_lines_make(request_parser_peer(c->parser));
    return c->request ? HX_OK : HX_ENOMEM;
}

static int refuse_parsed(struct conn *c)
{
    struct reply reply = reply_for_refusal(request_parser_refusal(c->parser));
    bool head = reply.head;

    forget_request(c);
    if (c->refused != REPLY_NOTHING)
        reply = reply_for(c->refused);
    reply.head = head;
    return conn_refuse(c, &reply);
}

static int read_request(struct conn *c)
{
    int err = fill_input(c);

    if (err == HX_EEOF)
        return end_of_input(c);
    if (err < 0)
        return err;
    size_t used;
    enum request_result result = request_parser_feed(c->parser, buf_data(&c->in), c->in.len, &used);
    buf_consume(&c->in, used);
    if (result == REQUEST_MORE) {
        if (!c->begun && request_parser_started(c->parser)) {
            c->begun = true;
            if (c->answered) /* the first one's time runs from the connection's start */
                set_deadline(c, state_ms(c, CONN_READ_REQUEST));
        }
        return HX_OK;
    }
    if (c->peer_closed)
        return HX_ECLOSED;
    c->turn_requests++;
    c->answered = true;
    c->waits = false;
    if (result == REQUEST_REFUSED)
        return refuse_parsed(c);
    err = keep_request(c);
    if (err < 0)
        return err;
    if (c->refused != REPLY_NOTHING)
        return conn_refuse_for(c, c->refused);
    conn_enter(c, c->world->auth ? CONN_AUTHORIZE : CONN_ANSWER);
    return HX_OK;
}

static int ignore_input(struct conn *c)
{
    while (!c->input_ended) {
        char bytes[READ_BYTES];
        ssize_t n = stream_read(c->stream, bytes, sizeof bytes);

        if (n == HX_EEOF) {
            c->input_ended = true; /* it may listen on */
            if (c->member.reach == REACH_TCP)
                conn_probe(c); /* or its program has ended: then this is answered by a reset */
            break;
        }
        if (n < 0)
            return (int)n;
        conn_hear(c, bytes, (size_t)n);
        if (c->ignored > CONN_IGNORED_MAX)
            return HX_ELIMIT;
    }
    return HX_EAGAIN;
}

static int stream_bind(struct conn *c)
{
    int err = conn_stream_bind(c);

    return err < 0 || c->state != CONN_STREAM_BIND ? err : ignore_input(c);
}

static int stream_join(struct conn *c)
{
    int err = conn_stream_join(c);

    return err < 0 || c->state != CONN_STREAM_JOIN ? err : ignore_input(c);
}

static int drain(struct conn *c)
{
    int unacked = stream_unacked(c->stream);

    if (unacked < 0)
        return unacked;
    if (c->out.len > 0 || unacked > 0)
        return HX_EAGAIN;
    end_in_order(c, COUNTER_LEFT_ANSWERED, conn_is_sent_away(c) ? "the server stops" : "answered");
    return HX_OK;
}

/* One step a state, in the order a request meets them; a step leaves its state through conn_enter() only. */
static int (*const conn_steps[])(struct conn *c) = {
    [CONN_READ_REQUEST] = read_request,   [CONN_AUTHORIZE] = conn_authorize,
    [CONN_ANSWER] = conn_answer,          [CONN_ASK] = conn_asked,
    [CONN_FLUSH] = conn_flushed,          [CONN_STREAM_BIND] = stream_bind,
    [CONN_STREAM_CONNECT] = ignore_input, [CONN_STREAM_JOIN] = stream_join,
    [CONN_TUNNEL] = conn_carry,           [CONN_DRAIN] = drain};

static void run(struct conn *c, int err)
{
    while (err == HX_OK && c->state != CONN_DONE)
        err =
            conn_steps[c->state](c); /* HX_OK goes on, HX_EAGAIN waits for the next event, the rest ends it */
    if (err < 0 && err != HX_EAGAIN)
        conn_fail(c, err);
}

void conn_ready(struct conn *c)
{
    unqueue(c);
    if (c->state == CONN_DONE)
        return;
    c->turn_requests = 0;
    c->turn_bytes = 0;
    run(c, c->starved ? HX_ENOMEM : c->peer_closed ? HX_OK : conn_flush(c));
}

void conn_peer_closed(struct conn *c)
{
    c->peer_closed = true;
    if (c->state == CONN_READ_REQUEST) {
        conn_ready(c); /* what is left is read, so that the log can tell a request that was cut off */
        return;
    }
    if (conn_holds(c) || c->state == CONN_STREAM_CONNECT)
        (void)ignore_input(c); /* its last word may be a report */
    conn_fail(c, HX_ECLOSED);
}

static void request_over(struct conn *c)
{
    if (c->refused == REPLY_NOTHING && c->answered && !c->begun) {
        conn_enter(c, CONN_DRAIN); /* kept open for a request that did not come: no answer is due */
        return;
    }
    forget_request(c);
    int err = conn_refuse_for(c, c->refused != REPLY_NOTHING ? c->refused : REPLY_LATE);
    if (err < 0)
        conn_fail(c, err);
}

static void deadline_over(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, deadline);

    switch (c->state) {
    case CONN_READ_REQUEST:
        request_over(c);
        break;
    case CONN_AUTHORIZE:
    case CONN_ASK:
        conn_ask_over(c);
        break;
    case CONN_DRAIN:
        end_in_order(c, COUNTER_LEFT_UNACKNOWLEDGED, "did not acknowledge its answer");
        break;
    default: /* set by conn_flush() while output waits */
        if (!conn_stop_tunnel(c))
            conn_end(c, COUNTER_LEFT_SLOW, "does not read its answer");
        break;
    }
    conn_ready(c);
}

static void idle_over(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, idle);
    int64_t idle_ms = c->world->config->idle_timeout_ms, give_up_ms = stream_heard_ms(c->stream) + idle_ms;

    if (idle_ms == 0) /* it was told otherwise meanwhile */
        return;
    if (give_up_ms > c->world->now_ms)
        timers_set(c->world->timers, &c->idle, give_up_ms);
    else
        conn_end(c, COUNTER_LEFT_SILENT, "fell silent");
}

/* What was held leaves; all else that waits in the connection goes on. */
static void hold_over(struct timer *t)
{
    conn_ready(container_of(t, struct conn, hold));
}

void conn_stop(struct conn *c)
{
    int err = HX_OK;

    switch (c->state) {
    case CONN_STREAM_BIND:
    case CONN_STREAM_CONNECT:
    case CONN_STREAM_JOIN:
        conn_finish_stream(c);
        break;
    case CONN_READ_REQUEST:
        if (!c->begun) {
            conn_enter(c, CONN_DRAIN);
            break;
        }
        forget_request(c);
        err = conn_refuse_for(c, REPLY_STOPPING);
        break;
    case CONN_AUTHORIZE:
    case CONN_ASK:
        err = conn_refuse_for(c, REPLY_STOPPING);
        break;
    case CONN_DONE:
        return;
    default:
        if (!conn_stop_tunnel(c))
            conn_enter(c, CONN_DRAIN);
        break;
    }
    if (err < 0)
        conn_fail(c, err);
    conn_ready(c);
}

int conn_create(struct conn **out, struct conn_world *w, struct stream *s, enum reply_reason refused)
{
    struct conn *c = calloc(1, sizeof *c);
    socklen_t len;
    const struct sockaddr *peer = stream_peer(s, &len);

    if (!c)
        return HX_ENOMEM;
    *c = (struct conn){.world = w, .stream = s, .refused = refused, .rtt_ms = -1, .since_ms = w->now_ms};
    c->deadline.fire = deadline_over;
    c->idle.fire = idle_over;
    c->hold.fire = hold_over;
    c->member.least_rtt_ms = -1;
    c->member.events = &conn_registry_events;
    int err = endpoint_from_sockaddr(&c->member.peer, peer, len);
    c->member.reach = reach_of(&c->member.peer, s->ops->transport == STREAM_TCP);
    if (err == HX_OK)
        err = request_parser_create(&c->parser);
    if (err == HX_OK && w->auth)
        err = request_parser_read_proofs(c->parser);
    if (err == HX_OK)
        err = conn_join_tunnel(c);
    if (err < 0) {
        request_parser_destroy(c->parser);
        free(c);
        return err;
    }
    buf_init(&c->in, READ_BYTES);
    buf_init(&c->out, (size_t)w->config->max_queue_bytes);
    c->id = ++w->last_id;
    DL_APPEND2(w->all, c, all_prev, all_next);
    conn_log(c, LOG_DEBUG, "accepted");
    conn_enter(c, CONN_READ_REQUEST);
    if (w->config->idle_timeout_ms > 0)
        timers_set(w->timers, &c->idle, w->now_ms + w->config->idle_timeout_ms);
    *out = c;
    return HX_OK;
}

void conn_destroy(struct conn *c)
{
    if (!c)
        return;
    unqueue(c);
    if (c->world->judged == c)
        c->world->judged = c->all_next;
    DL_DELETE2(c->world->all, c, all_prev, all_next);
    conn_leave(c);
    conn_leave_tunnel(c);
    timers_cancel(c->world->timers, &c->deadline);
    timers_cancel(c->world->timers, &c->idle);
    timers_cancel(c->world->timers, &c->hold);
    request_parser_destroy(c->parser);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c->member.lines);
    free(c->request);
    free(c->auth);
    stream_close(c->stream);
    free(c);
}
