/* shim/udt/sent_use.h: how much of a connection's send buffer was used lately, which give_back.h must know.
 * From UDT's worker, without the lock. C and C++. */
#ifndef HX_SHIM_UDT_SENT_USE_H
#define HX_SHIM_UDT_SENT_USE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Much of what the connection `id` has written is on its way. May be called after each packet. */
void sent_use_much(int32_t id);
/* True: much was not for GIVE_BACK_AFTER_MS, and since the memory was given back something has come or
 * left. */
bool sent_use_is_little(int32_t id);
void sent_use_given_back(int32_t id);

#ifdef __cplusplus
}
#endif

#endif
