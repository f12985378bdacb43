#include "base/error.h"
#include "proto/chunk.h"
#include "proto/multipart.h"
#include "proto/response.h"
#include "server/conn_state.h"
#include "server/policy.h"

#define HEADERS_MAX 96 /* bytes of one refusal's own and a nonce's, with their NUL */

static bool streams(const struct conn *c)
{
    return conn_holds(c) || c->state == CONN_STREAM_CONNECT || c->state == CONN_TUNNEL;
}

/* An answer that streams has no deadline, but a peer which takes nothing of it for --request-timeout has
 * one. */
static void watch_reader(struct conn *c, bool progress)
{
    int64_t ms = c->world->config->request_timeout_ms;

    if (!streams(c) || ms == 0 || c->world->stopping) /* which has a deadline of its own */
        return;
    if (c->out.len == 0)
        timers_cancel(c->world->timers, &c->deadline);
    else if (progress || !timer_is_set(&c->deadline))
        timers_set(c->world->timers, &c->deadline, c->world->now_ms + ms);
}

int conn_flush(struct conn *c)
{
    bool progress = false;

    if (c->out.len == 0 || timer_is_set(&c->hold))
        return HX_OK;
    while (c->out.len > 0) {
        ssize_t n = stream_write(c->stream, buf_data(&c->out), c->out.len);

        if (n == HX_EAGAIN)
            break;
        if (n < 0)
            return (int)n;
        buf_consume(&c->out, (size_t)n);
        progress = true;
    }
    if (progress && conn_holds(c) && c->measured_ms == 0)
        c->measured_ms = c->world->now_ms;
    watch_reader(c, progress);
    if (c->out.len == 0)
        buf_free(&c->out); /* most connections are silent binds: they shall not keep it */
    return HX_OK;
}

int conn_flush_later(struct conn *c, int64_t ms)
{
    if (ms == 0) {
        timers_cancel(c->world->timers, &c->hold);
        return conn_flush(c);
    }
    if (!timer_is_set(&c->hold))
        timers_set(c->world->timers, &c->hold, c->world->now_ms + ms);
    return HX_OK;
}

bool conn_has_room(const struct conn *c)
{
    size_t limit = c->out.limit > 0 && c->out.limit / 2 < CONN_OUT_LOW ? c->out.limit / 2 : CONN_OUT_LOW;

    return c->out.len <= limit;
}

int conn_flushed(struct conn *c)
{
    if (!conn_has_room(c))
        return HX_EAGAIN;
    conn_enter(c, CONN_READ_REQUEST);
    return HX_OK;
}

int conn_write_root(struct conn *c)
{
    return reply_write_root(&c->out, &c->member.peer, c->request->head, c->request->close);
}

int conn_write_stream_head(struct conn *c)
{
    bool more = c->request->head && !c->request->close && !c->request->unchunked;
    const struct reply head = {.status = 200, .close = !more};
    char headers[HEADERS_MAX];
    int err = conn_auth_headers(c, &head, headers, sizeof headers);

    if (err < 0)
        return err;
    return response_write_stream_head(&c->out, &c->member.peer, c->member.lines != NULL,
                                      !c->request->unchunked, headers);
}

int conn_write_part(struct conn *c, const char *name, const struct endpoint *peer,
                    const struct registry_told *told)
{
    if (told)
        conn_expect_reports(c, 1);
    return multipart_write_part(&c->out, name, peer, told ? &told->session : NULL, told ? told->lines : NULL,
                                !c->request->unchunked);
}

int conn_write_member(struct conn *c, const struct groups_part *part)
{
    const struct registry_told *told = part->told;
    int err = multipart_write_member(&c->out, part->name, &part->peer, &part->membership,
                                     told ? &told->session : NULL, told ? told->lines : NULL,
                                     !c->request->unchunked);

    if (err == HX_OK && told)
        conn_expect_reports(c, 1);
    return err;
}

int conn_finish_answer(struct conn *c, bool close)
{
    conn_enter(c, close ? CONN_DRAIN : CONN_FLUSH);
    return conn_flush(c);
}

int conn_refuse(struct conn *c, const struct reply *reply)
{
    bool asks = reply->counter == COUNTER_REFUSED_UNAUTHORIZED && !c->asked_key; /* no fault of its own */
    bool counted = c->world->stopping || asks || reply->counter == COUNTER_REFUSED_DRAINING ||
                   reply->counter == COUNTER_REFUSED_PEER_OFTEN; /* server/tcp.c */
    char headers[HEADERS_MAX], named[AUTHORIZATION_KEY_TEXT_MAX];
    bool may = counted || policy_may_be_refused(c->world->policy, &c->member.peer, c->world->now_ms);
    struct reply r = may ? *reply : reply_for(REPLY_PEER_RATE);

    if (r.counter == COUNTER_REFUSED_PEER_LIMIT || r.counter == COUNTER_REFUSED_PEER_OFTEN ||
        r.counter == COUNTER_REFUSED_PEER_RATE)
        r.retry_after_s += policy_returns_later_s(c->world->policy, &c->member.peer, c->world->now_ms);
    conn_point_elsewhere(c, &r);
    r.head = reply->head || (c->request && c->request->head);
    r.close = r.close || (c->request && c->request->close);
    counters_add(c->world->counters, r.counter);
    c->asked_key |= asks;
    conn_log_of(c, asks ? LOG_DEBUG : LOG_INFO, counter_name(r.counter),
                r.status != 503 ? conn_source(c) : NULL, "refused", "status", LOG_NUM(r.status), "name",
                conn_name(c), "reason", r.text, "named_key", conn_format_named(named, c, &r));
    int err = conn_auth_headers(c, &r, headers, sizeof headers);
    r.headers = headers;
    conn_leave(c);
    if (err == HX_OK)
        err = reply_write(&c->out, &r);
    return err < 0 ? err : conn_finish_answer(c, r.close);
}

int conn_refuse_for(struct conn *c, enum reply_reason reason)
{
    struct reply reply = reply_for(reason);

    return conn_refuse(c, &reply);
}

void conn_finish_stream(struct conn *c)
{
    conn_leave(c);
    timers_cancel(c->world->timers, &c->hold);
    int err = c->request->unchunked ? HX_OK : chunk_write_last(&c->out);
    if (err == HX_OK)
        err = conn_finish_answer(c, true);
    if (err < 0)
        conn_fail(c, err);
    conn_queue(c); /* all may be acknowledged already: then no event would come */
}
