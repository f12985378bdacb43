/* CUDT::packData(): the next packet of a connection, and when the one after it is due. UDT's sender comes here,
 * with the lock of its list held, and override_send_list.cc.
 *
 * Where a flow leads (flow.h), it decides whether anything leaves, and when: UDT's own bound is on packets
 * that are not acknowledged in order, which those beyond a gap are not, and repeats are outside of it; and it
 * sends every sixteenth packet together with the next one. What is repeated is what the flow takes for lost,
 * CSndLossList::getLostSeq(), and what UDT lists by itself unless it has come. */
#include "shim/udt/congestion.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private.h"
#include <algorithm>
#include <udt/core.h>
#include <udt/list.h>
#include <udt/packet.h>

extern "C" {
#include "shim/udt/flow.h"
}

namespace
{
OPENS(packed_time, uint64_t CUDT::*);
OPENS(packed_lateness, uint64_t CUDT::*);
template struct opened<packed_time, &CUDT::m_ullTargetTime>;
template struct opened<packed_lateness, &CUDT::m_ullTimeDiff>;

thread_local struct flow *packing; /* whose packet this thread packs */

constexpr double NS_PER_US = 1000;
constexpr int GATHERED = 8; /* packets: of more a wake-up is a small part */

void set_time(CUDT *u, uint64_t ns)
{
    u->*member_of(packed_time()) = ns;
    u->*member_of(packed_lateness()) = 0;
}

/* UDT's sender comes back when several packets are due, and not for each: which then leave together. What is
 * written meanwhile, with nothing before it, waits for its own time alone. */
void set_next(CUDT *u, struct flow *f, uint64_t &when)
{
    uint64_t now;

    CTimer::rdtsc(now);
    when = flow_due_ns(f);
    set_time(u, when);
    if (when <= now)
        return;
    double gather_us = std::min(static_cast<double>(flow_gather_us(f)), GATHERED * flow_period_us(f));
    when += static_cast<uint64_t>(gather_us * NS_PER_US);
}
} // namespace

const bool override_pack_data = true;

extern "C" {
int __real__ZN4CUDT8packDataER7CPacketRm(CUDT *u, CPacket &packet, uint64_t &when);
int __wrap__ZN4CUDT8packDataER7CPacketRm(CUDT *u, CPacket &packet, uint64_t &when);
int32_t __real__ZN12CSndLossList10getLostSeqEv(CSndLossList *list);
int32_t __wrap__ZN12CSndLossList10getLostSeqEv(CSndLossList *list);

int32_t __wrap__ZN12CSndLossList10getLostSeqEv(CSndLossList *list)
{
    int32_t seq = __real__ZN12CSndLossList10getLostSeqEv(list);
    uint32_t lost;

    while (packing && seq >= 0 && flow_has_come(packing, static_cast<uint32_t>(seq)))
        seq = __real__ZN12CSndLossList10getLostSeqEv(list);
    return seq < 0 && packing && flow_next_lost(packing, &lost) ? static_cast<int32_t>(lost) : seq;
}

int __wrap__ZN4CUDT8packDataER7CPacketRm(CUDT *u, CPacket &packet, uint64_t &when)
{
    struct flow *f = congestion_flow(u);

    if (f && flow_leads(f)) {
        if (!flow_may_send(f)) {
            set_time(u, 0);
            when = 0;
            return 0;
        }
        packing = f;
    }
    int len = __real__ZN4CUDT8packDataER7CPacketRm(u, packet, when);
    if (f && len > 0)
        flow_sent(f, static_cast<uint32_t>(packet.m_iSeqNo), static_cast<uint32_t>(packet.m_iTimeStamp));
    if (packing && len > 0)
        set_next(u, f, when);
    else if (packing)
        flow_starved(f);
    packing = nullptr;
    return len;
}
}
