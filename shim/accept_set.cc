/* UDT keeps the id of every accepted socket in its listener's m_pAcceptSockets, and takes it out again only
 * if its garbage collector finds the socket broken, never after UDT::close(): some 50 scattered bytes a
 * connection, for ever (api.cpp, removeSocket() and checkBrokenSockets()). Nothing reads the set, so ids are
 * taken out at once.
 *
 * The set is out of reach for a user of the library. An explicit instantiation may name private members
 * ([temp.spec], paragraph 6), and Debian installs the headers: that is the way in, checked by the compiler.
 */
#include "shim/udt_internal.h"
#include <udt/api.h>
#include <udt/core.h>

namespace
{
template <typename Tag, typename Tag::type member> struct opened {
    friend typename Tag::type member_of(Tag)
    {
        return member;
    }
};
struct united {
    typedef CUDTUnited *type;
    friend type member_of(united);
};
struct locate {
    typedef CUDTSocket *(CUDTUnited::*type)(const UDTSOCKET);
    friend type member_of(locate);
};
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
