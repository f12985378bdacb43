/* client/forward/remote_conn.h: what remote.c (the listener at the other side), remote_conn.c (one connection
 * to it) and remote_flow.c (one flow) know of each other; for no one else. */
#ifndef HX_CLIENT_FORWARD_REMOTE_CONN_H
#define HX_CLIENT_FORWARD_REMOTE_CONN_H

#include "client/forward/dial.h"
#include "client/forward/remote.h"
#include "client/forward/reverse.h"
#include <sys/queue.h>

#define REMOTE_PLACE_MAX (sizeof AUTHORITY_UDP + FORWARD_LISTEN_MAX)

struct remote {
    struct remote_config config;
    struct forward_spec spec;
    char place[REMOTE_PLACE_MAX];  /* LISTEN, as it is asked for */
    char permit[REMOTE_PLACE_MAX]; /* what the other side's --allow-listen would have to say, */
    const char *quote;             /* in these */
    struct link *link;             /* NULL while there is none */
    struct mux_stream *stream;     /* the request to listen; NULL: none is made */
    ev_timer again;
    int64_t since_ms;            /* when it was first asked for; once it was had, with this link; 0: never */
    bool listened;               /* it could be done once */
    bool told;                   /* that it cannot for now */
    char line[REVERSE_LINE_MAX]; /* of the stream, not whole yet */
    size_t line_len;
    int count;
    LIST_HEAD(remote_conns, remote_conn) conns;
    int flow_count;
    LIST_HEAD(remote_flows, remote_flow) flows;
};

/* Takes what the other side has told of: the request "POST /KIND/NUMBER", `address` the field of that name or
 * NULL. False: not now, there is no link, or no room in it. */
bool remote_request(const struct remote *r, struct mux_stream **out, const char *kind, uint32_t number,
                    const char *address, const struct mux_stream_events *events, void *user);
/* Or gives it up, "DELETE /KIND/NUMBER": its client there hears of it, or its time runs out. */
void remote_give_up(const struct remote *r, const char *kind, uint32_t number,
                    const struct dial_failure *why);
/* Somebody has connected at the other side. */
void remote_conn_start(struct remote *r, uint32_t number, const struct authority *target);
void remote_conn_abort_all(struct remote *r);
/* Or somebody has said something to its UDP port: remote_flow.c. */
void remote_flow_start(struct remote *r, uint32_t number, const struct authority *target);
void remote_flow_abort_all(struct remote *r);

#endif
