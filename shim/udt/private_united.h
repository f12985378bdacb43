/* shim/udt/private_united.h: what several files take of CUDTUnited, which has UDT's sockets and ports, and
 * of the state of a connection. C++. */
#ifndef HX_SHIM_UDT_PRIVATE_UNITED_H
#define HX_SHIM_UDT_PRIVATE_UNITED_H

#include "shim/udt/private.h"
#include <map>
#include <udt/api.h>
#include <udt/core.h>

namespace
{
typedef std::map<UDTSOCKET, CUDTSocket *> sockets_type;
typedef std::map<int, CMultiplexer> ports_type;
OPENS(united, CUDTUnited *);
OPENS(control_lock, pthread_mutex_t CUDTUnited::*);
OPENS(udp_ports, ports_type CUDTUnited::*);
template struct opened<united, &CUDT::s_UDTUnited>;
template struct opened<control_lock, &CUDTUnited::m_ControlLock>;
template struct opened<udp_ports, &CUDTUnited::m_mMultiplexer>;

OPENS(connected, volatile bool CUDT::*);
OPENS(broken, volatile bool CUDT::*);
OPENS(closing, volatile bool CUDT::*);
template struct opened<connected, &CUDT::m_bConnected>;
template struct opened<broken, &CUDT::m_bBroken>;
template struct opened<closing, &CUDT::m_bClosing>;
} // namespace

#endif
