/* Six functions of UDT that the linker sends through here (--wrap), because they are made for a few busy
 * connections, where a server has many idle ones, or for packets one by one. All six are called from another
 * member of libudt.a than the one that defines them.
 *
 * Private members are reached by explicit instantiation, as in udt_accept.cc. */
#include "shim/udt/tuned.h"
#include "shim/udt/idle_suspension.h"
#include "shim/udt/private.h"
#include "shim/udt/sender.h"
#include <atomic>
#include <udt/api.h>
#include <udt/buffer.h>
#include <udt/core.h>
#include <udt/queue.h>
#include <udt/window.h>

namespace
{
constexpr int ACK_WINDOW = 32; /* ACKs on their way, of at most as many packets (SMALL_PACKETS); UDT: 1024 */
constexpr int SEND_BLOCKS = 2; /* packets to begin with, grows by itself; UDT: 32, of 1356 bytes */
constexpr int HASH_BUCKETS = 65536; /* UDT: 1024, whatever the number of connections */

std::atomic<bool> many; /* the next port will have many connections */

OPENS(socket_id, UDTSOCKET CUDT::*);
OPENS(receive_queue, CRcvQueue *CUDT::*);
OPENS(timed_list, CRcvUList *CRcvQueue::*);
OPENS(connected, volatile bool CUDT::*);
OPENS(broken, volatile bool CUDT::*);
OPENS(closing, volatile bool CUDT::*);
template struct opened<socket_id, &CUDT::m_SocketID>;
template struct opened<receive_queue, &CUDT::m_pRcvQueue>;
template struct opened<timed_list, &CRcvQueue::m_pRcvUList>;
template struct opened<connected, &CUDT::m_bConnected>;
template struct opened<broken, &CUDT::m_bBroken>;
template struct opened<closing, &CUDT::m_bClosing>;

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

void udt_expect_many(bool expected)
{
    many = expected;
}

extern "C" {
void __real__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule);
void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule);
void __real__ZN10CACKWindowC1Ei(CACKWindow *w, int size);
void __wrap__ZN10CACKWindowC1Ei(CACKWindow *w, int size);
void __real__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss);
void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss);
void __real__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(CRcvQueue *q, int qsize, int payload, int version,
                                                      int hsize, CChannel *channel, CTimer *timer);
void __wrap__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(CRcvQueue *q, int qsize, int payload, int version,
                                                      int hsize, CChannel *channel, CTimer *timer);
void __real__ZN4CUDT11checkTimersEv(CUDT *u);
void __wrap__ZN4CUDT11checkTimersEv(CUDT *u);
void __real__ZN6CTimer7sleeptoEm(CTimer *timer, uint64_t until);
void __wrap__ZN6CTimer7sleeptoEm(CTimer *timer, uint64_t until);

/* update() puts a socket on the heap of those that send without looking whether there is room: with more than
 * 4096 at a time it writes behind the heap. insert() does the same and lets the heap grow. */
void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule)
{
    list->insert(1, u);
    if (reschedule)
        __real__ZN9CSndUList6updateEPK4CUDTb(list, u, reschedule);
}

void __wrap__ZN10CACKWindowC1Ei(CACKWindow *w, int size)
{
    __real__ZN10CACKWindowC1Ei(w, suspension_thread_listens() ? ACK_WINDOW : size);
}

void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss)
{
    __real__ZN10CSndBufferC1Eii(b, suspension_thread_listens() ? SEND_BLOCKS : size, mss);
}

void __wrap__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(CRcvQueue *q, int qsize, int payload, int version,
                                                      int hsize, CChannel *channel, CTimer *timer)
{
    __real__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(q, qsize, payload, version, many ? HASH_BUCKETS : hsize,
                                                     channel, timer);
}

/* UDT's worker comes here for each connection ten times a second, and after each of its packets. One that has
 * been idle for long is taken off the list of those that are visited, and put back when something happens. It
 * keeps its m_bOnList, which the garbage collector waits for: it is not freed before it has been put back. */
void __wrap__ZN4CUDT11checkTimersEv(CUDT *u)
{
    __real__ZN4CUDT11checkTimersEv(u);
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

/* UDT's sender waits here for the time of its next packet: what it holds (sender.c) need not wait as
 * well. */
void __wrap__ZN6CTimer7sleeptoEm(CTimer *timer, uint64_t until)
{
    uint64_t now;

    CTimer::rdtsc(now);
    if (sender_holds() && until > now + SENDER_SPARE_US * CTimer::getCPUFrequency())
        sender_flush();
    __real__ZN6CTimer7sleeptoEm(timer, until);
}
}
