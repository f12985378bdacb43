/* Whether who holds a name lives, be it a host's name or a member's in its session. */
#include "base/error.h"
#include "proto/chunk.h"
#include "server/conn_state.h"

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
    if (conn_holds(c))
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

int64_t conn_challenge(struct registry_member *m)
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
void conn_remind(struct registry_member *m)
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
bool conn_lives(const struct registry_member *m)
{
    const struct conn *c = conn_of(m);

    return c->probed_ms > 0 && stream_heard_ms(c->stream) > c->probed_ms;
}

/* One whose answer does not stream yet has just won the name from another one. */
void conn_replaced(struct registry_member *m, enum registry_how how)
{
    struct conn *c = conn_of(m);
    bool join = c->request->target == REQUEST_JOIN;
    int err = HX_OK;

    c->kicked = how == REGISTRY_KICKED;
    if (how == REGISTRY_SILENT)
        conn_end(c, COUNTER_LEFT_REPLACED, "did not answer the challenge");
    else if (conn_holds(c))
        conn_finish_stream(c);
    else
        err = conn_refuse_for(c, join ? REPLY_MEMBER_HELD : REPLY_HELD);
    if (err < 0)
        conn_fail(c, err);
}

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

bool conn_heard(struct conn *c)
{
    measure(c);
    if (!conn_lives(&c->member))
        return false;
    c->probed_ms = 0;
    return true;
}
