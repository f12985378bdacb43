/* shim/udt/filter.h: judges each datagram from its bytes before UDT sees it. A pure function of the bytes and
 * the rules; the one thing it changes is what a peer announces (windows, MSS): it puts a number of ours
 * there, so that UDT never allocates more than we meant to. What UDT 4.11 and the other implementations of
 * UDT 4 send passes: what matters is what UDT sees, not what the peer meant. The S numbers are the hostile
 * datagrams that test/e2e/hostile_*.sh throws. */
#ifndef HX_SHIM_UDT_FILTER_H
#define HX_SHIM_UDT_FILTER_H

#include "shim/udt/packet.h"

#define FILTER_MSS_MIN        256  /* S1 to S3: far above the 92 bytes where UDT's arithmetic breaks */
#define FILTER_MSS_OURS       1400 /* what a stock peer hears of us: UDT_MSS_BYTES of shim/udt/udt.h */
#define FILTER_MSS_PROBED     1500 /* and one whose paths are probed: UDT_MSS_MAX_BYTES */
#define FILTER_WINDOW_MIN     2 /* S6: a loss list of size 0 is a division by zero; UDT announces no less */
#define FILTER_RTT_MAX_US     30000000 /* S11: 30 s */
#define FILTER_ACK_WINDOW_MAX 25600    /* S7: UDT 4.11's default flight window */

struct filter_rules {
    bool listening;      /* a listener's port: handshakes only to id 0, and only as clients send them */
    uint32_t mss_max;    /* announcements above, or negative, become this (A8) */
    uint32_t window_max; /* likewise, packets (S4, S5); and 0, by which some mean no limit (S6) */
    uint32_t ack_window; /* packets: an ACK's window is lowered to this, the peer's handshake window (S7) */
    uint32_t nak_range;  /* packets that one NAK may report, all its words together (S10) */
};

enum filter_verdict {
    FILTER_PASS = 0,
    FILTER_SHORT,     /* no whole head, or the body's length is not what the type has (S18, S20) */
    FILTER_ID,        /* a destination id that cannot be (S3) */
    FILTER_TYPE,      /* never needed by streams: 4, 7, 8, unknown and foreign custom ones (S13, S14, S16) */
    FILTER_HANDSHAKE, /* a request type that cannot come here */
    FILTER_MSS,       /* too small (S1, S3, S18) */
    FILTER_SEQUENCE,  /* bit 31 in a sequence number (S10) */
    FILTER_ACK,       /* light ACKs (S8), RTT or rates out of range (S11) */
    FILTER_NAK,       /* a malformed range, a list that is too long or not in order (S10) */
    FILTER_EMPTY,     /* a data packet without data (S19) */
    FILTER_VERDICTS   /* how many there are */
};

/* "hx": the extended type of our own custom packets (shim/udt/half_close.h). */
#define FILTER_CUSTOM_HX 0x6878

/* `head` has PACKET_HEAD bytes, `body` has body_len. FILTER_PASS, or why the datagram must not reach UDT. */
enum filter_verdict filter_judge(const struct filter_rules *rules, const uint8_t *head, uint8_t *body,
                                 size_t body_len);
const char *filter_verdict_name(enum filter_verdict v); /* for logs: "mss", "ack", ... */

#endif
