/* client/run/session.h: the other side of client/run/run.h: standard input, output and error of this process
 * are those of the command that the peer runs. Belongs to its loop's thread. */
#ifndef HX_CLIENT_RUN_SESSION_H
#define HX_CLIENT_RUN_SESSION_H

#include "client/mux/mux.h"
#include <ev.h>
#include <stdbool.h>

struct session;

struct session_config {
    bool terminal; /* the request had hx-tty: standard input is a terminal, raw from now on */
    bool in_ended; /* all of standard input was written to the stream, and mux_stream_end() called */
    /* HX_OK: `status` is the command's. HX_ECLOSED: it broke; HX_ECANCELED: "~." was typed; HX_ESYS: of
     * standard input or output, `system` is its errno; HX_EPROTO. The session is freed, and the terminal as
     * it was, when this is called. */
    void (*done)(void *user, int error, int system, int status);
    void *user;
};

/* Owns `s`, answered with 200 and hx-run, from now on; on an error (HX_ENOMEM, HX_ESYS) nothing has
 * changed. */
int session_start(struct session **out, struct ev_loop *loop, struct mux_stream *s,
                  const struct session_config *config);
/* Breaks it: the peer hangs the command up. done() is not told. NULL is fine. */
void session_abort(struct session *s);

#endif
