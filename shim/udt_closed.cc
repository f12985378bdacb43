/* UDT keeps a closed socket for a second, so that its threads are done with it, and then its garbage
 * collector removes all those at once, under the lock that every call takes: after 20,000 closes within a
 * second nothing else happens for 100 ms. Here each close removes the oldest ones, by the collector's own
 * rules, and frees them without the lock. What is not found here in time, the collector still removes.
 */
#include "shim/private.h"
#include "shim/udt_internal.h"
#include <deque>
#include <udt/api.h>
#include <udt/core.h>

namespace
{
constexpr int64_t KEPT_MS = 1000;       /* api.cpp, checkBrokenSockets() */
constexpr uint64_t KEPT_US = 1000000;   /* likewise, on UDT's own clock */
constexpr size_t AT_ONCE = 32;          /* with one look under the lock */
constexpr size_t WAITING_MAX = 1 << 18; /* what is above it, only the collector knows */

typedef CUDTUnited *united_type;
OPENS(united, united_type);
OPENS(control_lock, pthread_mutex_t CUDTUnited::*);
typedef std::map<UDTSOCKET, CUDTSocket *> sockets_type;
OPENS(closed_sockets, sockets_type CUDTUnited::*);
typedef std::map<int64_t, std::set<UDTSOCKET>> peers_type;
OPENS(peers, peers_type CUDTUnited::*);
typedef std::map<int, CMultiplexer> ports_type;
OPENS(udp_ports, ports_type CUDTUnited::*);
OPENS(receive_node, CRNode *CUDT::*);
template struct opened<united, &CUDT::s_UDTUnited>;
template struct opened<control_lock, &CUDTUnited::m_ControlLock>;
template struct opened<closed_sockets, &CUDTUnited::m_ClosedSockets>;
template struct opened<peers, &CUDTUnited::m_PeerRec>;
template struct opened<udp_ports, &CUDTUnited::m_mMultiplexer>;
template struct opened<receive_node, &CUDT::m_pRNode>;

struct closed {
    UDTSOCKET id;
    int64_t at_ms;
};

std::mutex waiting_lock;
std::deque<closed> waiting; /* the oldest first */

bool let_go(const CUDTSocket *s)
{
    const CRNode *node = s->m_pUDT->*member_of(receive_node());

    return CTimer::getTime() - s->m_TimeStamp > KEPT_US && (!node || !node->m_bOnList) &&
           !s->m_pQueuedSockets;
}

/* The key is made in 32 bits and widened afterwards (api.cpp, newConnection()). */
int64_t peer_key(const CUDTSocket *s)
{
    return static_cast<int32_t>((static_cast<uint32_t>(s->m_PeerID) << 30) +
                                static_cast<uint32_t>(s->m_iISN));
}

void forget_peer(peers_type *all, const CUDTSocket *s)
{
    auto it = all->find(peer_key(s));

    if (it == all->end())
        return;
    it->second.erase(s->m_SocketID);
    if (it->second.empty())
        all->erase(it);
}

/* Out of all of UDT's tables, as removeSocket() does it; its lock is held. NULL: not ours to remove, or not
 * yet.
 */
CUDTSocket *take_out(CUDTUnited *u, UDTSOCKET id)
{
    auto &all = u->*member_of(closed_sockets());
    auto &udp_ports = u->*member_of(::udp_ports());
    auto it = all.find(id);
    CUDTSocket *s = it == all.end() ? nullptr : it->second;
    auto port = s ? udp_ports.find(s->m_iMuxID) : udp_ports.end();

    if (port == udp_ports.end() || port->second.m_iRefCount < 2 || !let_go(s))
        return nullptr; /* the port's last one takes the port along */
    port->second.m_iRefCount--;
    forget_peer(&(u->*member_of(peers())), s);
    all.erase(it);
    return s;
}

/* Those that have waited long enough, if they are enough to be worth it. */
size_t next_due(int64_t now_ms, UDTSOCKET ids[AT_ONCE])
{
    std::lock_guard<std::mutex> held(waiting_lock);

    if (waiting.size() < AT_ONCE || now_ms - waiting[AT_ONCE - 1].at_ms <= KEPT_MS)
        return 0;
    for (size_t i = 0; i < AT_ONCE; i++) {
        ids[i] = waiting.front().id;
        waiting.pop_front();
    }
    return AT_ONCE;
}

void add(UDTSOCKET id, int64_t now_ms)
{
    std::lock_guard<std::mutex> held(waiting_lock);

    if (waiting.size() < WAITING_MAX)
        waiting.push_back({id, now_ms});
}
} // namespace

void udt_closed(UDTSOCKET id)
{
    CUDTUnited *u = member_of(united());
    int64_t now_ms = udt_now_ms();
    UDTSOCKET ids[AT_ONCE];
    CUDTSocket *out[AT_ONCE];
    size_t n;

    add(id, now_ms);
    n = next_due(now_ms, ids);
    if (n == 0)
        return;
    pthread_mutex_lock(&(u->*member_of(control_lock())));
    for (size_t i = 0; i < n; i++)
        out[i] = take_out(u, ids[i]);
    pthread_mutex_unlock(&(u->*member_of(control_lock())));
    for (size_t i = 0; i < n; i++)
        delete out[i];
}
