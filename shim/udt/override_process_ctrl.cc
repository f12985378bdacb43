/* CUDT::processCtrl(): UDT visits a connection to send when an acknowledgement or a report of losses has come.
 * A receipt (receipt_packet.h), which is nothing to UDT, may let something leave as well. */
#include "shim/udt/congestion.h"
#include "shim/udt/loss_lists.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private.h"
#include <udt/core.h>
#include <udt/queue.h>

namespace
{
constexpr int NAK = 3;
constexpr int CUSTOM = 0x7FFF;

OPENS(sender_queue, CSndQueue *CUDT::*);
OPENS(sender_list, CSndUList *CSndQueue::*);
template struct opened<sender_queue, &CUDT::m_pSndQueue>;
template struct opened<sender_list, &CSndQueue::m_pSndUList>;
} // namespace

const bool override_process_ctrl = true;

extern "C" {
void __real__ZN4CUDT11processCtrlER7CPacket(CUDT *u, CPacket &packet);
void __wrap__ZN4CUDT11processCtrlER7CPacket(CUDT *u, CPacket &packet);

void __wrap__ZN4CUDT11processCtrlER7CPacket(CUDT *u, CPacket &packet)
{
    if (packet.getType() == NAK)
        loss_lists_reserve_sent(u);
    __real__ZN4CUDT11processCtrlER7CPacket(u, packet);
    if (packet.getType() == CUSTOM && congestion_flow(u))
        (u->*member_of(sender_queue())->*member_of(sender_list()))->update(u, false);
}
}
