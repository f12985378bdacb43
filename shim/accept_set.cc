/* UDT keeps the id of every accepted socket in its listener's m_pAcceptSockets, and takes it out again only
 * if its garbage collector finds the socket broken, never after UDT::close(): some 50 scattered bytes a
 * connection, for ever (api.cpp, removeSocket() and checkBrokenSockets()). Nothing reads the set, so ids are
 * taken out at once.
 */
#include "shim/private.h"
#include "shim/udt_internal.h"
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

void udt_forget_accepted(UDTSOCKET listener, UDTSOCKET id)
{
    CUDTSocket *s = (member_of(united())->*member_of(locate()))(listener);

    if (!s)
        return;
    pthread_mutex_lock(&s->m_AcceptLock);
    s->m_pAcceptSockets->erase(id);
    pthread_mutex_unlock(&s->m_AcceptLock);
}
