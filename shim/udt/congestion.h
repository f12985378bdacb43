/* shim/udt/congestion.h: how fast our sockets send. C++. */
#ifndef HX_SHIM_UDT_CONGESTION_H
#define HX_SHIM_UDT_CONGESTION_H

#include <udt/udt.h>

/* Of a socket that is not connected yet: for bulk, or for a few small messages. */
bool congestion_choose(UDTSOCKET id, bool bulk);

#endif
