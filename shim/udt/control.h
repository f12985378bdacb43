/* shim/udt/control.h: packets of our own, past UDT. A full socket buffer loses them, as the network may. */
#ifndef HX_SHIM_UDT_CONTROL_H
#define HX_SHIM_UDT_CONTROL_H

#include "shim/udt/tap_parts.h"

/* A whole packet to anybody. */
void control_send_raw(struct tap *t, const struct net_route *route, const uint8_t *packet, size_t len);
/* A control packet to the peer of `c`. `info`: the head's second word; `body` NULL: empty. */
void control_send(struct tap *t, struct udt_conn *c, enum packet_type type, uint32_t info,
                  const uint8_t *body, size_t body_len, int64_t now_ms);
/* A receipt, or to a peer that does not know of them a report of losses, if one is due. When the next one is:
 * microseconds of UDT's clock; INT64_MAX: none. */
int64_t control_send_report(struct tap *t, struct udt_conn *c, int64_t now_ms);
/* The peer of a connection that is unproven receives at its address: what was withheld leaves. */
void control_proven(struct tap *t, struct udt_conn *c, int64_t now_ms);
/* Says to a listener that has taken our ticket that its answers arrive; again at c->prove_ms. */
void control_prove(struct tap *t, struct udt_conn *c, int64_t now_ms);
/* A ticket for the next visit, to who was accepted. */
void control_send_ticket(struct tap *t, struct udt_conn *c, int64_t now_ms);
/* What `c` tells ahead of its stream, beside this handshake of it, if it may. */
void control_send_early(struct tap *t, struct udt_conn *c, const uint8_t *handshake);
/* What is due of the end of the directions, or else what the peer has asked for. */
void control_send_half_close(struct tap *t, struct udt_conn *c, bool asked, int64_t now_ms);
/* Asks the peer for a sign of life; a stock one ignores that, and sends keepalives by itself often enough. */
void control_ask(struct tap *t, struct udt_conn *c, int64_t now_ms);

#endif
