#include "base/container_of.h"
#include "base/error.h"
#include "proto/chunk.h"
#include "server/conn_state.h"

static struct conn *conn_of(struct registry_member *m)
{
    return container_of(m, struct conn, member);
}

static int answer_root(struct conn *c)
{
    int err = conn_write_root(c);

    return err < 0 ? err : conn_finish_answer(c, c->request->close);
}

/* HEAD of /bind or /connect: what a GET would have got, and nothing happens (RFC 9110, 9.3.2). */
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
    if (c->request->target == REQUEST_JOIN) /* not served yet */
        return conn_refuse_for(c, REPLY_NO_TUNNEL);
    c->member.answer = (struct registry_answer){.result = REGISTRY_NO_ANSWER};
    c->asked_ms = c->world->now_ms;
    conn_enter(c, CONN_ASK);
    c->asking = true;
    if (c->request->target == REQUEST_BIND)
        registry_bind(r, &c->member, c->request);
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
                                          [REGISTRY_SILENT] = "did not answer the challenge"};
    enum registry_how how = c->member.answer.how;

    if (c->request->head)
        return answer_head(c);
    if (how != REGISTRY_FREE && how != REGISTRY_JOINED)
        conn_log(c, LOG_INFO, "replaced", "name", c->request->host_id, "holder",
                 LOG_PEER(&c->member.answer.holder), "reason", reasons[how]);
    conn_log(c, LOG_INFO, how == REGISTRY_JOINED ? "joined" : "bound", "name", c->request->host_id);
    if (c->member.lines) /* attempts that began before the name moved to this connection */
        conn_expect_reports(c, CONN_REPORTS_BEFORE);
    int err = begin_stream(c, CONN_STREAM_BIND);
    return err < 0 ? err : conn_flush(c);
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
    c->introduced = true;
    counters_add(c->world->counters, c->member.answer.unheard ? COUNTER_LOOKED_UP : COUNTER_CONNECTED);
    conn_log(c, LOG_INFO, c->member.answer.unheard ? "looked_up" : "connected", "name", c->request->host_id,
             "h1", LOG_PEER(&h1), "h2", LOG_PEER(&c->member.peer), "h2_name", c->request->name);
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
    conn_log(c, LOG_INFO, "challenged", "name", c->request->host_id, "holder",
             LOG_PEER(&c->member.answer.holder));
}

int conn_asked(struct conn *c)
{
    int err;

    switch (c->member.answer.result) {
    case REGISTRY_WAITS:
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
        return conn_refuse_for(c, c->member.answer.reason);
    case REGISTRY_NO_ANSWER:
    case REGISTRY_MET: /* answered() has done it */
    default:
        return HX_EAGAIN;
    }
}

void conn_ask_over(struct conn *c)
{
    int err = conn_refuse_for(c, c->request->wait_s > 0 ? REPLY_UNKNOWN : REPLY_NO_ANSWER);

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
    int err = conn_write_part(c, name, peer, told);
    if (err == HX_OK)
        err = conn_flush_later(c, later_ms);
    if (err < 0)
        conn_fail(c, err);
    return err;
}

/* CRLF is ignorable between parts (RFC 2046, 5.1.1: the epilogue). What goes wrong is found in the
 * connection's own turn. */
void conn_probe(struct conn *c)
{
    int err = c->request->unchunked ? buf_append(&c->out, "\r\n", 2) : chunk_write(&c->out, "\r\n", 2);

    if (err == HX_OK)
        (void)conn_flush(c);
    c->starved |= err == HX_ENOMEM; /* nothing else would find out that its program has ended */
    conn_queue(c);
}

static void probe(struct conn *c)
{
    c->probes++;
    c->reminded_ms = c->world->now_ms;
    counters_add(c->world->counters, COUNTER_PROBES);
    if (c->state == CONN_STREAM_BIND)
        conn_probe(c);
    conn_queue(c);
}

/* Losses may delay a holder's first acknowledgement by seconds. Until then all that is known of its round
 * trip is how soon its request followed its handshake, and that is nothing if both came at once: it is
 * taken for a slow one. */
static int64_t round_trip_ms(const struct conn *c)
{
    int64_t known_ms = c->rtt_ms < 0 ? c->member.least_rtt_ms : c->rtt_ms;

    return c->rtt_ms < 0 && c->measured_ms != 0 && known_ms < CONN_SLOW_RTT_MS ? CONN_SLOW_RTT_MS : known_ms;
}

static int64_t challenge(struct registry_member *m)
{
    struct conn *c = conn_of(m);
    int64_t patience_ms = CONN_CHALLENGE_RTT * round_trip_ms(c);

    c->probed_ms = c->world->now_ms;
    c->probes = 0;
    probe(c);
    if (patience_ms < CONN_CHALLENGE_MS)
        return CONN_CHALLENGE_MS;
    return patience_ms < CONN_CHALLENGE_MAX_MS ? patience_ms : CONN_CHALLENGE_MAX_MS;
}

/* UDT repeats a lost packet, but to an idle peer only after seconds; and it paces what is new by its estimate
 * of the path, which losses make small: of the challenges that are written some leave too late to be
 * answered. The question beside the stream leaves in any case. */
static void remind(struct registry_member *m)
{
    struct conn *c = conn_of(m);
    int64_t overdue_ms = round_trip_ms(c) * 5 / 4;

    if (overdue_ms < CONN_OVERDUE_MS)
        overdue_ms = CONN_OVERDUE_MS;
    if (c->world->now_ms - c->probed_ms < overdue_ms)
        return;
    stream_ask(c->stream);
    if (c->probes < CONN_PROBES_MAX && c->out.len == 0)
        probe(c);
}

/* Whatever it has said: an acknowledgement, a keepalive, data. */
static bool lives(const struct registry_member *m)
{
    const struct conn *c = container_of(m, const struct conn, member);

    return c->probed_ms > 0 && stream_heard_ms(c->stream) > c->probed_ms;
}

static void replaced(struct registry_member *m, enum registry_how how)
{
    struct conn *c = conn_of(m);

    if (how == REGISTRY_SILENT)
        conn_end(c, COUNTER_LEFT_REPLACED, "did not answer the challenge");
    else
        conn_finish_stream(c);
}

const struct registry_events conn_registry_events = {.answered = answered,
                                                     .introduce = introduce,
                                                     .challenge = challenge,
                                                     .remind = remind,
                                                     .lives = lives,
                                                     .replaced = replaced};

/* From the output's last byte handed over to its acknowledgement. What was lost and repeated makes it longer,
 * which is no harm: it bounds how long a holder may be silent, and who lives is mostly heard long before. */
static void measure(struct conn *c)
{
    int64_t ms = c->world->now_ms - c->measured_ms;

    if (c->measured_ms == 0 || c->out.len > 0 || stream_unacked(c->stream) != 0)
        return;
    c->measured_ms = 0;
    if (ms > CONN_CHALLENGE_MAX_MS)
        ms = CONN_CHALLENGE_MAX_MS;
    c->rtt_ms = (int)ms > c->rtt_ms ? (int)ms : (7 * c->rtt_ms + (int)ms) / 8; /* downwards as RFC 6298 */
    if (c->member.least_rtt_ms < 0 || ms < c->member.least_rtt_ms)
        c->member.least_rtt_ms = ms;
}

int conn_stream_bind(struct conn *c)
{
    measure(c);
    if (lives(&c->member)) {
        c->probed_ms = 0;
        registry_heard(c->world->registry, &c->member);
    }
    if (conn_has_room(c) && registry_proceed(c->world->registry, &c->member))
        conn_queue(c);
    return HX_OK;
}
