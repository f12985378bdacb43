/* UDT keeps a closed socket for a second, so that its threads are done with it, and then its garbage
 * collector removes all those at once, under the lock that every call takes: after 20,000 closes
 * within a second nothing else happens for 100 ms. Here closes remove the oldest ones, a few at a
 * time, by the collector's rules and with its own function. What is not found here in time, the
 * collector still removes. */
#include "shim/udt/private_united.h"
#include "shim/udt/udt_internal.h"
#include <udt/api.h>
#include <udt/core.h>

namespace
{
constexpr int64_t KEPT_MS = 1000;     /* api.cpp, checkBrokenSockets() */
constexpr uint64_t KEPT_US = 1000000; /* likewise, on UDT's own clock */
constexpr size_t AT_ONCE = 16;        /* with one look under the lock, which takes some 50 us */
constexpr size_t BATCHES = 2048;      /* 32,768 closes in a second; what is above, only the collector knows */

OPENS(closed_sockets, sockets_type CUDTUnited::*);
typedef void (CUDTUnited::*remove_type)(const UDTSOCKET);
OPENS(remove_socket, remove_type);
OPENS(receive_node, CRNode *CUDT::*);
template struct opened<closed_sockets, &CUDTUnited::m_ClosedSockets>;
template struct opened<remove_socket, &CUDTUnited::removeSocket>;
template struct opened<receive_node, &CUDT::m_pRNode>;

struct batch {
    int64_t closed_ms; /* the last of it */
    UDTSOCKET ids[AT_ONCE];
};

std::mutex waiting_lock;
struct batch waiting[BATCHES]; /* a ring */
size_t first, count;           /* of those that are full */
size_t filled;                 /* ids in the one behind them */

/* A port's last socket takes the port along, threads and all: that is left to the collector. */
bool shares_port(CUDTUnited *u, const CUDTSocket *s)
{
    auto &all = u->*member_of(udp_ports());
    auto port = all.find(s->m_iMuxID);

    return port != all.end() && port->second.m_iRefCount > 1;
}

/* UDT's lock is held. */
void remove_if_due(CUDTUnited *u, UDTSOCKET id)
{
    auto &all = u->*member_of(closed_sockets());
    auto it = all.find(id);

    if (it == all.end() || !shares_port(u, it->second))
        return;
    const CRNode *node = it->second->m_pUDT->*member_of(receive_node());
    if (CTimer::getTime() - it->second->m_TimeStamp > KEPT_US && (!node || !node->m_bOnList))
        (u->*member_of(remove_socket()))(id);
}

void add(UDTSOCKET id, int64_t now_ms)
{
    struct batch *b = &waiting[(first + count) % BATCHES];

    if (count == BATCHES)
        return;
    b->ids[filled++] = id;
    if (filled < AT_ONCE)
        return;
    b->closed_ms = now_ms;
    filled = 0;
    count++;
}

/* False: none has waited long enough. */
bool next_due(struct batch *out, int64_t now_ms)
{
    if (count == 0 || now_ms - waiting[first].closed_ms <= KEPT_MS)
        return false;
    *out = waiting[first];
    first = (first + 1) % BATCHES;
    count--;
    return true;
}
} // namespace

void udt_closed(UDTSOCKET id)
{
    CUDTUnited *u = member_of(united());
    int64_t now_ms = clock_now_ms();
    struct batch due;

    {
        std::lock_guard<std::mutex> held(waiting_lock);

        add(id, now_ms);
        if (!next_due(&due, now_ms))
            return;
    }
    pthread_mutex_lock(&(u->*member_of(control_lock())));
    for (UDTSOCKET one : due.ids)
        remove_if_due(u, one);
    pthread_mutex_unlock(&(u->*member_of(control_lock())));
}

void udt_closed_all()
{
    CUDTUnited *u = member_of(united());

    pthread_mutex_lock(&(u->*member_of(control_lock())));
    for (auto &entry : u->*member_of(closed_sockets())) {
        CRNode *node = entry.second->m_pUDT->*member_of(receive_node());
        if (node)
            __atomic_store_n(&node->m_llTimeStamp, 0, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&(u->*member_of(control_lock())));
}
