/* shim/udt/loss_lists.h: UDT's lists of what is lost, which grow (override_loss_lists.cc). C++. */
#ifndef HX_SHIM_UDT_LOSS_LISTS_H
#define HX_SHIM_UDT_LOSS_LISTS_H

#include <cstdint>

class CUDT;

#define LOSS_LISTS_SPAN_MAX 65536 /* packets, above LARGE_PACKETS */

/* Before UDT may list what was sent, ... */
void loss_lists_reserve_sent(CUDT *u);
/* ... and before it takes this packet. */
void loss_lists_reserve_received(CUDT *u, int32_t seq);

#endif
