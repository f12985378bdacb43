/* accept(), from the listener's queue of connections itself. UDT::accept() looks three sockets up under the
 * lock that all calls share, and keeps the id of every accepted one in m_pAcceptSockets, where only its
 * garbage collector takes it out again, and only if it finds the socket broken, never after UDT::close():
 * some 50 scattered bytes a connection, for ever (api.cpp, removeSocket() and checkBrokenSockets()). Nothing
 * reads that set. */
#include "shim/udt/private_united.h"
#include "shim/udt/udt_ids.h"
#include "shim/udt/udt_internal.h"
#include <iterator>
#include <udt/api.h>
#include <udt/core.h>

namespace
{
typedef CUDTSocket *(CUDTUnited::*locate_type)(const UDTSOCKET);
OPENS(locate, locate_type);
template struct opened<locate, &CUDTUnited::locate>;
} // namespace

CUDTSocket *udt_listener(UDTSOCKET id)
{
    return (member_of(united())->*member_of(locate()))(id);
}

/* UDT frees both where there is no memory for the second, and frees them again with the socket. */
void udt_forget_queues(CUDTSocket *listener)
{
    listener->m_pQueuedSockets = nullptr;
    listener->m_pAcceptSockets = nullptr;
}

/* The oldest first. Ids count down, so it has the largest one; but those below the last one that was given
 * are from before the ids began anew, and older than all others. */
UDTSOCKET udt_accept(CUDTSocket *listener)
{
    UDTSOCKET id = UDT::INVALID_SOCK;

    pthread_mutex_lock(&listener->m_AcceptLock);
    UDTSOCKET last = udt_ids_last(); /* under the lock: what is queued later got its id later, too */
    auto *queued = listener->m_pQueuedSockets;
    if (!queued->empty()) {
        auto after = queued->lower_bound(last);
        auto oldest = after == queued->begin() ? std::prev(queued->end()) : std::prev(after);
        id = *oldest;
        queued->erase(oldest);
    }
    pthread_mutex_unlock(&listener->m_AcceptLock);
    return id;
}
