/* proto/attempt_report.h: what came of an attempt to reach a peer, as each of the two tells the nameserver
 * afterwards. No I/O, no allocation.
 *
 * It is a request that follows /bind or /connect on its connection, while that one's answer streams; it has
 * no answer of its own:
 *
 *     GET /report?outcome=direct&session=00112233&ms=12&tries=1&probes=9&mapping=endpoint-independent&... HTTP/1.1
 *
 * Nothing in it is new to the nameserver but how it went. */
#ifndef HX_PROTO_ATTEMPT_REPORT_H
#define HX_PROTO_ATTEMPT_REPORT_H

#include "proto/nat_mapping.h"
#include <stddef.h>
#include <stdint.h>

#define ATTEMPT_REPORT_MAX   512 /* bytes of the whole request; our own are shorter */
#define ATTEMPT_REPORT_WHERE "/report"
#define ATTEMPT_SESSION_MAX  9       /* with the NUL */
#define ATTEMPT_NUMBER_MAX   9999999 /* of what is counted; more is told as this */

/* Which kind of path the connection has begun with; or none. What follows X is X's third argument and
 * more. */
#define ATTEMPT_OUTCOME_MAP(X, ...)                                  \
    X(DIRECT, "direct", ##__VA_ARGS__)                               \
    X(LAN, "lan", ##__VA_ARGS__)                                     \
    X(IPV6, "ipv6", ##__VA_ARGS__)                                   \
    X(MAPPED, "mapped", ##__VA_ARGS__)                               \
    X(PREDICTED, "predicted", ##__VA_ARGS__)                         \
    X(BIRTHDAY, "birthday", ##__VA_ARGS__)                           \
    X(RELAYED, "relayed", ##__VA_ARGS__)                             \
    X(OTHER, "other", ##__VA_ARGS__) /* a word of a later version */ \
    X(FAILED, "failed", ##__VA_ARGS__)

enum attempt_outcome {
#define ATTEMPT_ENUM(name, text) ATTEMPT_##name,
    ATTEMPT_OUTCOME_MAP(ATTEMPT_ENUM)
#undef ATTEMPT_ENUM
        ATTEMPT_OUTCOMES
};

enum attempt_reason { /* of FAILED */
                      ATTEMPT_NO_REASON,
                      ATTEMPT_SILENCE, /* nothing has come from the peer */
                      ATTEMPT_HOPELESS, /* likewise, and two behind such NATs, or behind one such NAT, do not meet */
                      ATTEMPT_HANDSHAKE, /* datagrams came, but the handshake was not finished */
                      ATTEMPT_REFUSED,   /* datagrams came, of a kind that is not taken */
                      ATTEMPT_GIVEN_UP,  /* nothing has come, and whoever waited has no more time */
                      ATTEMPT_CROWDED,   /* it gave way to others */
                      ATTEMPT_REASONS
};

struct attempt_report { /* zeroed but for the outcome: nothing more is told */
    enum attempt_outcome outcome;
    enum attempt_reason reason;
    char session
        [ATTEMPT_SESSION_MAX];    /* the first eight hex digits of its ID, for who looks for both halves */
    int64_t ms;                   /* since the peer's address came */
    int64_t tries;                /* how often the nameserver has introduced the two in this session */
    int64_t probes;               /* datagrams that asked for a path */
    struct nat_mapping own, peer; /* kind and ports alone are told */
};

const char *attempt_outcome_text(enum attempt_outcome outcome);
/* OTHER for what is none of ours. */
enum attempt_outcome attempt_outcome_of(const char *text);
const char *attempt_reason_text(enum attempt_reason reason); /* "" for none */

/* Writes the request, NUL-terminated, and returns its length. */
size_t attempt_report_write(const struct attempt_report *r, char text[ATTEMPT_REPORT_MAX]);
/* text[0..len) must be the whole request: its line and the empty one. HX_OK; HX_EPROTO: it is none, or has no
 * outcome, a parameter that we know twice, or a value that is none; *out is then untouched. Parameters that
 * we do not know are ignored, words that we do not know are taken for unknown. */
int attempt_report_parse(struct attempt_report *out, const char *text, size_t len);

#endif
