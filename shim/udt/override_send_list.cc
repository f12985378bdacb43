/* CSndUList::update() puts a socket on the heap of those that send without looking whether there is room: with more
 * than 4096 at a time it writes behind the heap. insert() does the same and lets the heap grow. */
#include "shim/udt/overrides.h"
#include <udt/core.h>
#include <udt/queue.h>

const bool override_send_list = true;

extern "C" {
void __real__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule);
void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule);

void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule)
{
    list->insert(1, u);
    if (reschedule)
        __real__ZN9CSndUList6updateEPK4CUDTb(list, u, reschedule);
}
}
