/* shim/guard.h: judges each datagram from its bytes before UDT sees it. A pure function of the bytes and the
 * rules; the one thing it changes is numbers that it lowers in place (windows, MSS), so that what a peer
 * announces never makes us allocate more than we meant to. The S numbers are the rows of UDT4.md, part C. */
#ifndef HX_SHIM_GUARD_H
#define HX_SHIM_GUARD_H

#include "shim/packet.h"

#define GUARD_MSS_MIN        256      /* S1 to S3: far above the 92 bytes where UDT's arithmetic breaks */
#define GUARD_MSS_MAX        1500     /* UDT 4.11's default; larger announcements are no Ethernet */
#define GUARD_MSS_OURS       1400     /* what our own sockets have: UDT_MSS_BYTES of shim/udt.h */
#define GUARD_WINDOW_MIN     2        /* S6: a loss list of size 0 is a division by zero */
#define GUARD_RTT_MAX_US     30000000 /* S11: 30 s */
#define GUARD_ACK_WINDOW_MAX 25600    /* S7: UDT 4.11's default flight window */

struct guard_rules {
    bool listening; /* a listener's port: handshakes only with destination id 0, and only as clients send them
                     */
    uint32_t mss_max;    /* announcements above are lowered to this (A8) */
    uint32_t window_max; /* likewise, packets (S4, S5) */
    uint32_t ack_window; /* packets: an ACK's window is lowered to this, the peer's handshake window (S7) */
    uint32_t nak_range;  /* packets that one NAK may report (S10) */
};

enum guard_verdict {
    GUARD_PASS = 0,
    GUARD_SHORT, /* no whole head, or the body's length is not what the type has (S18, S20) */
    GUARD_ID,    /* a destination id that cannot be (S3) */
    GUARD_TYPE,  /* types that streams never need: 4, 7, 8, unknown ones, foreign custom ones (S13, S14, S16)
                  */
    GUARD_HANDSHAKE, /* a request type that cannot come here */
    GUARD_MSS,       /* S1, S2, S3, S18 */
    GUARD_WINDOW,    /* S6, S18 */
    GUARD_SEQUENCE,  /* bit 31 in a sequence number (S10) */
    GUARD_ACK,       /* light ACKs (S8), RTT or rates out of range (S11) */
    GUARD_NAK,       /* a malformed or too long range (S10) */
    GUARD_EMPTY      /* a data packet without data (S19) */
};

#define GUARD_CUSTOM_HX 0x6878 /* the extended type of our own custom packets: "hx" (shim/finish.h) */

/* `head` has PACKET_HEAD bytes, `body` has body_len. GUARD_PASS, or why the datagram must not reach UDT. */
enum guard_verdict guard_judge(const struct guard_rules *rules, const uint8_t *head, uint8_t *body,
                               size_t body_len);
const char *guard_verdict_name(enum guard_verdict v); /* for logs: "mss", "window", ... */

#endif
