/* CSndUList::update(): puts a socket on the list of those that UDT's sender, a thread of its own, visits.
 * Differences to UDT's own:
 *
 * Where a flow leads (flow.h), a repeat leaves when the next packet would: not out of turn.
 *
 * It writes behind the heap with more than 4096 sockets at a time, for it does not look whether there is
 * room. insert() does the same and lets the heap grow.
 *
 * An acknowledgement comes here, too. If it leaves nothing to send, the sender is not woken.
 *
 * A packet that is the only one to send leaves from the thread that has written it: a request or an
 * answer does not wait until the sender has woken up. What is more than one packet is the sender's,
 * which sends bursts. */
#include "shim/udt/congestion.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private_united.h"
#include "shim/udt/sender.h"
#include "shim/udt/udt_internal.h"
#include <udt/core.h>
#include <udt/queue.h>

extern "C" {
#include "shim/net/burst.h"
#include "shim/udt/flow.h"
#include "shim/udt/tap_parts.h"
}

namespace
{
OPENS(list_lock, pthread_mutex_t CSndUList::*);
OPENS(node, CSNode *CUDT::*);
OPENS(buffer_packets, int CUDT::*);
OPENS(send_buffer, CSndBuffer *CUDT::*);
OPENS(lost, CSndLossList *CUDT::*);
OPENS(ack_lock, pthread_mutex_t CUDT::*);
OPENS(first_unacked, volatile int32_t CUDT::*);
OPENS(last_sent, volatile int32_t CUDT::*);
OPENS(send_time, uint64_t CUDT::*);
OPENS(interval, volatile uint64_t CUDT::*);
OPENS(lateness, uint64_t CUDT::*);
OPENS(send_queue, CSndQueue *CUDT::*);
OPENS(channel, CChannel *CSndQueue::*);
OPENS(peer_address, sockaddr *CUDT::*);
typedef int (CUDT::*pack_type)(CPacket &, uint64_t &);
OPENS(pack_data, pack_type);
template struct opened<list_lock, &CSndUList::m_ListLock>;
template struct opened<node, &CUDT::m_pSNode>;
template struct opened<buffer_packets, &CUDT::m_iSndBufSize>;
template struct opened<send_buffer, &CUDT::m_pSndBuffer>;
template struct opened<lost, &CUDT::m_pSndLossList>;
template struct opened<ack_lock, &CUDT::m_AckLock>;
template struct opened<first_unacked, &CUDT::m_iSndLastDataAck>;
template struct opened<last_sent, &CUDT::m_iSndCurrSeqNo>;
template struct opened<send_time, &CUDT::m_ullTargetTime>;
template struct opened<interval, &CUDT::m_ullInterval>;
template struct opened<lateness, &CUDT::m_ullTimeDiff>;
template struct opened<send_queue, &CUDT::m_pSndQueue>;
template struct opened<channel, &CSndQueue::m_pChannel>;
template struct opened<peer_address, &CUDT::m_pPeerAddr>;
template struct opened<pack_data, &CUDT::packData>;

enum visit { NO_VISIT, SENDER_VISITS, SENT_HERE };

/* Packets that were written and never sent. The list's lock is held: nobody sends meanwhile. */
int unsent(CUDT *u)
{
    pthread_mutex_lock(&(u->*member_of(ack_lock())));
    int in_flight = CSeqNo::seqoff(u->*member_of(first_unacked()), u->*member_of(last_sent())) + 1;
    int all = (u->*member_of(send_buffer()))->getCurrBufSize();
    pthread_mutex_unlock(&(u->*member_of(ack_lock())));
    return all - in_flight;
}

/* A socket that is on no list waits for nothing: when its last packet left is no reason to send more at once
 * now, as packData() does after a visit that finds nothing to send. */
void forget_lateness(CUDT *u, uint64_t now)
{
    if (now < u->*member_of(send_time()))
        return;
    u->*member_of(send_time()) = 0;
    u->*member_of(lateness()) = 0;
}

bool may_send_here(CUDT *u)
{
    /* a nameserver's loop has more to do than to send */
    return !tap_served() && !burst_held_by_any() && u->*member_of(buffer_packets()) > SMALL_PACKETS &&
           u->*member_of(send_time()) == 0 && u->*member_of(connected()) && !(u->*member_of(broken())) &&
           !(u->*member_of(closing()));
}

/* The list's lock is held. SENT_HERE: `packet` is to be sent now. SENDER_VISITS: at `when`. */
enum visit decide(CUDT *u, CPacket &packet, uint64_t &when)
{
    uint64_t now;

    if ((u->*member_of(node()))->m_iHeapLoc >= 0)
        return NO_VISIT; /* that is agreed */
    int count = unsent(u);
    struct flow *f = congestion_flow(u);
    int lost_count = (u->*member_of(lost()))->getLossLength() + (f ? static_cast<int>(flow_lost(f)) : 0);
    if (count <= 0 && lost_count == 0)
        return NO_VISIT;
    CTimer::rdtsc(now);
    forget_lateness(u, now);
    if (count == 1 && lost_count == 0 && may_send_here(u))
        return (u->*member_of(pack_data()))(packet, when) > 0 ? SENT_HERE : NO_VISIT;
    when = u->*member_of(send_time()) ? u->*member_of(send_time()) : 1;
    return SENDER_VISITS;
}

void send_here(CUDT *u, CPacket &packet)
{
    sender_at_once(true);
    (void)(u->*member_of(send_queue())->*member_of(channel()))->sendto(u->*member_of(peer_address()), packet);
    sender_at_once(false);
}
} // namespace

const bool override_send_list = true;

extern "C" {
void __real__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule);
void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule);

void __wrap__ZN9CSndUList6updateEPK4CUDTb(CSndUList *list, const CUDT *u, bool reschedule)
{
    auto *socket = const_cast<CUDT *>(u);
    uint64_t when = 1;

    udt_last_write.period_ns = socket->*member_of(interval());
    struct flow *f = congestion_flow(socket);
    if (reschedule && !(f && flow_leads(f))) { /* there is something to be sent again */
        list->insert(1, u);
        __real__ZN9CSndUList6updateEPK4CUDTb(list, u, reschedule);
        return;
    }
    pthread_mutex_lock(&(list->*member_of(list_lock())));
    CPacket packet;
    enum visit visit = decide(socket, packet, when);
    pthread_mutex_unlock(&(list->*member_of(list_lock())));
    if (visit == SENDER_VISITS)
        list->insert(static_cast<int64_t>(when), u);
    else if (visit == SENT_HERE)
        send_here(socket, packet);
}
}
