#include "base/error.h"
#include "server/conn_state.h"
#include "server/introductions.h"
#include "server/transcripts.h"

static int answer_root(struct conn *c)
{
    int err = conn_write_root(c);

    return err < 0 ? err : conn_finish_answer(c, c->request->close);
}

/* HEAD of /bind, /connect or /join: what a GET would have got, and nothing happens (RFC 9110, 9.3.2). */
static int answer_head(struct conn *c)
{
    int err = conn_write_stream_head(c);

    return err < 0 ? err : conn_finish_answer(c, c->request->close || c->request->unchunked);
}

int conn_answer(struct conn *c)
{
    struct registry *r = c->world->registry;

    if (c->request->target == REQUEST_ROOT)
        return answer_root(c);
    if (c->request->target == REQUEST_TUNNEL)
        return conn_begin_tunnel(c);
    if (conn_is_turned_over(c))
        return conn_refuse_for(c, REPLY_DRAINING);
    c->member.answer = (struct registry_answer){.result = REGISTRY_NO_ANSWER};
    c->asked_ms = c->world->now_ms;
    conn_enter(c, CONN_ASK);
    c->asking = true;
    if (c->request->target == REQUEST_BIND)
        registry_bind(r, &c->member, c->request);
    else if (c->request->target == REQUEST_JOIN)
        conn_join(c);
    else
        registry_connect(r, &c->member, c->request);
    c->asking = false;
    return HX_OK;
}

/* ---- the registry has answered ---- */

static int begin_stream(struct conn *c, enum conn_state next)
{
    conn_begin_stream(c, next);
    return conn_write_stream_head(c);
}

static int bound(struct conn *c)
{
    static const char *const reasons[] = {[REGISTRY_SAME_SESSION] = "same session",
                                          [REGISTRY_SAME_ADDRESS] = "same address",
                                          [REGISTRY_SILENT] = "did not answer the challenge",
                                          [REGISTRY_OWNER] = "owner of the name"};
    enum registry_how how = c->member.answer.how;

    if (c->request->head)
        return answer_head(c);
    if (how != REGISTRY_FREE && how != REGISTRY_JOINED)
        conn_log(c, LOG_INFO, "replaced", "name", c->request->host_id, "member", conn_member_name(c),
                 "holder", LOG_ADDRESS(&c->member.answer.holder), "reason", reasons[how]);
    if (c->request->target == REQUEST_JOIN) {
        if (c->world->transcripts)
            transcripts_holds(c->stream); /* it meets nobody as who holds a name or has asked for one does */
        return conn_joined(c);
    }
    conn_log(c, LOG_INFO, how == REGISTRY_JOINED ? "joined" : "bound", "name", c->request->host_id, "key",
             CONN_LOG_KEY(c));
    if (c->member.lines) /* attempts that began before the name moved to this connection */
        conn_expect_reports(c, CONN_REPORTS_BEFORE);
    int err = begin_stream(c, CONN_STREAM_BIND);
    if (err == HX_OK)
        err = conn_flush(c);
    if (c->world->transcripts)
        transcripts_holds(c->stream);
    return err;
}

/* From /connect's point of view there is a holder: the answer streams from now on. */
static int admitted(struct conn *c)
{
    if (c->waits) {
        counters_add(c->world->counters, COUNTER_WAITED);
        conn_log(c, LOG_INFO, "waited", "name", c->request->host_id, "ms",
                 LOG_NUM(c->world->now_ms - c->asked_ms));
    }
    return begin_stream(c, CONN_STREAM_CONNECT);
}

static int met(struct conn *c, const struct registry_told *told)
{
    struct endpoint h1 = c->member.answer.holder;
    int64_t later_ms = c->member.answer.later_ms;
    int err = HX_OK;

    if (c->request->head)
        return answer_head(c);
    if (c->state == CONN_ASK)
        err = admitted(c);
    if (err == HX_OK && later_ms > 0)
        err = conn_flush(c); /* the head does not wait */
    if (err == HX_OK)
        err = conn_write_part(c, c->request->host_id, &h1, told);
    if (err == HX_OK && !c->introduced)
        err = conn_write_part(c, c->request->name, &c->member.peer, NULL);
    if (err == HX_OK && c->world->transcripts)
        transcripts_met(c->world->transcripts, c->stream, c->request->host_id, c->member.answer.unheard);
    c->introduced = true;
    const struct introduction_made made = {.name = c->request->host_id,
                                           .h2_name = c->request->name,
                                           .h1 = &h1,
                                           .h2 = &c->member.peer,
                                           .h1_source = tunnels_source(c->world->tunnels, &h1),
                                           .h2_source = conn_source(c),
                                           .session = told ? &told->session : NULL,
                                           .unheard = c->member.answer.unheard};
    introductions_add(c->world->introductions, &made, c->world->now_ms);
    counters_add(c->world->counters, c->member.answer.unheard ? COUNTER_LOOKED_UP : COUNTER_CONNECTED);
    conn_log(c, LOG_INFO, c->member.answer.unheard ? "looked_up" : "connected", "name", c->request->host_id,
             "h1", LOG_ADDRESS(&h1), "h2", LOG_ADDRESS(&c->member.peer), "h2_name", c->request->name, "key",
             CONN_LOG_KEY(c));
    return err < 0 ? err : conn_flush_later(c, later_ms);
}

