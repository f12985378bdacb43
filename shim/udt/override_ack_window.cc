/* CACKWindow remembers the ACKs that are on their way: UDT makes room for 1024 in each connection. A
 * listener's connection has at most as many packets on their way as it has ACKs here. */
#include "shim/udt/idle_suspension.h"
#include "shim/udt/overrides.h"
#include "shim/udt/udt_internal.h"
#include <udt/common.h>
/* window.h needs the above */
#include <udt/window.h>

const bool override_ack_window = true;

extern "C" {
void __real__ZN10CACKWindowC1Ei(CACKWindow *w, int size);
void __wrap__ZN10CACKWindowC1Ei(CACKWindow *w, int size);

void __wrap__ZN10CACKWindowC1Ei(CACKWindow *w, int size)
{
    __real__ZN10CACKWindowC1Ei(w, suspension_thread_listens() ? SMALL_PACKETS : size);
}
}
