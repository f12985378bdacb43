/* accept(), from the listener's queue of connections itself. UDT::accept() looks three sockets up under the
 * lock that all calls share, and keeps the id of every accepted one in m_pAcceptSockets, where only its
 * garbage collector takes it out again, and only if it finds the socket broken, never after UDT::close():
 * some 50 scattered bytes a connection, for ever (api.cpp, removeSocket() and checkBrokenSockets()). Nothing
 * reads that set.
 */
#include "shim/udt/private.h"
#include "shim/udt/udt_internal.h"
#include <udt/api.h>
#include <udt/core.h>

namespace
{
typedef CUDTUnited *united_type;
OPENS(united, united_type);
typedef CUDTSocket *(CUDTUnited::*locate_type)(const UDTSOCKET);
OPENS(locate, locate_type);
template struct opened<united, &CUDT::s_UDTUnited>;
template struct opened<locate, &CUDTUnited::locate>;
} // namespace

CUDTSocket *udt_listener(UDTSOCKET id)
{
    return (member_of(united())->*member_of(locate()))(id);
}

UDTSOCKET udt_accept(CUDTSocket *listener)
{
    UDTSOCKET id = UDT::INVALID_SOCK;

    pthread_mutex_lock(&listener->m_AcceptLock);
    auto first = listener->m_pQueuedSockets->begin();
    if (first != listener->m_pQueuedSockets->end()) {
        id = *first;
        listener->m_pQueuedSockets->erase(first);
    }
    pthread_mutex_unlock(&listener->m_AcceptLock);
    return id;
}
