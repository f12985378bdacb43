/* shim/udt/drops.h: how many datagrams came and did not reach UDT, by reason, and whose the filter refused.
 * The filter's verdicts are reasons, and those of DROP_MAP. */
#ifndef HX_SHIM_UDT_DROPS_H
#define HX_SHIM_UDT_DROPS_H

#include "shim/net/net_address.h"
#include "shim/udt/filter.h"

#define DROP_MAP(X)                                                                                          \
    X(UNMATCHED, "unmatched")     /* for an id that is none, or not from its peer (S15) */                   \
    X(BAD_COOKIE, "bad_cookie")   /* a conclusion without our cookie */                                      \
    X(OVER_RATE, "over_rate")     /* a handshake above the rate of its source */                             \
    X(CROWDED, "crowded")         /* a handshake, while more comes than is read */                           \
    X(LIGHT_ACK, "light_ack")     /* UDT's ACK of 4 bytes: a full one follows within 10 ms */                \
    X(UNPROVEN, "unproven")       /* a shutdown or an end of a direction without proof: the peer is asked */ \
    X(UNSENT, "unsent")           /* it speaks of packets that were never sent (S9) */                       \
    X(EARLY, "early")             /* early data that is malformed or not wanted */                           \
    X(BAD_TICKET, "bad_ticket")   /* an early packet whose ticket is none, not any more, or another's */     \
    X(BAD_RECEIPT, "bad_receipt") /* a receipt that is malformed, or of packets that were never sent */      \
    X(STATE, "state")             /* nothing that its connection takes now: late, too early, or forged */    \
    X(BAD_REQUEST, "bad_request") /* an answer that does not repeat our request */

enum drop {
    DROP_BEFORE_FIRST = FILTER_VERDICTS - 1, /* the filter's verdicts stand before */
#define DROP_ENUM(name, text) DROP_##name,
    DROP_MAP(DROP_ENUM)
#undef DROP_ENUM
        DROPS
};

#define DROP_SOURCES   64    /* whose drops are remembered at a time */
#define DROP_REPORT_MS 60000 /* a source is reported once in this time */

struct drops {
    uint64_t count[DROPS]; /* [FILTER_PASS]: those that were given to UDT */
    struct drop_source {
        struct net_address from; /* as it came last; a source is its IP address */
        int64_t noted_ms;
        enum drop why;
        bool used, pending; /* it is not reported yet */
    } sources[DROP_SOURCES];
};

const char *drop_name(enum drop why);
/* The filter has refused this of somebody whom that may puzzle. Where all places are taken by others of the
 * last minute it is counted, and not noted. */
void drops_note(struct drops *d, const struct net_address *from, enum drop why, int64_t now_ms);
/* One that was noted and not told yet, or false. */
bool drops_next(struct drops *d, struct net_address *from, enum drop *why);

#endif
