#include "server/admin/status.h"
#include "base/clock.h"
#include "proto/nat_mapping.h"
#include "server/counters.h"
#include "server/loop.h"
#include "server/relay.h"
#include "server/relay_table.h"
#include "server/server.h"
#include <string.h>

static const char *const rate_names[STATUS_RATES] = {"binds", "introductions", "refused"};

static uint64_t sum(const struct counters *c, enum counter first, enum counter last)
{
    uint64_t all = 0;

    for (int i = (int)first; i <= (int)last; i++)
        all += c->of[i];
    return all;
}

/* The refusals stand behind each other in the list of counters, whatever they are. */
static uint64_t refused(const struct counters *c)
{
    uint64_t all = c->of[COUNTER_TURNED_AWAY];

    for (int i = 0; i < COUNTERS; i++)
        if (strncmp(counter_name((enum counter)i), "refused_", strlen("refused_")) == 0)
            all += c->of[i];
    return all;
}

static void count(const struct counters *c, uint64_t out[STATUS_RATES])
{
    out[STATUS_BINDS] = sum(c, COUNTER_BOUND, COUNTER_REPLACED_SILENT);
    out[STATUS_INTRODUCTIONS] = c->of[COUNTER_CONNECTED];
    out[STATUS_REFUSED] = refused(c);
}

void status_look(struct status *s, const struct admin_sources *from, int64_t now_ms)
{
    uint64_t now[STATUS_RATES];

    count(server_counters(from->server), now);
    if (s->begun_ms == 0) {
        s->begun_ms = s->looked_ms = now_ms;
        s->begun_wall_ms = clock_wall_ms();
        memcpy(s->last, now, sizeof now);
    }
    s->memory_bytes = stats_resident_bytes(from->stats_fd);
    /* A loop that was late has had several seconds at once: they are told as even. */
    for (int64_t seconds = (now_ms - s->looked_ms) / 1000; seconds > 0; seconds--) {
        for (int i = 0; i < STATUS_RATES; i++) {
            uint64_t share = (now[i] - s->last[i]) / (uint64_t)seconds;

            s->per_second[i][s->at] = share > UINT32_MAX ? UINT32_MAX : (uint32_t)share;
            s->last[i] += share;
        }
        s->at = (s->at + 1) % STATUS_SECONDS;
        s->looked_ms += 1000;
        if (s->at % STATUS_LOOP_S == 0) {
            s->loop[1] = s->loop[0];
            s->loop[0] = *loop_times(from->loop);
        }
    }
}

static void write_rates(const struct status *s, struct json *j)
{
    json_object(j, "rates");
    for (int i = 0; i < STATUS_RATES; i++) {
        json_array(j, rate_names[i]);
        for (int k = 0; k < STATUS_SECONDS; k++)
            json_number(j, NULL, s->per_second[i][(s->at + k) % STATUS_SECONDS]);
        json_end_array(j);
    }
    json_end_object(j);
}

/* Who asked tells of an attempt, and of one between members both do. */
static void write_outcomes(const struct counters *c, struct json *j)
{
    json_object(j, "outcomes");
    json_number(j, "direct",
                (int64_t)(sum(c, COUNTER_H2_DIRECT, COUNTER_H2_BIRTHDAY) +
                          sum(c, COUNTER_MEMBER_DIRECT, COUNTER_MEMBER_BIRTHDAY)));
    json_number(j, "relayed", (int64_t)(c->of[COUNTER_H2_RELAYED] + c->of[COUNTER_MEMBER_RELAYED]));
    json_number(j, "other", (int64_t)(c->of[COUNTER_H2_OTHER] + c->of[COUNTER_MEMBER_OTHER]));
    json_number(j, "failed", (int64_t)(c->of[COUNTER_H2_FAILED] + c->of[COUNTER_MEMBER_FAILED]));
    json_end_object(j);
}

static void write_nats(const struct counters *c, struct json *j)
{
    json_object(j, "nats");
    for (int i = 0; i < NAT_MAPPING_KINDS; i++) {
        const char *kind = nat_mapping_kind_text((enum nat_mapping_kind)i);

        json_number(j, kind ? kind : "unknown", (int64_t)c->nats[i]);
    }
    json_end_object(j);
}

static void write_loop(const struct status *s, const struct admin_sources *from, struct json *j)
{
    const struct loop_times *now = loop_times(from->loop);

    json_object(j, "loop_ms");
    json_real(j, "p50", loop_times_quantile_ms(&s->loop[1], now, 0.5));
    json_real(j, "p99", loop_times_quantile_ms(&s->loop[1], now, 0.99));
    json_end_object(j);
}

void status_write(const struct status *s, const struct admin_sources *from, struct json *j, int64_t now_ms)
{
    const struct counters *c = server_counters(from->server);
    struct relay_totals relay = {.open = 0};
    struct server_stats held;

    server_totals(from->server, &held);
    if (from->counters.relay)
        relay_totals(from->counters.relay, &relay);
    json_object(j, NULL);
    json_text(j, "version", HX_VERSION);
    json_bool(j, "stopping", server_stopping(from->server));
    json_number(j, "uptime_s", (now_ms - s->begun_ms) / 1000);
    json_number(j, "names", (int64_t)held.names);
    json_number(j, "owned", (int64_t)held.owned);
    json_number(j, "connections", (int64_t)held.connections);
    json_number(j, "waiters", (int64_t)held.waiters);
    json_number(j, "sessions", (int64_t)held.sessions);
    json_number(j, "members", (int64_t)held.members);
    json_number(j, "relay_sessions", (int64_t)relay.open);
    json_number(j, "relay_bytes", (int64_t)relay.bytes);
    write_rates(s, j);
    write_outcomes(c, j);
    write_nats(c, j);
    json_number(j, "memory_bytes", s->memory_bytes);
    write_loop(s, from, j);
    json_end_object(j);
}
