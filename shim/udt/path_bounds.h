/* shim/udt/path_bounds.h: what the model's numbers come to: the rate, and what it takes to keep it up. */
#ifndef HX_SHIM_UDT_PATH_BOUNDS_H
#define HX_SHIM_UDT_PATH_BOUNDS_H

#include "shim/udt/path_model.h"

double path_sample_rate(const struct path_sample *s); /* packets a second; 0: it tells of none */
double path_rate(const struct path_model *m);         /* packets a second that come through; 0: unknown */
int64_t path_packet_us(const struct path_model *m);   /* the time that one packet takes at that rate */
double path_bdp(const struct path_model *m); /* packets in flight when the path is full and its queue empty */
/* In flight at most before PATH_DOWN is over: no queue of ours, and some room for others. */
double path_inflight_target(const struct path_model *m);
/* A queue may be what was made good for after the last stall. */
bool path_stalled_lately(const struct path_model *m);

#endif
