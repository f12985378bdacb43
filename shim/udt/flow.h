/* shim/udt/flow.h: the data of one connection that carries bulk, as receipts tell: what its sender does with
 * those of the peer (delivery.h, path_model.h), and what its receiver tells (receipts.h).
 *
 * As long as the peer is not known to send receipts it only notes what leaves and comes, and UDT does all by
 * itself. From then on it leads: it says when the next packet leaves, and which one is repeated.
 *
 *   UDT's sender:  may_send ─► UDT packs a packet, a repeat first ─► sent ─► when the next one is due
 *   UDT's worker:  a receipt, an acknowledgement ─► what has come, what is lost, how fast now
 *                  a packet ─► came ─► a receipt is due
 *
 * Its lock is taken last, for a short time, and nothing is called with it. What the receiver does is the
 * worker's alone. Times are of UDT's clock (udt_clock.h). */
#ifndef HX_SHIM_UDT_FLOW_H
#define HX_SHIM_UDT_FLOW_H

#include "shim/udt/nak_delay.h"
#include "shim/udt/receipts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;

/* For one holder; NULL: there is no memory. */
struct flow *flow_create(void);
struct flow *flow_hold(struct flow *f);
/* NULL is fine. The last one frees it. */
void flow_release(struct flow *f);

/* The peer sends receipts, and understands ours. */
void flow_peer_tells(struct flow *f);
bool flow_leads(const struct flow *f);
/* Packets take another way from now on. `rtt_us`: its round trip; 0: unknown. */
void flow_restart(struct flow *f, int64_t rtt_us);

/* UDT's sender, and who sends in its place. False: what is on its way is as much as there may be; the next
 * receipt or acknowledgement tells more. */
bool flow_may_send(struct flow *f);
/* A packet leaves, which UDT has stamped. */
void flow_sent(struct flow *f, uint32_t seq, uint32_t stamp);
/* When the next one may: nanoseconds. How far apart they are now. */
uint64_t flow_due_ns(struct flow *f);
double flow_period_us(struct flow *f);
/* For how long packets may be gathered, to be sent or taken together, as the round trip hides it:
 * microseconds; 0: it is short, or unknown. */
int64_t flow_gather_us(struct flow *f);
/* There was nothing to send, or the peer takes no more. */
void flow_starved(struct flow *f);
bool flow_next_lost(struct flow *f, uint32_t *seq);
/* Packets that wait to be repeated. */
uint32_t flow_lost(struct flow *f);
bool flow_has_come(struct flow *f, uint32_t seq);

/* False: it speaks of what was not sent. */
bool flow_receipt(struct flow *f, const struct receipt *r);
void flow_acked(struct flow *f, uint32_t seq);
/* The peer's UDT tells these as missing, as in its packet: with the ends of ranges. */
void flow_nak(struct flow *f, const uint8_t *body, size_t len);
/* Nothing has been heard for a while: one packet may leave, whatever the bound, and which one. False: nothing is
 * on its way. */
bool flow_probe(struct flow *f, uint32_t *seq);
/* Nothing has been heard for a while. If that is long for this path, all is lost. */
void flow_timeout(struct flow *f);
/* When a receipt or an acknowledgement last told of something that had come: of base/clock.h, ms; 0: never. */
int64_t flow_told_ms(const struct flow *f);

/* A packet has come; taken: UDT has a place for it. `isn`: the peer's first one. */
void flow_came(struct flow *f, uint32_t isn, uint32_t seq, uint32_t stamp, bool taken);
/* UDT reports a loss, which waits for a while if the sender knows nothing of receipts. False: it must leave. */
bool flow_hold_nak(struct flow *f, const uint8_t *body, size_t len);
/* Until when more is about to come, see receipts_streams_us(). */
int64_t flow_streams_us(const struct flow *f);
/* When a receipt must leave, or a report that was held: microseconds; INT64_MAX: none. */
int64_t flow_report_due_us(struct flow *f);
size_t flow_receipt_write(struct flow *f, uint8_t body[RECEIPT_SIZE_MAX]);
/* 0: nothing is missing any more. */
size_t flow_nak_write(struct flow *f, uint8_t body[NAK_DELAY_BODY_MAX]);
int64_t flow_now_us(void);

#endif
