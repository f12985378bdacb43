/* client/tool/visit.h: a receiver (hx recv) at a sender (hx send), from the sender's side: the two requests
 * that serve.h does not have. Belongs to the link's thread.
 *
 *   POST /receive   open as long as the receiver is there, with hx-receipt: ID. 200 and hx-offer: "files":
 *                   they are at /files/ (client/files/share.h), or "stream". The receiver says "begun" when
 *                   it begins to copy files, and "whole" when it has all of it, verified; the sender
 *                   "counted", or "over REASON" when that is the end of it. Lines, each followed by a line
 *                   feed.
 *   POST /stream    200 and standard input; 409 if it is over, or somebody has it already. */
#ifndef HX_CLIENT_TOOL_VISIT_H
#define HX_CLIENT_TOOL_VISIT_H

#include "client/hx.h"
#include "client/mux/mux.h"
#include <ev.h>

#define VISIT_LINE_MAX    160 /* bytes of what either side says, with NUL */
#define VISIT_RECEIPT_MAX 40  /* bytes of an ID with its NUL; longer ones are refused */

struct visit_line { /* of what one side says, as it comes; zeroed: nothing yet */
    char text[VISIT_LINE_MAX];
    size_t len;
};

/* Takes its next byte. HX_OK: the line is whole in `text`, the next byte begins another; HX_EAGAIN: it is
 * not; HX_ETOOBIG: this byte has no room. */
int visit_line_add(struct visit_line *l, char byte);

struct visit_host { /* lives as long as the peers; called in their threads */
    bool stream;    /* standard input is sent */
    /* A receiver is about to copy. NULL: it may; else why it may not. */
    const char *(*begin)(void *user);
    /* It has all; the same receipt may come twice. */
    void (*whole)(void *user, const char *who, const char *receipt);
    /* One that had begun is gone. `error`, `system`: of the stream, as relay_config.done(), or HX_OK. */
    void (*left)(void *user, bool whole, int error, int system);
    /* Once a second while one that has begun is there: what carries its connection. NULL is fine. */
    void (*path)(void *user, const char *kind);
    void *user;
};

struct visit {                     /* zeroed but for the first four: nobody has come */
    const struct visit_host *host; /* NULL: this is no hx send */
    struct ev_loop *loop;
    const char *who;
    struct hx_stream *link;    /* that of its connection */
    struct mux_stream *stream; /* of /receive, NULL: none */
    char receipt[VISIT_RECEIPT_MAX];
    struct visit_line line;
    bool begun, whole;
    bool told;     /* the sender has said its last */
    bool streamed; /* it got /stream */
    int error, system;
    ev_timer look; /* at the path */
};

/* False: the request is none of these, nothing was done. Else owns `s`. `v` outlives it. */
bool visit_request(struct visit *v, struct mux_stream *s, const struct mux_message *request);
/* It is over for this receiver, too. */
void visit_over(struct visit *v, const char *reason);

#endif
