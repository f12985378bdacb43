/* server/relay_table.h: the sessions that the nameserver may relay: who their parties are, where each is, and
 * what it may still send. No socket, no clock; its own lock guards it, for UDT's receiving threads and the
 * loop.
 *
 *             relay_table_add()                     an OPEN with a right code, from a proven address
 *   (none) ─────────────────────► known ─────────────────────────────────────────────────────────────► open
 *      ▲                            │ RELAY_OPEN_MS without one                                          │
 *      └────────────────────────────┴──────────── no party's for RELAY_PARTY_MS; its time is over ◄──────┘
 *
 * An address is proven that UDT's handshake has come from, or that sends back a cookie which was sent to it:
 * so nobody is sent anything that has not asked for it from there, within RELAY_PARTY_MS, whoever copies or
 * forges frames. */
#ifndef HX_SERVER_RELAY_TABLE_H
#define HX_SERVER_RELAY_TABLE_H

#include "proto/relay_frame.h"
#include "proto/session.h"
#include "shim/net/pktinfo.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_OPEN_MS      30000 /* two who were introduced may ask for the relay for so long */
#define RELAY_PARTY_MS     30000 /* a party that has not opened for so long is not there any more */
#define RELAY_SESSIONS_MAX 65536
#define RELAY_KNOWN_MAX    16384 /* that nobody has opened yet; the oldest gives way */
#define RELAY_KNOWN_HOST   1024  /* of one host; it is offered no more */

#define RELAY_COUNTER_MAP(X)                                                                    \
    X(FORWARDED, "relay_forwarded") /* datagrams */                                             \
    X(OPENED, "relay_opened")       /* OPENs that were answered so */                           \
    X(CHALLENGED, "relay_challenged")                                                           \
    X(REFUSED_TIME, "relay_refused_time")                                                       \
    X(REFUSED_ADDRESS, "relay_refused_address")                                                 \
    X(OVER_RATE, "relay_over_rate")   /* datagrams dropped: --relay-rate */                     \
    X(OVER_TOTAL, "relay_over_total") /* --relay-total */                                       \
    X(NO_SESSION, "relay_no_session") /* frames of no session that is known */                  \
    X(NO_PARTY, "relay_no_party")     /* datagrams from elsewhere than their party's address */ \
    X(NOT_THERE, "relay_not_there")   /* datagrams to a party that has not opened */            \
    X(BAD_CODE, "relay_bad_code")     /* OPENs with a wrong code */                             \
    X(OVER_CODES, "relay_over_codes") /* OPENs beyond what is looked at */                      \
    X(REPEATED, "relay_repeated")     /* OPENs that have come before, or later ones have */     \
    X(MALFORMED, "relay_malformed")   /* no frame that a party sends */                         \
    X(UNSENT, "relay_unsent")         /* the kernel did not take it */

enum relay_counter {
#define RELAY_COUNTER_ENUM(name, text) RELAY_COUNT_##name,
    RELAY_COUNTER_MAP(RELAY_COUNTER_ENUM)
#undef RELAY_COUNTER_ENUM
        RELAY_COUNTERS
};

struct relay_limits {    /* 0: there is none */
    int64_t rate;        /* bytes a second of a session, both ways together */
    int64_t total;       /* of all */
    int64_t time_ms;     /* of a session, from its first OPEN */
    int64_t per_address; /* sessions of an IPv4 address or IPv6 /64 */
};

struct net_port;

/* Where a party is, and by what its datagrams leave. */
struct relay_place {
    struct net_port *port;
    struct net_route route;
};

struct relay_totals {
    size_t known, open;
    uint64_t bytes; /* forwarded */
};

struct relay_table;

/* HX_OK, HX_ENOMEM, HX_ESYS. */
int relay_table_create(struct relay_table **out, const struct relay_limits *limits);
/* Others from now on; who is there already stays. */
void relay_table_set_limits(struct relay_table *t, const struct relay_limits *limits);
void relay_table_destroy(struct relay_table *t); /* NULL is fine */

/* Two were introduced, and have this session. `at`: by enum relay_half, where UDT's handshake has come from;
 * `asker`: who has asked for it, and whose host it counts for until it is opened. HX_OK; HX_ELIMIT;
 * HX_ENOMEM. */
int relay_table_add(struct relay_table *t, const struct session *s, const struct net_address at[RELAY_HALVES],
                    enum relay_half asker, int64_t now_ms);

/* A frame that is no DATA, as it came: its code is looked at. True: `answer` is to be sent to where it came
 * from. */
bool relay_table_control(struct relay_table *t, const struct relay_frame *f,
                         const uint8_t bytes[RELAY_CONTROL_BYTES], const struct relay_place *from,
                         int64_t now_ms, uint8_t answer[RELAY_CONTROL_BYTES]);
/* `count` datagrams of `bytes` bytes together with this head. True: they are to leave for *to as they are. */
bool relay_table_data(struct relay_table *t, const struct relay_frame *f, const struct relay_place *from,
                      int count, size_t bytes, int64_t now_ms, struct relay_place *to);
void relay_table_count(struct relay_table *t, enum relay_counter which, uint64_t times);

/* Ends what nobody uses any more, a bounded number of them: once a second. */
void relay_table_sweep(struct relay_table *t, int64_t now_ms);
void relay_table_totals(struct relay_table *t, struct relay_totals *out);
void relay_table_counters(struct relay_table *t, uint64_t out[RELAY_COUNTERS]);

struct relay_shown { /* a session, for who looks */
    uint8_t id[RELAY_ID_BYTES];
    bool open; /* else it is known, and nobody has opened it yet */
    int64_t age_ms;
    uint64_t bytes; /* forwarded */
    struct net_address at[RELAY_HALVES];
    bool there[RELAY_HALVES]; /* asks for it */
};
/* `most` of them, or fewer, from *at on, which then says where it goes on (base/table_scan.h). */
int relay_table_look(struct relay_table *t, uint64_t *at, struct relay_shown *out, int most, int64_t now_ms);
const char *relay_counter_name(enum relay_counter which);

#endif
