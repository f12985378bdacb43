#include "server/admin/metrics.h"
#include "base/error.h"
#include "proto/attempt_report.h"
#include "server/admin/metrics_list.h"
#include "server/admin/metrics_text.h"
#include "server/loop.h"
#include "server/memory.h"
#include "server/relay.h"
#include "server/relay_table.h"
#include "server/server.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COUNTERS_ALL_MAX 512 /* of the process; there are some 170 */

enum metric {
#define METRIC_ENUM(id, name, type, help) METRIC_##id,
    METRICS_MAP(METRIC_ENUM)
#undef METRIC_ENUM
        METRICS
};

static const struct {
    const char *name, *type, *help;
} metrics[METRICS] = {
#define METRIC_ROW(id, name, type, help) {name, type, help},
    METRICS_MAP(METRIC_ROW)
#undef METRIC_ROW
};

/* The first that fits says it. `value` NULL: what stands behind the prefix. */
static const struct rule {
    const char *counter;
    bool prefix;
    enum metric metric; /* METRICS: it is written apart */
    const char *label, *value;
} rules[] = {
    {"accepted", false, METRIC_ACCEPTED, "event", NULL},
    {"turned_away", false, METRIC_ACCEPTED, "event", NULL},
    {"bound", false, METRIC_BINDS, "how", "free"},
    {"joined", false, METRIC_BINDS, "how", NULL},
    {"replaced_", true, METRIC_BINDS, "how", NULL},
    {"challenged", false, METRIC_CHALLENGES, "event", NULL},
    {"probes", false, METRIC_CHALLENGES, "event", "written"},
    {"connected", false, METRIC_INTRODUCTIONS, "event", NULL},
    {"looked_up", false, METRIC_INTRODUCTIONS, "event", NULL},
    {"postponed", false, METRIC_INTRODUCTIONS, "event", NULL},
    {"waited", false, METRIC_INTRODUCTIONS, "event", NULL},
    {"member_joined", false, METRIC_MEETING, "event", "joined"},
    {"member_moved", false, METRIC_MEETING, "event", "moved"},
    {"member_replaced", false, METRIC_MEETING, "event", "replaced"},
    {"member_told", false, METRIC_MEETING, "event", "told"},
    {"h1_", true, METRICS, NULL, NULL},
    {"h2_", true, METRICS, NULL, NULL},
    {"member_", true, METRICS, NULL, NULL},
    {"authorized", false, METRIC_AUTHORIZED, NULL, ""},
    {"claimed", false, METRIC_CLAIMED, NULL, ""},
    {"refused_", true, METRIC_REFUSED, "reason", NULL},
    {"left_", true, METRIC_LEFT, "reason", NULL},
    {"tunnels", false, METRIC_TUNNELS, NULL, ""},
    {"tunnel_", true, METRIC_TUNNELED, "event", NULL},
    {"stun_", true, METRIC_STUN, "result", NULL},
    {"relay_", true, METRIC_RELAY, "result", NULL},
    {"datagrams_taken", false, METRIC_DATAGRAMS, NULL, ""},
    {"dropped_", true, METRIC_DROPPED, "rule", NULL},
    {"", true, METRIC_OTHER, "event", NULL},
};

static const struct rule *rule_of(const char *counter)
{
    const struct rule *r = rules;

    while (r->prefix ? strncmp(counter, r->counter, strlen(r->counter)) != 0
                     : strcmp(counter, r->counter) != 0)
        r++;
    return r;
}

static const char *label_of(const struct rule *r, const char *counter)
{
    return r->value ? r->value : r->prefix ? counter + strlen(r->counter) : counter;
}

const char *metrics_of_counter(const char *counter, const char **label)
{
    const struct rule *r = rule_of(counter);

    *label = label_of(r, counter);
    return r->metric == METRICS ? NULL : metrics[r->metric].name;
}

struct writing {
    const struct admin_sources *from;
    int64_t begun_wall_ms;
    struct metrics_text text;
    struct {
        const struct rule *rule;
        char label[40];
        uint64_t value;
    } counters[COUNTERS_ALL_MAX];
    int count;
};

static const struct metrics_label no_label = {NULL, NULL};

static void family(struct writing *w, enum metric m)
{
    metrics_text_family(&w->text, metrics[m].name, metrics[m].type, metrics[m].help);
}

static void write_gauge(struct writing *w, enum metric m, double value)
{
    family(w, m);
    metrics_text_real(&w->text, metrics[m].name, no_label, value);
}

/* ---- what is held ---- */

static void write_relay_sessions(struct writing *w, const struct relay_totals *relay)
{
    const char *name = metrics[METRIC_RELAY_SESSIONS].name;

    family(w, METRIC_RELAY_SESSIONS);
    metrics_text_count(&w->text, name, (struct metrics_label){"state", "open"}, no_label, relay->open);
    metrics_text_count(&w->text, name, (struct metrics_label){"state", "known"}, no_label, relay->known);
}

static void write_held(struct writing *w, const struct relay_totals *relay)
{
    const struct admin_sources *from = w->from;
    struct server_stats held;

    server_totals(from->server, &held);
    family(w, METRIC_BUILD);
    metrics_text_count(&w->text, metrics[METRIC_BUILD].name, (struct metrics_label){"version", HX_VERSION},
                       no_label, 1);
    write_gauge(w, METRIC_START, (double)w->begun_wall_ms / 1000);
    write_gauge(w, METRIC_STOPPING, server_stopping(from->server));
    write_gauge(w, METRIC_NAMES, (double)held.names);
    write_gauge(w, METRIC_CONNECTIONS, (double)held.connections);
    write_gauge(w, METRIC_WAITERS, (double)held.waiters);
    write_gauge(w, METRIC_SESSIONS, (double)held.sessions);
    write_gauge(w, METRIC_MEMBERS, (double)held.members);
    write_gauge(w, METRIC_OWNED, (double)held.owned);
    write_relay_sessions(w, relay);
    write_gauge(w, METRIC_RSS, (double)stats_resident_bytes(from->stats_fd));
    write_gauge(w, METRIC_ALLOCATED, (double)memory_allocated_bytes());
}

