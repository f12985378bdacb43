/* server/challenge.h: another one wants a name, and so who has it is asked whether it lives: for how long, and
 * when it is looked at meanwhile. In server/registry.h and server/groups.h. */
#ifndef HX_SERVER_CHALLENGE_H
#define HX_SERVER_CHALLENGE_H

#include "base/timers.h"

#define CHALLENGE_LOOKS   16 /* within its time */
#define CHALLENGE_LOOK_MS 20 /* between two, at least */

struct challenge {
    struct timer timer; /* set as long as it lasts: of the next look, or of its end */
    int64_t end_ms;
};

static inline void challenge_go_on(struct challenge *c, struct timers *timers, int64_t now_ms)
{
    int64_t step_ms = (c->end_ms - now_ms) / CHALLENGE_LOOKS;
    int64_t at_ms = now_ms + (step_ms > CHALLENGE_LOOK_MS ? step_ms : CHALLENGE_LOOK_MS);

    timers_set(timers, &c->timer, at_ms < c->end_ms ? at_ms : c->end_ms);
}
static inline void challenge_begin(struct challenge *c, struct timers *timers, int64_t now_ms,
                                   int64_t patience_ms)
{
    c->end_ms = now_ms + patience_ms;
    challenge_go_on(c, timers, now_ms);
}
static inline void challenge_end(struct challenge *c, struct timers *timers)
{
    timers_cancel(timers, &c->timer);
}

#endif
