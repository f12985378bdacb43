/* base/replay_window.h: which numbers have come: each counts once, in any order, if it is not much older than
 * the newest (RFC 4303, 3.4.3). Pure; zeroed is empty. */
#ifndef HX_BASE_REPLAY_WINDOW_H
#define HX_BASE_REPLAY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WINDOW 1024 /* numbers that may overtake each other */

struct replay_window {
    uint64_t newest; /* 0: none has come */
    uint64_t seen[REPLAY_WINDOW / 64];
};

/* Whether `number`, from 1, would be new. */
bool replay_window_new(const struct replay_window *w, uint64_t number);
/* It has come; whoever sent it is proven by now. */
void replay_window_take(struct replay_window *w, uint64_t number);

#endif
