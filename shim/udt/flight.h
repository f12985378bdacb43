/* shim/udt/flight.h: how often a connecting socket says its handshake.
 *
 * UDT 4.11 says it every 250 ms, whatever happens. Here a lost one is repeated sooner, twice as late each
 * time (as RFC 6347, section 4.2.4, has it for DTLS's flights), and anew from the shortest interval whenever
 * the peer is heard; a peer that never answers gets fewer and fewer. What is said stays UDT's to decide: the
 * last handshake that it made is kept, and copied.
 *
 * A pure state machine: no I/O, no clock of its own. */
#ifndef HX_SHIM_UDT_FLIGHT_H
#define HX_SHIM_UDT_FLIGHT_H

#include "shim/udt/packet.h"

#define FLIGHT_SIZE          (PACKET_HEAD + HANDSHAKE_SIZE)
#define FLIGHT_PEER_MS       50 /* the first interval of a rendezvous: the peer may be late, and answers at once */
#define FLIGHT_LISTENER_MS   100  /* to a listener, which has others to answer */
#define FLIGHT_LONG_MS       200  /* the longest one, ... */
#define FLIGHT_HURRY_MS      5000 /* ... for so long; */
#define FLIGHT_VERY_LONG_MS  400  /* then this one */
#define FLIGHT_REPLY_MS      20   /* the shortest time between two, however much is heard */
#define FLIGHT_MAX           100 /* of one socket, whatever is heard; to a peer that never answers it is 85 in 28 s */
#define FLIGHT_RTT_MARGIN_MS 30

struct flight {
    uint8_t packet[FLIGHT_SIZE];
    uint8_t label[HANDSHAKE_LABEL_BYTES]; /* of which session it is; zeroed: of none, as with stock peers */
    int first_ms, wait_ms;                /* the shortest interval; the next one */
    int sent;                             /* handshakes that have left; 0: packet is not valid */
    bool heard;                           /* the peer has been, since the last one left */
    int64_t begun_ms, sent_ms;
    int64_t due_ms;         /* INT64_MAX: nothing to say */
    int rtt_ms;             /* the shortest time to an answer; -1: none yet */
    uint64_t came, dropped; /* datagrams of the peer meanwhile, and how many of them were not taken */
    const char *rule;       /* why the last one was not */
};

void flight_init(struct flight *f, int first_ms);
/* UDT wants to send this handshake. True: now; false: not now, what must leave leaves when it is due. */
bool flight_leaves(struct flight *f, const uint8_t *head, const uint8_t *body, int64_t now_ms);
/* The peer's handshake has come. `answer`: one that it cannot have sent without ours. */
void flight_heard(struct flight *f, bool answer, int64_t now_ms);
/* A datagram of the peer has come, of whatever kind. `rule`: why it is not taken; NULL: it is. */
void flight_came(struct flight *f, const char *rule);
/* At due_ms: f->packet is to leave now. False: it is not. */
bool flight_due(struct flight *f, int64_t now_ms);

#endif