static void write_loop(struct writing *w)
{
    const struct loop_times *times = loop_times(w->from->loop);
    double le[LOOP_TIMES_CLASSES];

    for (int i = 0; i < LOOP_TIMES_CLASSES; i++)
        le[i] = (double)loop_times_most_us(i) / 1e6;
    family(w, METRIC_LOOP);
    metrics_text_histogram(
        &w->text, metrics[METRIC_LOOP].name, no_label,
        &(struct metrics_histogram){
            .le = le, .counts = times->of, .classes = LOOP_TIMES_CLASSES, .sum = (double)times->us / 1e6});
}

/* ---- what is counted ---- */

static void take_counter(void *user, const char *name, uint64_t value)
{
    struct writing *w = user;
    const struct rule *r = rule_of(name);

    if (w->count == COUNTERS_ALL_MAX)
        return;
    w->counters[w->count].rule = r;
    w->counters[w->count].value = value;
    snprintf(w->counters[w->count++].label, sizeof w->counters->label, "%s", label_of(r, name));
}

static void write_counted(struct writing *w, enum metric m)
{
    family(w, m);
    for (int i = 0; i < w->count; i++)
        if (w->counters[i].rule->metric == m)
            metrics_text_count(&w->text, metrics[m].name,
                               (struct metrics_label){w->counters[i].rule->label, w->counters[i].label},
                               no_label, w->counters[i].value);
}

static const struct {
    const char *text;
    enum counter first, within;
} bys[COUNTER_BYS] = {[COUNTER_BY_H1] = {"h1", COUNTER_H1_DIRECT, COUNTER_H1_WITHIN_10_MS},
                      [COUNTER_BY_H2] = {"h2", COUNTER_H2_DIRECT, COUNTER_H2_WITHIN_10_MS},
                      [COUNTER_BY_MEMBER] = {"member", COUNTER_MEMBER_DIRECT, COUNTER_MEMBER_WITHIN_10_MS}};

static struct metrics_label by_label(int by)
{
    return (struct metrics_label){"by", bys[by].text};
}

static void write_outcomes(struct writing *w, const struct counters *c)
{
    family(w, METRIC_REPORTS);
    for (int by = 0; by < COUNTER_BYS; by++)
        for (int i = 0; i < ATTEMPT_OUTCOMES; i++)
            metrics_text_count(&w->text, metrics[METRIC_REPORTS].name, by_label(by),
                               (struct metrics_label){"way", attempt_outcome_text((enum attempt_outcome)i)},
                               c->of[(int)bys[by].first + i]);
}

static void write_failures(struct writing *w, const struct counters *c)
{
    family(w, METRIC_FAILURES);
    for (int by = 0; by < COUNTER_BYS; by++)
        for (int i = ATTEMPT_NO_REASON + 1; i < ATTEMPT_REASONS; i++)
            metrics_text_count(&w->text, metrics[METRIC_FAILURES].name, by_label(by),
                               (struct metrics_label){"reason", attempt_reason_text((enum attempt_reason)i)},
                               c->reports[by].reasons[i]);
}

/* The last class, "later", has no bound. */
static void write_took(struct writing *w, const struct counters *c)
{
    static const double le[] = {0.01, 0.03, 0.1, 0.3, 1, 3};

    family(w, METRIC_TOOK);
    for (int by = 0; by < COUNTER_BYS; by++)
        metrics_text_histogram(&w->text, metrics[METRIC_TOOK].name, by_label(by),
                               &(struct metrics_histogram){.le = le,
                                                           .counts = &c->of[bys[by].within],
                                                           .classes = sizeof le / sizeof *le + 1,
                                                           .sum = (double)c->reports[by].took_ms / 1000});
}

static void write_nats(struct writing *w, const struct counters *c)
{
    family(w, METRIC_NATS);
    for (int i = 0; i < NAT_MAPPING_KINDS; i++) {
        const char *kind = nat_mapping_kind_text((enum nat_mapping_kind)i);

        metrics_text_count(&w->text, metrics[METRIC_NATS].name,
                           (struct metrics_label){"mapping", kind ? kind : "unknown"}, no_label, c->nats[i]);
    }
}

int metrics_write(const struct admin_sources *from, int64_t begun_wall_ms, struct buf *out)
{
    struct writing w = {.from = from, .begun_wall_ms = begun_wall_ms, .text = metrics_text_begin(out)};
    const struct counters *c = server_counters(from->server);
    struct relay_totals relay = {.open = 0};

    if (from->counters.relay)
        relay_totals(from->counters.relay, &relay);
    stats_each_counter(&from->counters, take_counter, &w);
    write_held(&w, &relay);
    write_loop(&w);
    for (int m = METRIC_LOOP + 1; m < METRICS; m++) {
        if (m == METRIC_REPORTS)
            write_outcomes(&w, c);
        else if (m == METRIC_FAILURES)
            write_failures(&w, c);
        else if (m == METRIC_TOOK)
            write_took(&w, c);
        else if (m == METRIC_NATS)
            write_nats(&w, c);
        else if (m == METRIC_RELAY_BYTES)
            write_gauge(&w, METRIC_RELAY_BYTES, (double)relay.bytes);
        else
            write_counted(&w, (enum metric)m);
    }
    return w.text.err;
}
