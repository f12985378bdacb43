/* client/forward/flow_socket.h: the end of a flow that has the target: a connected UDP socket, and what
 * passes between that and the flow. Belongs to the link's thread. */
#ifndef HX_CLIENT_FORWARD_FLOW_SOCKET_H
#define HX_CLIENT_FORWARD_FLOW_SOCKET_H

#include "client/forward/authority.h"
#include "client/forward/flows.h"
#include "client/forward/lookup.h"
#include "proto/endpoint.h"

struct flow_socket {
    struct flow flow;
    struct flows *flows;
    int fd; /* -1: none yet */
    ev_io readable;
    ev_timer silence; /* anew with whatever passes, either way */
    bool told_size;
    char name[AUTHORITY_TEXT_MAX];         /* of the target, for the log */
    void (*silent)(struct flow_socket *s); /* its time is over; it is stopped by then */
};

/* A socket that is connected to the first of these to which there is a route, and the address; -1: none,
 * errno of the last. */
int flow_socket_connect(const struct lookup_list *list, char address[ENDPOINT_TEXT_MAX]);
/* Of `s` whose flows, name and silent are set, and fd is -1: the flow `number` of the link of `stream` is
 * that socket's, which is `s`'s from then on. As flows_join(); then `fd` is still the caller's. */
int flow_socket_start(struct flow_socket *s, struct hx_stream *stream, uint32_t number, int fd);
void flow_socket_stop(struct flow_socket *s); /* also if it was never started */

#endif
