/* server/relay.h: forwards datagrams between two who were introduced and cannot reach each other, at every
 * UDP port of the nameserver (--relay).
 *
 *   registry ─► relay_offer() ───────────────────────────┐
 *                                                        ▼
 *   UDT's receiving threads ─► relay_take ─► relay_table: who is it, and where is the other? ─► net_port_send()
 *
 * A datagram costs a look-up and a send. What is said is proven as relay_table.h has it; what is forwarded is
 * not looked into. */
#ifndef HX_SERVER_RELAY_H
#define HX_SERVER_RELAY_H

#include "proto/endpoint.h"
#include "proto/relay_frame.h"
#include "proto/session.h"
#include "server/counters.h"
#include <stdint.h>

struct net_port;
struct relay;
struct relay_shown;
struct relay_totals;
struct server_config;

#define RELAY_TOLD_MS 60000 /* that a limit keeps clients back is logged so often */

/* HX_OK; HX_ENOMEM; HX_ESYS. */
int relay_create(struct relay **out, const struct server_config *config);
void relay_destroy(struct relay *r); /* NULL is fine */
/* Its limits are these from now on. */
void relay_reconfigure(struct relay *r, const struct server_config *config);

/* Serves at this port from now on, CONFIG_LISTEN_MAX of them at most, until relay_end(). */
void relay_serve(struct relay *r, struct net_port *port);
/* Afterwards no port is used any more. NULL is fine. */
void relay_end(struct relay *r);

/* Two get this session: s->relay says what they may do. Without memory, or above RELAY_SESSIONS_MAX,
 * nothing. `asker`: whose request has begun it. */
void relay_offer(struct relay *r, struct session *s, const struct endpoint *caller,
                 const struct endpoint *called, enum relay_half asker, int64_t now_ms);

/* Once a second. */
void relay_look(struct relay *r, int64_t now_ms);
void relay_totals(struct relay *r, struct relay_totals *out); /* server/relay_table.h */
int relay_look_at(struct relay *r, uint64_t *at, struct relay_shown *out, int most,
                  int64_t now_ms); /* likewise */
void relay_each_counter(struct relay *r, counter_visit *visit, void *user);
/* A line of the sessions and bytes. */
void relay_log_numbers(struct relay *r);

#endif
