/* client/forward/flow_client.h: a flow (flows.h) of somebody at this side, for which the other side is asked:
 * by a request of the link, or, where it is the other side that makes requests, by an announcement
 * (reverse.h). Belongs to the link's thread.
 *
 * Nothing is queued but the first FLOW_CLIENT_FIRST datagrams, until the other side has answered. What it
 * refuses is not asked for again for FLOW_CLIENT_REFUSED_S. */
#ifndef HX_CLIENT_FORWARD_FLOW_CLIENT_H
#define HX_CLIENT_FORWARD_FLOW_CLIENT_H

#include "client/forward/authority.h"
#include "client/forward/flows.h"
#include "client/mux/link.h"
#include "proto/endpoint.h"

#define FLOW_CLIENT_FIRST       8
#define FLOW_CLIENT_FIRST_BYTES (1024 * 1024) /* of all flows of a link */
#define FLOW_CLIENT_REFUSED_S   2.0
#define FLOW_CLIENT_ANSWER_S    15.0 /* then who goes on sending has it asked for again */

/* Tells the other side of the flow `number`; it takes or refuses it by that. False: not now. */
typedef bool flow_announce(void *user, uint32_t number, const struct authority *target);

struct flow_owner { /* of several */
    struct flows *flows;
    struct link *const *link; /* *link NULL: there is none now; or NULL, and these: */
    flow_announce *announce;
    void *announcer;
    struct hx_stream *stream;
};

struct flow_client {
    struct flow flow; /* its come() is the owner's to set, ... */
    struct flow_owner *owner;
    struct authority target;
    void (*ended)(struct flow_client *c); /* ... as this: it has ended, and is not used any more */
    char address[ENDPOINT_TEXT_MAX];      /* of the target, once the other side has told it, else "" */
    struct mux_stream *stream;
    struct flow_client_first {
        size_t len;
        uint8_t *bytes;
    } first[FLOW_CLIENT_FIRST];
    int first_count;
    bool announced, joined, refused, told_size;
    ev_timer silence; /* anew with whatever passes, either way, once there is an answer */
};

/* Of `c` zeroed but for owner, target, come and ended. False: there is no link, or no room; that is
 * counted. */
bool flow_client_start(struct flow_client *c);
/* At once; ended() is not told. */
void flow_client_stop(struct flow_client *c);
/* From our side to the other. */
void flow_client_send(struct flow_client *c, const uint8_t *bytes, size_t len);
/* Something has come from there: to be called within come(). */
void flow_client_heard(struct flow_client *c);

/* The other side takes the one that was announced by that number: answers `s`, its request, and owns it. */
void flow_client_taken(struct flows *all, uint32_t number, struct mux_stream *s,
                       const struct mux_message *request);
/* Or it cannot. False: there is no such one (any more). */
bool flow_client_refused(struct flows *all, uint32_t number, const char *status, const char *error);

#endif
