/* shim/udt/wire_burst.h: packets that this thread holds, to send them at once (wire_burst.c). C and C++. */
#ifndef HX_SHIM_UDT_WIRE_BURST_H
#define HX_SHIM_UDT_WIRE_BURST_H

#include <stdbool.h>

#define WIRE_BURST          16 /* packets; 24 KB, which any queue on the way has room for */
#define WIRE_BURST_SPARE_US 20 /* a longer pause is worth sending what is held */

#ifdef __cplusplus
extern "C" {
#endif

bool wire_burst_holds(void);
void wire_burst_flush(void);

#ifdef __cplusplus
}
#endif

#endif
