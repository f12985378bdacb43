#include "server/relay.h"
#include "base/clock.h"
#include "base/error.h"
#include "server/config.h"
#include "server/log.h"
#include "server/relay_table.h"
#include "shim/net/net_port.h"
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 8 /* of a datagram as UDT reads it */

struct relay_at { /* the context of a port's handler */
    struct relay *relay;
    struct net_port *port;
};

struct relay {
    struct relay_table *table;
    struct relay_offer offer;
    struct relay_at ports[CONFIG_LISTEN_MAX];
    size_t port_count;
    int64_t told_ms;
    uint64_t told[RELAY_COUNTERS];
};

static struct relay_offer offer_of(const struct server_config *config)
{
    return (struct relay_offer){.offered = true,
                                .rate = (uint64_t)config->relay_rate,
                                .time_s = (uint64_t)config->relay_time_ms / 1000};
}

static struct relay_limits limits_of(const struct server_config *config)
{
    return (struct relay_limits){.rate = config->relay_rate,
                                 .total = config->relay_total,
                                 .time_ms = config->relay_time_ms,
                                 .per_address = config->relay_per_address};
}

void relay_reconfigure(struct relay *r, const struct server_config *config)
{
    const struct relay_limits limits = limits_of(config);

    r->offer = offer_of(config);
    relay_table_set_limits(r->table, &limits);
}

int relay_create(struct relay **out, const struct server_config *config)
{
    struct relay *r = calloc(1, sizeof *r);

    if (!r)
        return HX_ENOMEM;
    const struct relay_limits limits = limits_of(config);
    r->offer = offer_of(config);
    int err = relay_table_create(&r->table, &limits);
    if (err < 0)
        free(r);
    else
        *out = r;
    return err;
}

void relay_destroy(struct relay *r)
{
    if (!r)
        return;
    relay_table_destroy(r->table);
    free(r);
}

/* ---- UDT's receiving threads ---- */

/* The datagram's own bytes: what it was read into may have room for more. False: it lies in too many
 * places. */
static bool trim(const struct net_datagram *d, struct iovec out[PARTS_MAX], int *count)
{
    size_t left = d->len;

    for (*count = 0; left > 0; ++*count) {
        if (*count == PARTS_MAX || *count == d->part_count)
            return false;
        out[*count] = d->parts[*count];
        if (out[*count].iov_len > left)
            out[*count].iov_len = left;
        left -= out[*count].iov_len;
    }
    return true;
}

static void forward(struct relay *r, const struct relay_frame *f, const struct relay_place *from,
                    const struct net_datagram *d)
{
    struct iovec parts[PARTS_MAX];
    struct relay_place to;
    int count;

    if (!relay_table_data(r->table, f, from, 1, d->len, clock_now_ms(), &to))
        return;
    if (!trim(d, parts, &count) || net_port_send(to.port, &to.route, parts, count, MSG_DONTWAIT) < 0)
        relay_table_count(r->table, RELAY_COUNT_UNSENT, 1);
}

static void forward_run(struct relay *r, const struct relay_frame *f, const struct relay_place *from,
                        const struct net_datagram *d)
{
    int count = (int)((d->len + d->each - 1) / d->each);
    struct relay_place to;

    if (!relay_table_data(r->table, f, from, count, d->len, clock_now_ms(), &to))
        return;
    int sent = net_port_send_run(to.port, &to.route, d->parts, d->each);
    if (sent < count)
        relay_table_count(r->table, RELAY_COUNT_UNSENT, (uint64_t)(count - sent));
}

