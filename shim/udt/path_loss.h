/* shim/udt/path_loss.h: what a path loses anyway, and what it loses because too much is sent. Pure. */
#ifndef HX_SHIM_UDT_PATH_LOSS_H
#define HX_SHIM_UDT_PATH_LOSS_H

#include <stdbool.h>
#include <stdint.h>

struct path_loss_window { /* packets that were sent one after the other */
    uint64_t sent_from, lost_from;
    uint64_t sent, lost; /* how many of them are known to have come or to be lost, and the lost ones */
};

struct path_loss {
    double base; /* the share that it loses when less is sent than it carries */
    /* Both begin when what is sent changes; the brief one anew whenever it was looked at, the steady one
     * when there was not too much lost in the brief one: losses that come of too much being sent do not
     * end. */
    struct path_loss_window brief, steady;
    int lossy;                     /* how many brief ones the steady one has been */
    struct path_loss_window drops; /* begins anew where not a great part of it was lost, ... */
    int64_t drops_us;              /* ... which it was since then */
};

void path_loss_init(struct path_loss *l);
void path_loss_begin(struct path_loss *l, uint64_t delivered, uint64_t lost);
/* Looks at the brief window, if there is enough of it, and begins another: losses go on and on. */
bool path_loss_goes_on(struct path_loss *l, uint64_t delivered, uint64_t lost);
/* Startup: a great part has been lost for an eighth of a round trip, and for longer than a burst of losses
 * lasts. */
bool path_loss_drops(struct path_loss *l, int64_t now_us, uint64_t delivered, uint64_t lost, int64_t rtt_us);
void path_loss_note(struct path_loss *l, uint64_t delivered, uint64_t lost);
double path_loss_share(const struct path_loss_window *w);
/* There are enough of them to tell something. */
bool path_loss_brief_full(const struct path_loss *l);
/* More of them were lost than the path loses anyway, by more than what is put up with, and by more than
 * chance. */
bool path_loss_excess(const struct path_loss *l, const struct path_loss_window *w);
/* They were sent slower than the path carries: such losses are the path's own. */
void path_loss_learn(struct path_loss *l, const struct path_loss_window *w);

#endif
