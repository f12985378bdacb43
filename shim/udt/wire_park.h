/* shim/udt/wire_park.h: which idle connections UDT's worker need not visit (shim/udt/override_check_timers.cc). C and C++. */
#ifndef HX_SHIM_UDT_WIRE_PARK_H
#define HX_SHIM_UDT_WIRE_PARK_H

#include <stdbool.h>
#include <stdint.h>

#define WIRE_PARK_MS \
    8000 /* idle for longer than UDT's longest expiration (17 x 300 ms): nothing of it waits */

#ifdef __cplusplus
extern "C" {
#endif

enum wire_parking { WIRE_STAY, WIRE_PARK, WIRE_UNPARK };

/* From UDT's worker, for the connection `id` whose CUDT is `udt`; `alive`: neither broken nor closing. Says
 * what to do with it; the answer counts as done. */
enum wire_parking wire_parking(int32_t id, void *udt, bool alive);
/* True on the worker of a listener's port: what is made there is one of many. */
bool wire_thread_listens(void);
/* shim/udt/override_check_timers.cc: puts a parked connection back; on the worker's thread, while it reads. */
void wire_relist(void *udt);

#ifdef __cplusplus
}
#endif

#endif
