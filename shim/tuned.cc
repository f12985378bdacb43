/* Five functions of UDT that the linker sends through here (--wrap), because they are made for a few busy
 * connections: a server has many idle ones. All five are called from another member of libudt.a than the one
 * that defines them.
 *
 * Private members are reached by explicit instantiation, as in accept_set.cc. */
#include "shim/tuned.h"
#include "shim/private.h"
#include "shim/udt_internal.h"
#include "shim/wire_park.h"
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
OPENS(send_packets, int CUDT::*);
OPENS(send_queue, CSndQueue *CUDT::*);
OPENS(peer_address, sockaddr *CUDT::*);
typedef int (CUDT::*pack_type)(CPacket &, uint64_t &);
OPENS(pack, pack_type);
OPENS(list_lock, pthread_mutex_t CSndUList::*);
template struct opened<socket_id, &CUDT::m_SocketID>;
template struct opened<receive_queue, &CUDT::m_pRcvQueue>;
template struct opened<timed_list, &CRcvQueue::m_pRcvUList>;
template struct opened<connected, &CUDT::m_bConnected>;
template struct opened<broken, &CUDT::m_bBroken>;
template struct opened<closing, &CUDT::m_bClosing>;
template struct opened<send_packets, &CUDT::m_iSndBufSize>;
template struct opened<send_queue, &CUDT::m_pSndQueue>;
template struct opened<peer_address, &CUDT::m_pPeerAddr>;
template struct opened<pack, &CUDT::packData>;
template struct opened<list_lock, &CSndUList::m_ListLock>;

CRcvUList *list_of(CUDT *u)
{
    return u->*member_of(receive_queue())->*member_of(timed_list());
}

bool alive(CUDT *u)
{
    return u->*member_of(connected()) && !(u->*member_of(broken())) && !(u->*member_of(closing()));
}

/* The next packet that the window lets go, if there is one. As CSndUList::pop() does: one thread at a time.
 */
bool next_packet(CSndUList *list, CUDT *u, CPacket &packet)
{
    uint64_t again = 1; /* 0: nothing to send; else of a packet that was acknowledged meanwhile */
    int bytes = 0;

    pthread_mutex_lock(&(list->*member_of(list_lock())));
    while (bytes <= 0 && again && u->*member_of(connected()) && !(u->*member_of(broken())))
        bytes = (u->*member_of(pack()))(packet, again);
    pthread_mutex_unlock(&(list->*member_of(list_lock())));
    return bytes > 0;
}

/* What is not spaced needs no thread that waits for the time of the next packet: who has brought something to
 * send, or an acknowledgement that opens the window, sends it. UDT's sender would be woken for each, and the
 * three threads would wait for each other's locks. */
void send_now(CSndUList *list, CUDT *u)
{
    CPacket packet;

    while (next_packet(list, u, packet))
        (u->*member_of(send_queue()))->sendto(u->*member_of(peer_address()), packet);
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

/* update() puts a socket on the heap of those that send without looking whether there is room: with more than
 * 4096 at a time it writes behind the heap. insert() does the same and lets the heap grow. */
void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule)
{
    if (u->*member_of(send_packets()) <= SMALL_PACKETS) {
        send_now(list, const_cast<CUDT *>(u));
        return;
    }
    list->insert(1, u);
    if (reschedule)
        __real__ZN9CSndUList6updateEPK4CUDTb(list, u, reschedule);
}

void __wrap__ZN10CACKWindowC1Ei(CACKWindow *w, int size)
{
    __real__ZN10CACKWindowC1Ei(w, wire_thread_listens() ? ACK_WINDOW : size);
}

void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss)
{
    __real__ZN10CSndBufferC1Eii(b, wire_thread_listens() ? SEND_BLOCKS : size, mss);
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
    switch (wire_parking(u->*member_of(socket_id()), u, alive(u))) {
    case WIRE_PARK:
        list_of(u)->remove(u);
        break;
    case WIRE_UNPARK:
        list_of(u)->insert(u);
        break;
    case WIRE_STAY:
        break;
    }
}

void wire_relist(void *udt)
{
    auto *u = static_cast<CUDT *>(udt);

    list_of(u)->insert(u);
}
}
