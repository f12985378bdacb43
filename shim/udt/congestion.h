/* shim/udt/congestion.h: how fast our sockets send. C++. */
#ifndef HX_SHIM_UDT_CONGESTION_H
#define HX_SHIM_UDT_CONGESTION_H

#include <udt/udt.h>

class CUDT;
struct flow;

/* Of a socket that is not connected yet: for bulk, with its flow, or for a few small messages (NULL). */
bool congestion_choose(UDTSOCKET id, struct flow *flow);
/* Of a connected one; NULL: it has none. */
struct flow *congestion_flow(CUDT *u);

#endif
