/* server/counters.h: how often what has happened since the start. The enum and the names are made from this
 * one list; every event that is logged or refused is counted here, also where its line is not written. */
#ifndef HX_SERVER_COUNTERS_H
#define HX_SERVER_COUNTERS_H

#include "proto/attempt_report.h"
#include <stdint.h>

/* Of reports (proto/attempt_report.h): outcomes in their order, then how long those took that did not
 * fail. */
#define COUNTER_OUTCOME(name, text, X, BY, by) X(BY##_##name, by "_" text)
#define COUNTER_REPORT_MAP(X, BY, by)               \
    ATTEMPT_OUTCOME_MAP(COUNTER_OUTCOME, X, BY, by) \
    X(BY##_WITHIN_10_MS, by "_within_10_ms")        \
    X(BY##_WITHIN_30_MS, by "_within_30_ms")        \
    X(BY##_WITHIN_100_MS, by "_within_100_ms")      \
    X(BY##_WITHIN_300_MS, by "_within_300_ms")      \
    X(BY##_WITHIN_1_S, by "_within_1_s")            \
    X(BY##_WITHIN_3_S, by "_within_3_s")            \
    X(BY##_LATER, by "_later")

/* Where who asks must prove who it is (server/auth.h). */
#define COUNTER_AUTH_MAP(X)                                                                 \
    X(AUTHORIZED, "authorized")                     /* proofs of keys that were accepted */ \
    X(CLAIMED, "claimed")                           /* names that nobody owned */           \
    X(REPLACED_OWNER, "replaced_owner")             /* holders, by the name's owner */      \
    X(REFUSED_UNAUTHORIZED, "refused_unauthorized") /* no key was named: 401 */             \
    X(REFUSED_STALE, "refused_stale")               /* nor proven by what was sent: 401 */  \
    X(REFUSED_FORBIDDEN, "refused_forbidden")       /* not with that key, or nobody: 403 */ \
    X(REFUSED_DEVICE_KEY, "refused_device_key")     /* a shared key owns no name */         \
    X(REFUSED_HOST, "refused_host")                 /* a proof for none of --auth-host */   \
    X(REFUSED_CLAIMS, "refused_claims")             /* above --claims-per-source */         \
    X(REFUSED_MAX_OWNED, "refused_max_owned")                                               \
    X(REFUSED_NO_CLAIM, "refused_no_claim") /* it could not be made durable */              \
    X(LEFT_REVOKED, "left_revoked")         /* may not any more, by new rules */

#define COUNTER_MAP(X)                                                                          \
    X(ACCEPTED, "accepted")                 /* connections */                                   \
    X(TURNED_AWAY, "turned_away")           /* connections closed without an answer */          \
    X(BOUND, "bound")                       /* a name by its first connection */                \
    X(JOINED, "joined")                     /* a further connection of the same session */      \
    X(REPLACED_ADDRESS, "replaced_address") /* holders, by one from the same address */         \
    X(REPLACED_SESSION, "replaced_session") /* connections, by one of their session */          \
    X(REPLACED_SILENT, "replaced_silent")   /* holders that did not answer */                   \
    X(CHALLENGED, "challenged")             /* binds of a name that is held */                  \
    X(PROBES, "probes")                     /* challenges written, repetitions too */           \
    X(TRANSCRIPTS, "transcripts")           /* begun */                                         \
    X(TRANSCRIPTS_CUT, "transcripts_cut")   /* of which something was left out */               \
    X(CONNECTED, "connected")               /* introductions, also repeated ones */             \
    X(LOOKED_UP, "looked_up")               /* the same, of which the holder hears nothing */   \
    X(POSTPONED, "postponed")               /* introductions that must wait for their rate */   \
    X(WAITED, "waited")                     /* connects that have waited for a name */          \
    COUNTER_REPORT_MAP(X, H1, "h1")         /* attempts that holders tell of */                 \
    COUNTER_REPORT_MAP(X, H2, "h2")         /* the same attempts, or some, by who asked */      \
    COUNTER_REPORT_MAP(X, MEMBER, "member") /* those of pairs in sessions, by both */           \
    X(MEMBER_JOINED, "member_joined")       /* a session, for the first time */                 \
    X(MEMBER_MOVED, "member_moved")         /* with its Join-Session, in place of itself */     \
    X(MEMBER_REPLACED, "member_replaced")   /* by one of its address, or since it was silent */ \
    X(MEMBER_TOLD, "member_told")           /* parts about members, to members */               \
    COUNTER_AUTH_MAP(X)                                                                         \
    X(REFUSED_UNKNOWN, "refused_unknown")                                                       \
    X(REFUSED_HELD, "refused_held")                                                             \
    X(REFUSED_ONLY_IPV4, "refused_only_ipv4")                                                   \
    X(REFUSED_ONLY_IPV6, "refused_only_ipv6")                                                   \
    X(REFUSED_ONLY_TCP, "refused_only_tcp")                                                     \
    X(REFUSED_ONLY_TUNNEL, "refused_only_tunnel")                                               \
    X(REFUSED_OFTEN_SOURCE, "refused_often_source")                                             \
    X(REFUSED_OFTEN_NAME, "refused_often_name")                                                 \
    X(REFUSED_MEMBER_HELD, "refused_member_held")                                               \
    X(REFUSED_SESSION_FULL, "refused_session_full")                                             \
    X(REFUSED_EXPECT, "refused_expect") /* more than --max-members */                           \
    X(REFUSED_JOINS_SOURCE, "refused_joins_source")                                             \
    X(REFUSED_JOINS_SESSION, "refused_joins_session")                                           \
    X(REFUSED_LATE, "refused_late")                                                             \
    X(REFUSED_CUT, "refused_cut")                                                               \
    X(REFUSED_MALFORMED, "refused_malformed") /* by the parser, with any status */              \
    X(REFUSED_PEER_LIMIT, "refused_peer_limit")                                                 \
    X(REFUSED_PEER_OFTEN, "refused_peer_often") /* over TCP; over UDP nothing is answered */    \
    X(REFUSED_PEER_RATE, "refused_peer_rate")                                                   \
    X(REFUSED_TOTAL_LIMIT, "refused_total_limit")                                               \
    X(REFUSED_NO_MEMORY, "refused_no_memory")                                                   \
    X(REFUSED_NO_ANSWER, "refused_no_answer")                                                   \
    X(REFUSED_DRAINING, "refused_draining")                                                     \
    X(REFUSED_STOPPING, "refused_stopping")                                                     \
    X(REFUSED_TARGET, "refused_target")           /* tunnels to elsewhere */                    \
    X(REFUSED_NO_TUNNEL, "refused_no_tunnel")     /* over UDT */                                \
    X(TUNNELS, "tunnels")                         /* TCP connections that became one */         \
    X(TUNNEL_TAKEN, "tunnel_taken")               /* datagrams from there */                    \
    X(TUNNEL_GIVEN, "tunnel_given")               /* and to there */                            \
    X(TUNNEL_LOST, "tunnel_lost")                 /* where a queue was full */                  \
    X(LEFT_NO_CAPSULES, "left_no_capsules")       /* tunnels: something else came */            \
    X(LEFT_CLOSED, "left_closed")                 /* connections: closed by the peer */         \
    X(LEFT_CUT, "left_cut")                       /* closed by the peer within a request */     \
    X(LEFT_SILENT, "left_silent")                 /* nothing heard for --idle-timeout */        \
    X(LEFT_SLOW, "left_slow")                     /* does not read, or its queue is full */     \
    X(LEFT_TALKATIVE, "left_talkative")           /* sends too much while its answer streams */ \
    X(LEFT_REPLACED, "left_replaced")             /* did not answer the challenge */            \
    X(LEFT_KICKED, "left_kicked")                 /* by the operator */                         \
    X(LEFT_UNACKNOWLEDGED, "left_unacknowledged") /* its last answer */                         \
    X(LEFT_ANSWERED, "left_answered")             /* in order */                                \
    X(LEFT_FAILED, "left_failed")                 /* an error of ours */

enum counter {
#define COUNTER_ENUM(name, text) COUNTER_##name,
    COUNTER_MAP(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTERS
};

enum counter_by { COUNTER_BY_H1, COUNTER_BY_H2, COUNTER_BY_MEMBER, COUNTER_BYS }; /* who has told */

struct counters { /* zeroed at the start */
    uint64_t of[COUNTERS];
    struct {
        uint64_t took_ms; /* all that did not fail together */
        uint64_t reasons[ATTEMPT_REASONS];
    } reports[COUNTER_BYS];
    uint64_t nats[NAT_MAPPING_KINDS]; /* how those who have told are mapped */
};

static inline void counters_add(struct counters *c, enum counter which)
{
    c->of[which]++;
}
/* As the log shows it. */
const char *counter_name(enum counter which);

/* Each module that counts tells its counters so, by the names that the log has. */
typedef void counter_visit(void *user, const char *name, uint64_t value);
void counters_each(const struct counters *c, counter_visit *visit, void *user);

#endif
