/* client/forward/udp_target.h: the binding side of -L udp: (flows.h has the requests): a connected UDP socket
 * for each flow of a peer. Belongs to the link's thread; one for each peer. */
#ifndef HX_CLIENT_FORWARD_UDP_TARGET_H
#define HX_CLIENT_FORWARD_UDP_TARGET_H

#include "client/forward/allow.h"
#include "client/forward/flows.h"
#include "client/mux/mux.h"

struct udp_targets {
    struct flows flows;
    const struct allow *allow; /* NULL: nothing is forwarded */
    struct hx_stream *stream;  /* the link's; outlives its flows */
    int count;                 /* with those whose names are being looked up */
};

/* True: it was one of these, and is answered; `s` is not the caller's any more. */
bool udp_target_request(struct udp_targets *all, struct mux_stream *s, const struct mux_message *request);

#endif
