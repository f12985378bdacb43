/* shim/udt/listener_handshake.h: who asks a listener for a connection must show that answers reach it before
 * UDT hears of it. Rates for each source, and a cookie (cookie.h); nothing is remembered of a source that has
 * not shown it. No I/O. */
#ifndef HX_SHIM_UDT_LISTENER_HANDSHAKE_H
#define HX_SHIM_UDT_LISTENER_HANDSHAKE_H

#include "base/rate.h"
#include "shim/net/net_address.h"
#include "shim/udt/cookie.h"
#include "shim/udt/early_packet.h"
#include "shim/udt/tickets.h"

#define LISTENER_ANSWER_SIZE (PACKET_HEAD + HANDSHAKE_SIZE)

struct listener_handshake {
    struct cookie cookie;
    struct tickets tickets;
    struct rate handshakes;  /* first ones, whose source may be forged: generous */
    struct rate connections; /* those whose cookie has proven their source */
    /* Of the conclusion that UDT works on: */
    uint32_t offered;         /* packets: its window */
    uint32_t secret;          /* its cookie */
    struct net_address local; /* the address of ours that it was sent to */
    struct early_bytes early; /* what came with it */
    size_t ticket_paid;       /* bytes that came with a ticket in place of a cookie; 0: with a cookie */
};

enum listener_verdict {
    LISTENER_ANSWER, /* a first handshake: the answer is written */
    LISTENER_PASS,   /* a conclusion with our cookie: UDT shall have it, now with the one that UDT asks for */
    LISTENER_OVER_RATE,  /* of its source; it asks again in 250 ms */
    LISTENER_BAD_COOKIE, /* a conclusion without our cookie */
    /* A first handshake with early data and no ticket that holds; the one that follows it is answered. */
    LISTENER_BAD_TICKET
};

/* NULL: there is no memory. free() ends it. 0: no limit. */
struct listener_handshake *listener_handshake_create(unsigned rate_per_address, int64_t now_ms);
/* Another one from now on. */
void listener_handshake_set_rate(struct listener_handshake *l, unsigned rate_per_address);
/* `body`: of a handshake that the filter has passed; `early`: what came around it, zeroed: nothing. A ticket
 * makes a conclusion of a first handshake. */
enum listener_verdict listener_handshake_take(struct listener_handshake *l, const struct net_address *from,
                                              const struct net_address *local,
                                              const struct early_packet *early, uint8_t *body,
                                              uint8_t answer[LISTENER_ANSWER_SIZE], int64_t now_ms);
/* Likewise, of one that a ticket made a connection of, with this cookie: UDT answers it again. */
void listener_handshake_again(struct listener_handshake *l, uint32_t secret, const struct net_address *local,
                              uint8_t *body);

#endif