static bool relay_take(void *context, struct net_datagram *d)
{
    struct relay_at *at = context;
    struct relay *r = at->relay;
    /* The parties find out what their way carries: what is too long for it is lost, and not cut. */
    const struct relay_place from = {.port = at->port,
                                     .route = {.to = d->from, .local = d->local, .whole = true}};
    uint8_t bytes[RELAY_CONTROL_BYTES], answer[RELAY_CONTROL_BYTES];
    struct iovec part = {answer, sizeof answer};
    struct relay_frame f;

    (void)demux_gather(d, bytes, sizeof bytes);
    if (d->cut || relay_frame_read(&f, bytes, d->each > 0 ? d->each : d->len) < 0)
        relay_table_count(r->table, RELAY_COUNT_MALFORMED, 1);
    else if (f.kind == RELAY_DATA && d->each > 0)
        forward_run(r, &f, &from, d);
    else if (f.kind == RELAY_DATA)
        forward(r, &f, &from, d);
    else if (relay_table_control(r->table, &f, bytes, &from, clock_now_ms(), answer) &&
             net_port_send(at->port, &from.route, &part, 1, MSG_DONTWAIT) < 0)
        relay_table_count(r->table, RELAY_COUNT_UNSENT, 1);
    return false;
}

/* ---- the loop ---- */

void relay_serve(struct relay *r, struct net_port *port)
{
    struct relay_at *at = &r->ports[r->port_count++];

    *at = (struct relay_at){.relay = r, .port = port};
    net_port_set_handler(port, NET_USER_RELAY, relay_take, at);
}

void relay_end(struct relay *r)
{
    for (size_t i = 0; r && i < r->port_count; i++)
        net_port_set_handler(r->ports[i].port, NET_USER_RELAY, NULL, NULL);
}

static void address_of(struct net_address *out, const struct endpoint *e)
{
    struct sockaddr_in6 sa;

    endpoint_to_sockaddr6(e, &sa);
    net_address_from(out, (struct sockaddr *)&sa);
}

void relay_offer(struct relay *r, struct session *s, const struct endpoint *caller,
                 const struct endpoint *called, enum relay_half asker, int64_t now_ms)
{
    struct net_address at[RELAY_HALVES];

    address_of(&at[RELAY_CALLER], caller);
    address_of(&at[RELAY_CALLED], called);
    if (relay_table_add(r->table, s, at, asker, now_ms) == HX_OK)
        s->relay = r->offer;
}

void relay_look(struct relay *r, int64_t now_ms)
{
    static const struct {
        enum relay_counter counter;
        const char *limit;
    } limits[] = {{RELAY_COUNT_OVER_RATE, "relay-rate"},
                  {RELAY_COUNT_OVER_TOTAL, "relay-total"},
                  {RELAY_COUNT_REFUSED_TIME, "relay-time"},
                  {RELAY_COUNT_REFUSED_ADDRESS, "relay-per-address"}};
    uint64_t now[RELAY_COUNTERS];

    relay_table_sweep(r->table, now_ms);
    if (now_ms - r->told_ms < RELAY_TOLD_MS)
        return;
    r->told_ms = now_ms;
    relay_table_counters(r->table, now);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        enum relay_counter c = limits[i].counter;

        if (now[c] > r->told[c])
            log_event(LOG_WARN, "relay_limit", "limit", limits[i].limit, "times",
                      LOG_NUM((int64_t)(now[c] - r->told[c])));
    }
    memcpy(r->told, now, sizeof now);
}

void relay_totals(struct relay *r, struct relay_totals *out)
{
    relay_table_totals(r->table, out);
}

int relay_look_at(struct relay *r, uint64_t *at, struct relay_shown *out, int most, int64_t now_ms)
{
    return relay_table_look(r->table, at, out, most, now_ms);
}

void relay_each_counter(struct relay *r, counter_visit *visit, void *user)
{
    uint64_t counters[RELAY_COUNTERS];

    relay_table_counters(r->table, counters);
    for (int i = 0; i < RELAY_COUNTERS; i++)
        visit(user, relay_counter_name((enum relay_counter)i), counters[i]);
}

void relay_log_numbers(struct relay *r)
{
    struct relay_totals totals;

    relay_totals(r, &totals);
    log_always(LOG_INFO, "relay", "open", LOG_NUM((int64_t)totals.open), "known",
               LOG_NUM((int64_t)totals.known), "bytes", LOG_NUM((int64_t)totals.bytes));
}
