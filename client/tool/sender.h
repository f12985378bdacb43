/* client/tool/sender.h: a sender (hx send) from the side of a receiver (hx recv): what it offers, what both
 * say, and its stream. The words are those of client/tool/visit.h. Belongs to the link's thread. */
#ifndef HX_CLIENT_TOOL_SENDER_H
#define HX_CLIENT_TOOL_SENDER_H

#include "client/mux/link.h"
#include "client/tool/visit.h"

struct sender { /* zeroed but for the first part */
    struct ev_loop *loop;
    /* Its answer, on each path anew: "files" or "stream"; NULL: it is no sender, and that was told. */
    void (*offered)(void *user, const char *what);
    void (*counted)(void *user);                         /* it knows that all is here */
    void (*over)(void *user, const char *reason);        /* it has ended */
    void (*refused)(void *user);                         /* it gives no stream, and is about to say why */
    void (*streamed)(void *user, int error, int system); /* the stream is over, as relay_config.done() */
    void *user;

    struct mux_stream *visit, *asked; /* /receive; /stream, not answered yet */
    struct visit_line line;
    char receipt[2 * 8 + 1]; /* the same for all paths */
    bool left;
};

/* On a new path. HX_ENOMEM and other errors of mux_request(). */
int sender_visit(struct sender *s, struct link *l);
/* Lines; nothing without a path, on the next of which they are to be said again. */
void sender_say(struct sender *s, const char *lines);
/* Its stream, to standard output. `l` may be NULL. */
void sender_ask_stream(struct sender *s, struct link *l);
/* Nothing more is asked of it, and nothing it says is told. */
void sender_leave(struct sender *s);

#endif
