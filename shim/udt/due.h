/* shim/udt/due.h: what is due without a datagram. */
#ifndef HX_SHIM_UDT_DUE_H
#define HX_SHIM_UDT_DUE_H

#include "shim/udt/tap_parts.h"

/* Every TAP_TICK_MS, on UDT's worker: looks at the connections that udt_conn_due() has named. */
void due_tick(struct tap *t, int64_t now_ms);

#endif
