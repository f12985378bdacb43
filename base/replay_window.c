#include "base/replay_window.h"
#include <string.h>

static uint64_t *word_of(struct replay_window *w, uint64_t number)
{
    return &w->seen[number % REPLAY_WINDOW / 64];
}

bool replay_window_new(const struct replay_window *w, uint64_t number)
{
    if (number == 0)
        return false;
    if (number > w->newest)
        return true;
    if (w->newest - number >= REPLAY_WINDOW)
        return false;
    return !(w->seen[number % REPLAY_WINDOW / 64] >> number % 64 & 1);
}

void replay_window_take(struct replay_window *w, uint64_t number)
{
    if (number > w->newest) {
        if (number - w->newest >= REPLAY_WINDOW)
            memset(w->seen, 0, sizeof w->seen);
        else
            for (uint64_t n = w->newest + 1; n < number; n++)
                *word_of(w, n) &= ~(UINT64_C(1) << n % 64);
        w->newest = number;
    }
    *word_of(w, number) |= UINT64_C(1) << number % 64;
}
