/* shim/udt/path_policer.h: what is thought of a path that drops what is too much, without a queue. A
 * policer lets as much through at once as its bucket holds, and the bucket fills while less is sent: in the
 * slower while after each probe, too. So what comes in a probe tells of the bucket first, and of the path
 * only while packets are dropped. Pure. */
#ifndef HX_SHIM_UDT_PATH_POLICER_H
#define HX_SHIM_UDT_PATH_POLICER_H

#include "shim/udt/path_model.h"

/* After each sample, before the phase takes its step. */
void path_policer_note(struct path_model *m);
/* PATH_DOWN: at which rate the path is taken to have delivered, so that less is sent than it carries. */
double path_policer_delivered(const struct path_model *m);
/* PATH_DOWN: the last packet of a probe is heard of. What its losses have left over is the path's rate. */
void path_policer_probed(struct path_model *m);
/* PATH_DOWN: the losses ended when less was sent, they were our own, in startup or later. */
void path_policer_learn(struct path_model *m, bool in_startup);

#endif
