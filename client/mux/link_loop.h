/* client/mux/link_loop.h: the loops that links live in. */
#ifndef HX_CLIENT_MUX_LINK_LOOP_H
#define HX_CLIENT_MUX_LINK_LOOP_H

#include <ev.h>
#include <stdbool.h>

/* It has all descriptors that it will ever need to be woken by other threads: libev would ask for one at the
 * first ev_async_start(), and end the program when there is none. NULL: no memory, or no descriptor. */
struct ev_loop *link_loop_create(void);
/* Waits for `w`, or does not any more. */
static inline void link_loop_watch(struct ev_loop *loop, ev_io *w, bool wanted)
{
    if (wanted)
        ev_io_start(loop, w);
    else
        ev_io_stop(loop, w);
}

#endif
