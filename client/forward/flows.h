/* client/forward/flows.h: the datagrams of one link (hx_datagram_send()), each passed to its flow. Belongs to
 * the link's thread.
 *
 * A flow is what one client of a UDP forward and its target say to each other, and a request of the link:
 *
 *   POST /udp   field "target" (as in a CONNECT). 200, with "flow", the number that its datagrams have from
 *               now on, in both directions; the flow ends when either side ends its direction. 403: not
 *               allowed; 404: nothing is forwarded; 429: the peer has FLOWS_MAX already; 502, with
 *               "proxy-status". "address" of a 200: the target's, as it is reached.
 *
 * Of -R it is the other side that connected, and makes requests, who has the target: reverse.h. */
#ifndef HX_CLIENT_FORWARD_FLOWS_H
#define HX_CLIENT_FORWARD_FLOWS_H

#include "client/forward/flow_drops.h"
#include <ev.h>
#include <stdbool.h>
#include <sys/queue.h>

#define FLOWS_MAX         256  /* of a link */
#define FLOWS_TURN        256  /* datagrams that are passed on in one turn of the loop: others want theirs */
#define FLOWS_SOCKET_TURN 64   /* likewise, of one socket at an end */
#define FLOWS_TIMEOUT     120  /* seconds of silence that end one (RFC 4787, REQ-5) */
#define FLOWS_TELL_S      10.0 /* as often drops are told of, if there are new ones */

struct flow {
    uint32_t number;
    void (*come)(struct flow *f, const void *bytes, size_t len); /* it may leave within */
    LIST_ENTRY(flow) entry;
};

struct flows { /* zeroed but for the first three */
    struct ev_loop *loop;
    int timeout_s;            /* of silence, which ends a flow */
    const char *who;          /* whose they are, for the log; NULL: of the only peer */
    struct hx_stream *stream; /* the link's; NULL while there are no flows */
    ev_io readable;
    LIST_HEAD(flow_list, flow) list;
    int count;
    uint32_t last;
    struct flow_list announced; /* flow_client.h: which the other side has not taken yet */
    int asked;                  /* likewise: of all owners */
    size_t first_bytes;         /* likewise: that wait */
    struct flow_drops drops;
    struct hx_datagram_counts counts; /* of the link, as they were last */
    uint64_t told;                    /* drops that -v has told of */
    ev_timer tell;
};

/* `stream` is the link's; every flow leaves before that is closed. HX_OK; HX_ELIMIT: FLOWS_MAX; HX_EINVAL:
 * the number is taken, or an end of the link has no datagrams (hx_datagram_fd()); HX_ESYS, HX_ENOMEM. */
int flows_join(struct flows *all, struct hx_stream *stream, struct flow *f);
void flows_leave(struct flows *all, struct flow *f);
/* A number that no flow has, nor any that is announced. */
uint32_t flows_number(struct flows *all);
/* The one in it that has the number, or NULL. */
struct flow *flows_find(const struct flow_list *list, uint32_t number);
/* HX_OK; HX_ETOOBIG; else it is lost, as datagrams are. */
int flows_send(const struct flows *all, const struct flow *f, const void *bytes, size_t len);
/* One was dropped. */
void flows_drop(struct flows *all, enum flow_drop why);
/* Says on standard error that one of `len` bytes was, which is above HX_DATAGRAM_MAX. */
void flows_say_too_long(const struct flows *all, const char *target, size_t len);
/* Tells on standard error what has passed, and what was dropped for which reason. */
void flows_say(struct flows *all);
/* `fd`, whose datagrams are of a flow, shall hold as many as the kernel lets it. */
void flows_widen(int fd);

#endif
