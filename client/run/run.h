/* client/run/run.h: a command for each peer that asks for it: what hx bind --exec offers. Belongs to its
 * loop's thread.
 *
 *   POST /run     hx-tty: COLUMNSxROWS and hx-term, to have a terminal.
 *                 200 and "hx-run: 1": the body is frames (client/run/frames.h), the last one FRAME_EXIT. The
 *                 request's body is the command's input, its end the input's; with hx-tty it is frames, too.
 *                 403: no terminal is given; 404: no command is; 429: too many run; 500: it could not be
 *                 begun.
 *   POST /pipe    the same, where there is a command and the request has hx-run: for who does not know
 *                 whether there is a command or a pipe.
 *
 * When the stream breaks, the command's process group gets SIGHUP. */
#ifndef HX_CLIENT_RUN_RUN_H
#define HX_CLIENT_RUN_RUN_H

#include "client/mux/mux.h"
#include <ev.h>
#include <stdatomic.h>

#define RUN_MAX      64 /* commands at once, with those that end */
#define RUN_PEER_MAX 8  /* of one peer: of the calling thread, as hx bind has one for every peer */
#define RUN_FIELD    "hx-run"
#define RUN_TTY      "hx-tty"
#define RUN_TERM     "hx-term"

struct run_offer {       /* shared by all peers; outlives the commands */
    const char *command; /* for /bin/sh -c; NULL: nothing is run */
    bool terminal;       /* who asks for one gets one */
    atomic_int count;
};

struct run_peer { /* for whom a command is run; outlives it */
    struct ev_loop *loop;
    struct run_offer *offer;
    const char *label; /* of its key */
    /* May be NULL. `status`: how it has ended, as a shell says it, or -1: its peer has left before. */
    void (*ended)(void *user, int status);
    /* It could not be begun: `reason`. May be NULL. */
    void (*failed)(void *user, const char *reason);
    void *user;
};

/* Answers a request for a command. Owns `s` at once. True: it runs. */
bool run_request(const struct run_peer *peer, struct mux_stream *s, const struct mux_message *request);
/* Once the peers are gone, and before this process ends: waits until their commands have ended, or are
 * killed. */
void run_finish(struct run_offer *offer);

#endif
