/* client/forward/pump.h: standard input to the peer, the peer to standard output, until both
 * directions are whole. */
#ifndef HX_CLIENT_FORWARD_PUMP_H
#define HX_CLIENT_FORWARD_PUMP_H

#include "client/hx.h"
#include <stdbool.h>

struct pump_config {
    int in_fd, out_fd;
    int interrupt_fd; /* readable: give up */
    int other_fd;     /* -1, or: while it is readable on_other is called */
    void (*on_other)(void *user);
    void *user; /* of that */
    /* NULL, or: what is wrong with a peer whose first bytes are these; NULL: nothing. Those of a peer with a
     * key are all that it wrote at once, or 16 KiB of that: none has to be kept back until more come. */
    const char *(*wrong)(const void *first, size_t len);
};

/* Runs until all has arrived both ways, or cannot; says on standard error why not. Closes `s`. True: all has
 * arrived. Memory is two fixed buffers, whatever passes. */
bool pump_run(struct hx_stream *s, const struct pump_config *config);

#endif
