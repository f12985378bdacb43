/* shim/udt/path_loss.h: what a path loses anyway, and what it loses because too much is sent. Pure. */
#ifndef HX_SHIM_UDT_PATH_LOSS_H
#define HX_SHIM_UDT_PATH_LOSS_H

#include <stdbool.h>
#include <stdint.h>

struct path_loss {
    double base; /* the share that it loses when less is sent than it carries */
    /* Since the window began: */
    uint64_t sent_from, lost_from;
    uint64_t sent, lost; /* how many of them are known to have come or to be lost, and the lost ones */
};

void path_loss_init(struct path_loss *l);
void path_loss_begin(struct path_loss *l, uint64_t delivered, uint64_t lost);
void path_loss_note(struct path_loss *l, uint64_t delivered, uint64_t lost);
/* The window tells something. */
bool path_loss_full(const struct path_loss *l);
double path_loss_share(const struct path_loss *l);
/* It has more losses than the path has anyway, by more than what is put up with, and by more than chance. */
bool path_loss_excess(const struct path_loss *l);
/* The window was of packets that were sent slower than the path carries: such losses are the path's own. */
void path_loss_learn(struct path_loss *l);

#endif
