/* client/forward/relay.h: bytes between a mux stream and descriptors (a TCP connection, or a
 * program's standard input and output), both ways at once, each direction ending for itself. Belongs
 * to its loop's thread. */
#ifndef HX_CLIENT_FORWARD_RELAY_H
#define HX_CLIENT_FORWARD_RELAY_H

#include "client/forward/authority.h"
#include "client/mux/mux.h"
#include <ev.h>

#define RELAY_BUFFER 65536 /* bytes of each direction */

struct relay;

struct relay_config {
    int in_fd, out_fd; /* the same for a socket */
    bool owns_fds;     /* closed with the relay; else only ended */
    bool asks;         /* the stream is a request that may yet be refused: then that is a failure, too */
    bool in_ended;     /* all of in_fd was written to the stream, and mux_stream_end() called */
    /* HX_OK: both directions are whole. Else the first failure; `system` is its errno, or 0. The relay is
     * freed when this returns; a socket whose stream broke has been reset (SO_LINGER 0), not closed in
     * order. */
    void (*done)(void *user, int error, int system);
    void *user;
};

/* Owns `s` from now on (mux_stream_own()); the descriptors must be non-blocking if they are sockets. On an
 * error (HX_ENOMEM) nothing has changed. */
int relay_start(struct relay **out, struct ev_loop *loop, struct mux_stream *s,
                const struct relay_config *config);
void relay_abort(struct relay *r); /* resets both sides; done() is not told */
/* Says on standard error what done() was told of a connection to `target`, unless that is HX_OK. `who`: the
 * peer that asked for it, or NULL. */
void relay_say_broken(const char *who, const struct authority *target, int error, int system);

#endif
