/* client/files/turn.h: work for a later turn of the loop. */
#ifndef HX_CLIENT_FILES_TURN_H
#define HX_CLIENT_FILES_TURN_H

#include <ev.h>

/* Its callback is called once, after so many seconds at most; 0: in the next turn. */
static inline void turn_in(struct ev_loop *loop, ev_timer *w, double seconds)
{
    if (ev_is_active(w) && ev_timer_remaining(loop, w) <= seconds)
        return;
    ev_timer_stop(loop, w);
    ev_timer_set(w, seconds, 0.);
    ev_timer_start(loop, w);
}

#endif
