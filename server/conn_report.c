/* What peers say of the attempts that came of their introductions (proto/attempt_report.h). */
#include "base/error.h"
#include "proto/attempt_report.h"
#include "server/conn_state.h"
#include "server/introductions.h"
#include <string.h>

#define REPORTS_MAX 64 /* that are due; who is introduced more often tells of fewer */

void conn_expect_reports(struct conn *c, int count)
{
    int due = c->reports_due + count;

    c->reports_due = (uint8_t)(due < REPORTS_MAX ? due : REPORTS_MAX);
}

/* H1 and H2 both tell of an attempt: they are counted apart; and so are members of sessions, of which either
 * may have called. */
static const struct {
    const char *text;
    enum counter_by by;
    enum counter first, within;
} by[] = {
    [CONN_STREAM_BIND] = {"h1", COUNTER_BY_H1, COUNTER_H1_DIRECT, COUNTER_H1_WITHIN_10_MS},
    [CONN_STREAM_CONNECT] = {"h2", COUNTER_BY_H2, COUNTER_H2_DIRECT, COUNTER_H2_WITHIN_10_MS},
    [CONN_STREAM_JOIN] = {"member", COUNTER_BY_MEMBER, COUNTER_MEMBER_DIRECT, COUNTER_MEMBER_WITHIN_10_MS}};

static void count(struct conn *c, const struct attempt_report *r)
{
    static const int64_t within_ms[] = {10, 30, 100, 300, 1000, 3000};
    struct counters *all = c->world->counters;
    enum counter_by who = by[c->state].by;
    int time = (int)by[c->state].within;

    counters_add(all, (enum counter)((int)by[c->state].first + (int)r->outcome));
    all->nats[r->own.kind]++;
    all->reports[who].reasons[r->reason]++;
    if (r->outcome == ATTEMPT_FAILED)
        return;
    all->reports[who].took_ms += (uint64_t)r->ms;
    for (size_t i = 0; i < sizeof within_ms / sizeof *within_ms && r->ms > within_ms[i]; i++)
        time++;
    counters_add(c->world->counters, (enum counter)time);
}

/* Every value is a word of ours, a number, or hex digits. */
static void take(struct conn *c, const struct attempt_report *r)
{
    const char *reason = attempt_reason_text(r->reason);

    c->reports_due--;
    count(c, r);
    if (by[c->state].by != COUNTER_BY_MEMBER)
        introductions_report(c->world->introductions,
                             by[c->state].by == COUNTER_BY_H1 ? INTRODUCTION_H1 : INTRODUCTION_H2, r);
    conn_log(c, LOG_INFO, "report", "by", by[c->state].text, "name", conn_name(c), "session",
             r->session[0] ? r->session : NULL, "outcome", attempt_outcome_text(r->outcome), "reason",
             reason[0] ? reason : NULL, "ms", LOG_NUM(r->ms), "tries", LOG_NUM(r->tries), "probes",
             LOG_NUM(r->probes), "mapping", nat_mapping_kind_text(r->own.kind), "ports",
             nat_ports_text(r->own.ports), "peer_mapping", nat_mapping_kind_text(r->peer.kind), "peer_ports",
             nat_ports_text(r->peer.ports));
}

/* The length of the request that c->in begins with; 0: it is not whole. */
static size_t whole(const struct conn *c)
{
    const char *begin = buf_data(&c->in);
    const char *end = c->in.len > 0 ? memmem(begin, c->in.len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - begin) + 4 : 0;
}

/* What is no report is dropped up to its end, and what is due stays due: it may be the rest of a report whose
 * beginning came before anything was due, and the next one is whole. */
void conn_hear(struct conn *c, const char *data, size_t len)
{
    c->ignored += len;
    while (len > 0 && c->reports_due > 0) {
        size_t room = ATTEMPT_REPORT_MAX - c->in.len;
        size_t n = len < room ? len : room;
        if (buf_append(&c->in, data, n) < 0)
            break;
        data += n;
        len -= n;
        while (c->reports_due > 0 && (n = whole(c)) > 0) {
            struct attempt_report r;
            int err = attempt_report_parse(&r, buf_data(&c->in), n);
            buf_consume(&c->in, n);
            if (err < 0)
                continue;
            c->ignored -= n;
            take(c, &r);
        }
        if (c->in.len == ATTEMPT_REPORT_MAX) /* too long for one; its end may have begun */
            buf_consume(&c->in, ATTEMPT_REPORT_MAX - strlen("\r\n\r"));
    }
    if (c->reports_due == 0 || c->in.len == 0)
        buf_free(&c->in);
}