static void log_waits(struct conn *c)
{
    if (c->waits)
        return;
    c->waits = true;
    conn_log(c, LOG_INFO, "waits", "name", c->request->host_id, "seconds", LOG_NUM(c->request->wait_s));
}

static void log_challenged(struct conn *c)
{
    if (c->waits)
        return;
    c->waits = true;
    conn_log_of(c, LOG_INFO, "challenged", conn_source(c), "challenged", "name", c->request->host_id,
                "member", conn_member_name(c), "holder", LOG_ADDRESS(&c->member.answer.holder));
}

int conn_asked(struct conn *c)
{
    int err;

    switch (c->member.answer.result) {
    case REGISTRY_WAITS:
        if (c->world->drain)
            return conn_refuse_for(c, REPLY_DRAINING);
        log_waits(c);
        return HX_EAGAIN;
    case REGISTRY_ASKS:
        log_challenged(c);
        return HX_EAGAIN;
    case REGISTRY_BOUND:
        return bound(c);
    case REGISTRY_ADMITTED:
        err = admitted(c);
        return err < 0 ? err : conn_flush(c);
    case REGISTRY_REFUSED:
        return conn_refuse_for(c, conn_reason_when_drained(c, c->member.answer.reason));
    case REGISTRY_NO_ANSWER:
    case REGISTRY_MET: /* answered() has done it */
    default:
        return HX_EAGAIN;
    }
}

void conn_ask_over(struct conn *c)
{
    enum reply_reason reason = conn_may_wait(c) ? REPLY_UNKNOWN : REPLY_NO_ANSWER;

    if (c->state == CONN_AUTHORIZE) /* for its proof's turn, or for the store */
        reason = c->auth->waits ? REPLY_NO_ANSWER : REPLY_NO_CLAIM;
    int err = conn_refuse_for(c, reason);
    if (err < 0)
        conn_fail(c, err);
}

/* H1 has just been told: H2's part leaves in the same turn. */
static void answered(struct registry_member *m, const struct registry_told *told)
{
    struct conn *c = conn_of(m);

    if (m->answer.result == REGISTRY_MET) {
        int err = met(c, told);
        if (err < 0)
            conn_fail(c, err);
    } else if (!c->asking) {
        conn_queue(c);
    }
}

/* ---- holders ---- */

static int introduce(struct registry_member *m, const char *name, const struct endpoint *peer,
                     const struct registry_told *told, int64_t later_ms)
{
    struct conn *c = conn_of(m);

    if (c->state != CONN_STREAM_BIND || !conn_has_room(c))
        return HX_EAGAIN;
    size_t before = c->out.len;
    int err = conn_write_part(c, name, peer, told);
    if (err == HX_OK && c->world->transcripts)
        transcripts_told(c->world->transcripts, c->stream, buf_data(&c->out) + before, c->out.len - before,
                         later_ms);
    if (err == HX_OK)
        err = conn_flush_later(c, later_ms);
    if (err < 0)
        conn_fail(c, err);
    return err;
}

const struct registry_events conn_registry_events = {.answered = answered,
                                                     .introduce = introduce,
                                                     .challenge = conn_challenge,
                                                     .remind = conn_remind,
                                                     .lives = conn_lives,
                                                     .displaces = conn_displaces,
                                                     .replaced = conn_replaced};

int conn_stream_bind(struct conn *c)
{
    if (conn_heard(c))
        registry_heard(c->world->registry, &c->member);
    if (conn_has_room(c) && registry_proceed(c->world->registry, &c->member))
        conn_queue(c);
    return HX_OK;
}
