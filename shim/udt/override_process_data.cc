/* CUDT::processData(): UDT acknowledges a packet at once that is shorter than the MSS: it takes it for the
 * end of what was written, which somebody may wait for. Where the path takes less than the MSS all packets
 * are shorter, and each would be acknowledged; and the end of what was written may be as long as the MSS. A
 * packet's head says whether it is the last of what was written at once (the second bit of its message
 * number).
 *
 * And here it is seen which packets UDT has taken: what a flow tells the peer (receipts.h). */
#include "shim/udt/congestion.h"
#include "shim/udt/loss_lists.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private.h"
#include <udt/core.h>
#include <udt/queue.h>

extern "C" {
#include "shim/udt/flow.h"
}

namespace
{
constexpr int LAST_OF_MESSAGE = 1; /* in CPacket::getMsgBoundary() */

OPENS(next_ack, uint64_t CUDT::*);
OPENS(peer_isn, int32_t CUDT::*);
template struct opened<next_ack, &CUDT::m_ullNextACKTime>;
template struct opened<peer_isn, &CUDT::m_iPeerISN>;
} // namespace

const bool override_process_data = true;

extern "C" {
int __real__ZN4CUDT11processDataEP5CUnit(CUDT *u, CUnit *unit);
int __wrap__ZN4CUDT11processDataEP5CUnit(CUDT *u, CUnit *unit);

int __wrap__ZN4CUDT11processDataEP5CUnit(CUDT *u, CUnit *unit)
{
    loss_lists_reserve_received(u, unit->m_Packet.m_iSeqNo);
    uint64_t due = u->*member_of(next_ack());
    int taken = __real__ZN4CUDT11processDataEP5CUnit(u, unit);

    if (!(unit->m_Packet.getMsgBoundary() & LAST_OF_MESSAGE))
        u->*member_of(next_ack()) = due;
    else if (taken == 0)
        CTimer::rdtsc(u->*member_of(next_ack()));
    struct flow *f = congestion_flow(u);
    if (f)
        flow_came(f, static_cast<uint32_t>(u->*member_of(peer_isn())),
                  static_cast<uint32_t>(unit->m_Packet.m_iSeqNo),
                  static_cast<uint32_t>(unit->m_Packet.m_iTimeStamp), taken == 0);
    return taken;
}
}
