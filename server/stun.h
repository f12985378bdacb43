/* server/stun.h: answers STUN's Binding requests (RFC 8489; RFC 5780, and RFC 3489's form) at every UDP port
 * of the nameserver, before UDT sees them, and at ports of its own: a second one, and those of a second
 * address.
 *
 *   UDT's receiving threads ─► stun_take ─┐
 *                                         ├─► places: by which socket? ─► net_port_send()
 *   the loop ─► stun_ready ─► net_port ───┘
 *
 * Both may ask at the same time, so that one lock holds all of it; what is done under it takes microseconds.
 * Who sends what is no request, or a malformed one, or too many, gets no answer; all of it is counted. An
 * answer is never longer than 1.5 times its question (proto/stun.h). It goes to whoever has asked, and to no
 * other port or address: RESPONSE-PORT and PADDING (RFC 5780) are answered as unknown. */
#ifndef HX_SERVER_STUN_H
#define HX_SERVER_STUN_H

#include "server/counters.h"
#include "shim/net/demux.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_port;
struct server_config;
struct stun;
struct stun_place;

#define STUN_ANSWERS_PER_SECOND 10000 /* of all sources together: some 5 % of a core */
#define STUN_TURN_DATAGRAMS     64    /* read from one port of our own in one turn of the loop */

#define STUN_COUNTER_MAP(X)                                                                         \
    X(ANSWERED, "stun_answered")                                                                    \
    X(CHANGED, "stun_changed")           /* answered from the other address or port */              \
    X(UNKNOWN, "stun_unknown_attribute") /* answered by 420, also a change that cannot be made */   \
    X(NO_CHANGE, "stun_no_change")       /* RFC 3489's, whose clients take any answer for theirs */ \
    X(MALFORMED, "stun_malformed")       /* no Binding request, or a broken one */                  \
    X(OVER_RATE, "stun_over_rate")       /* more than --stun-rate of one source */                  \
    X(OVER_TOTAL, "stun_over_total")     /* more than STUN_ANSWERS_PER_SECOND of all */             \
    X(UNSENT, "stun_unsent")             /* the kernel did not take the answer, or it has no room */

/* HX_OK, HX_ENOMEM. Answers nobody before stun_begin(). */
int stun_create(struct stun **out, const struct server_config *config);
/* Its rate is this one's from now on. */
void stun_reconfigure(struct stun *s, const struct server_config *config);
/* Closes the ports that are its own. NULL is fine. No port may call stun_take() any more. */
void stun_destroy(struct stun *s);

/* The context for stun_take() at a port that is about to be opened, by STUN_PLACES_MAX at most. */
struct stun_place *stun_add(struct stun *s);
/* net_take of NET_USER_STUN and NET_USER_CLASSIC_STUN. */
bool stun_take(void *place, struct net_datagram *d);
/* What was opened for one of them. HX_OK or HX_ESYS. */
int stun_set_port(struct stun_place *place, struct net_port *port);
/* Once all of these are there: opens the ports of its own. What is not configured and cannot be opened is
 * left out, and logged. HX_OK; HX_EADDR: what is configured cannot be, which was printed; HX_ENOMEM. */
int stun_open_others(struct stun *s);

void stun_begin(struct stun *s);
/* Afterwards no port is used any more, whoever still calls stun_take(). NULL is fine. */
void stun_end(struct stun *s);

/* The descriptors of its own ports, for the loop, and what to do when one of them is readable. */
size_t stun_descriptors(const struct stun *s, const int **fds);
void stun_ready(void *stun, int64_t now_ms);
void stun_each_counter(struct stun *s, counter_visit *visit, void *user);

#endif
