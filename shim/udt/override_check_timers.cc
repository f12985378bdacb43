/* CUDT::checkTimers(): UDT's worker comes here for each connection ten times a second, and after each of its
 * packets. A connection that has been idle for long is taken off the list of those that are visited, and put
 * back when something happens (shim/udt/idle_suspension.h). It keeps its m_bOnList, which the garbage
 * collector waits for: it is not freed before it has been put back. */
#include "shim/udt/give_back.h"
#include "shim/udt/idle_suspension.h"
#include "shim/udt/loss_lists.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private_united.h"
#include <udt/core.h>
#include <udt/queue.h>

namespace
{
OPENS(socket_id, UDTSOCKET CUDT::*);
OPENS(receive_queue, CRcvQueue *CUDT::*);
OPENS(timed_list, CRcvUList *CRcvQueue::*);
template struct opened<socket_id, &CUDT::m_SocketID>;
template struct opened<receive_queue, &CUDT::m_pRcvQueue>;
template struct opened<timed_list, &CRcvQueue::m_pRcvUList>;

CRcvUList *list_of(CUDT *u)
{
    return u->*member_of(receive_queue())->*member_of(timed_list());
}

bool alive(CUDT *u)
{
    return u->*member_of(connected()) && !(u->*member_of(broken())) && !(u->*member_of(closing()));
}

void relist(void *udt)
{
    auto *u = static_cast<CUDT *>(udt);

    list_of(u)->insert(u);
}
} // namespace

const bool override_check_timers = true;

/* A program of the tap alone takes this file, and libudt.a with it: then the others, too. */
[[gnu::used]] static bool (*const linked)() = overrides_linked;

extern "C" {
void __real__ZN4CUDT11checkTimersEv(CUDT *u);
void __wrap__ZN4CUDT11checkTimersEv(CUDT *u);

void __wrap__ZN4CUDT11checkTimersEv(CUDT *u)
{
    loss_lists_reserve_sent(u); /* where nothing is heard it lists all that was sent */
    __real__ZN4CUDT11checkTimersEv(u);
    if (alive(u))
        give_back_sent(u);
    switch (suspension_decide(u->*member_of(socket_id()), u, alive(u), relist)) {
    case SUSPENSION_SUSPEND:
        list_of(u)->remove(u);
        break;
    case SUSPENSION_RESUME:
        list_of(u)->insert(u);
        break;
    case SUSPENSION_STAY:
        break;
    }
}
}
