/* UDT finds the UDP port of a socket by its port number alone: a listener's connections attach to
 * whichever of its multiplexers has that number (api.cpp, updateMux()), so two ports of one number on two
 * addresses would get each other's. Here each port of ours has a number of its own in UDT's tables, which
 * is none of the network's. */
#include "shim/udt/private_united.h"
#include "shim/udt/udt_internal.h"
#include <udt/api.h>
#include <udt/core.h>

namespace
{
std::atomic<uint16_t> last_key;
} // namespace

bool udt_port_key(UDTSOCKET port_socket, sockaddr_in6 *name)
{
    CUDTUnited *u = member_of(united());
    CUDTSocket *s = udt_listener(port_socket);
    bool found = false;

    if (!s)
        return false;
    pthread_mutex_lock(&(u->*member_of(control_lock())));
    auto &all = u->*member_of(udp_ports());
    auto port = all.find(s->m_iMuxID);
    if (port != all.end()) {
        uint16_t key = ++last_key;

        port->second.m_iPort = key;
        port->second.m_bReusable = true; /* bind2() was told not to share another port's */
        reinterpret_cast<sockaddr_in6 *>(s->m_pSelfAddr)->sin6_port = name->sin6_port = htons(key);
        found = true;
    }
    pthread_mutex_unlock(&(u->*member_of(control_lock())));
    return found;
}
