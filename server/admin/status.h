/* server/admin/status.h: the nameserver in one look: /api/status, and the event `status` of /events. */
#ifndef HX_SERVER_ADMIN_STATUS_H
#define HX_SERVER_ADMIN_STATUS_H

#include "server/admin/json.h"
#include "server/loop_times.h"
#include "server/stats.h"

#define STATUS_SECONDS 120 /* that rates are told of */
#define STATUS_LOOP_S  10  /* quantiles are those of the last 10 to 20 seconds */

struct loop;

/* What the admin listener looks at; all of it is the caller's. */
struct admin_sources {
    struct stats_sources counters;
    struct server *server;
    const struct loop *loop;
    int stats_fd; /* from stats_open() */
};

enum status_rate { STATUS_BINDS, STATUS_INTRODUCTIONS, STATUS_REFUSED, STATUS_RATES };

struct status {
    int64_t begun_ms, begun_wall_ms, looked_ms; /* 0: not yet */
    uint64_t last[STATUS_RATES];
    uint32_t per_second[STATUS_RATES][STATUS_SECONDS];
    int at;                    /* where the next second is written: the oldest one stands there */
    struct loop_times loop[2]; /* as they were STATUS_LOOP_S ago, and before */
    int64_t memory_bytes;
};

/* Once a second, the first time when it begins to serve. */
void status_look(struct status *s, const struct admin_sources *from, int64_t now_ms);
void status_write(const struct status *s, const struct admin_sources *from, struct json *j, int64_t now_ms);

#endif
