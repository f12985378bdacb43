/* client/forward/reverse.h: the binding side of -R: listens for a peer that may, and tells it of connections.
 * Belongs to the link's thread; one for each peer.
 *
 * In HTTP/2 only the side that connected makes requests, so this is what it asks for:
 *
 *   POST /listen     fields "listen" (LISTEN of -R, percent-encoded) and "target" (what it leads to, as in a
 *                    CONNECT; without it the clients speak SOCKS5). 200, with "listening" (the addresses,
 *                    percent-encoded, ',' between); then each connection is a line of the body: its NUMBER,
 *                    and with SOCKS a blank and the target. The listener ends with the stream, and so with
 *                    the link. 403: not permitted; 409: the place is taken, or cannot be had; 429: the peer
 *                    has REVERSE_MAX already; each with "reason", percent-encoded. "udp:" before LISTEN, not
 *                    encoded: of datagrams; "udp:" before a NUMBER: it is that of a flow (flows.h).
 *   POST /accept/N   200, then both bodies are that connection; 404: it is gone
 *   DELETE /accept/N, fields "outcome" and "proxy-status" as in the answer to a CONNECT: it could not be
 *                    connected. 204; 404
 *   POST /flow/N     200, then it is a flow as that of POST /udp; field "address" as in the answer to that
 *   DELETE /flow/N   as that of /accept/N
 *
 * So a connection waits for one round trip more than with -L; a peer need not keep requests waiting, nor
 * guess how many. One that the peer has not taken within FORWARD_ANSWER_S is reset. Of a listener there are
 * FORWARD_CONNECTIONS_MAX at once, taken or not; more wait in the kernel. */
#ifndef HX_CLIENT_FORWARD_REVERSE_H
#define HX_CLIENT_FORWARD_REVERSE_H

#include "client/forward/flows.h"
#include "client/forward/forward.h"
#include "client/forward/permit.h"
#include "client/mux/mux.h"
#include <ev.h>
#include <sys/queue.h>

#define REVERSE_MAX         64 /* listeners of one peer */
#define REVERSE_LINE_MAX    (sizeof AUTHORITY_UDP "4294967295 \n" + AUTHORITY_WIRE_MAX)
#define REVERSE_ENCODED_MAX (3 * FORWARD_PLACES_MAX) /* bytes of a reason or of addresses, percent-encoded */

struct reverse { /* ends with the link, whose streams own all else */
    struct ev_loop *loop;
    const struct permit *permit;   /* NULL: nothing is */
    const char *who;               /* for the log */
    struct flows *flows;           /* of the link, */
    struct hx_stream *link_stream; /* whose stream this is */
    uint32_t last;                 /* number of a connection */
    int count;
    LIST_HEAD(reverse_list, reverse_listener) listeners;
};

/* True: it is one of those above, and answered; owns `s` at once. */
bool reverse_request(struct reverse *r, struct mux_stream *s, const struct mux_message *request);

#endif
