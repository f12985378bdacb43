/* UDT's sockets: their options, their errors, their threads' signals. */
#include "shim/udt/congestion.h"
#include "shim/udt/udt_ids.h"
#include "shim/udt/udt_internal.h"
#include <cstring>

namespace
{
constexpr int PACKET_BYTES = UDT_MSS_BYTES - 28; /* UDT counts buffers without IPv4 and UDP headers */
constexpr int UDP_BUFFER_BYTES = 4 << 20;

template <typename T> bool set_option(UDTSOCKET id, UDT::SOCKOPT option, T value)
{
    return UDT::setsockopt(id, 0, option, &value, sizeof(value)) != UDT::ERROR;
}

/* UDT_FC before the buffers, never UDT_FC alone: the loss lists are sized from it (UDT4.md, B). */
bool set_options(UDTSOCKET id, int packets)
{
    struct linger off = {0, 0};

    if (!congestion_choose(id, packets != SMALL_PACKETS))
        return false;
    return set_option(id, UDP_RCVBUF, UDP_BUFFER_BYTES) && set_option(id, UDP_SNDBUF, UDP_BUFFER_BYTES) &&
           set_option(id, UDT_MSS, UDT_MSS_BYTES) && set_option(id, UDT_FC, packets) &&
           set_option(id, UDT_RCVBUF, packets * PACKET_BYTES) &&
           set_option(id, UDT_SNDBUF, packets * PACKET_BYTES) && set_option(id, UDT_LINGER, off) &&
           set_option(id, UDT_SNDSYN, false) && set_option(id, UDT_RCVSYN, false);
}

} // namespace

/* The one place that knows UDT's error codes. */
int udt_error()
{
    int code = UDT::getlasterror_code();

    if (code == CUDTException::EASYNCSND || code == CUDTException::EASYNCRCV ||
        code == CUDTException::ETIMEOUT)
        return HX_EAGAIN;
    if (code == CUDTException::ECONNLOST || code == CUDTException::ENOCONN || code == CUDTException::EINVSOCK)
        return HX_ECLOSED;
    if (code / 1000 == 3)
        return HX_ENOMEM;
    return HX_ESYS;
}

UDTSOCKET udt_socket(int family, int packets)
{
    UDTSOCKET id = udt_ids_socket(family);

    if (id == UDT::INVALID_SOCK)
        return id;
    if (set_options(id, packets))
        return id;
    UDT::close(id);
    return UDT::INVALID_SOCK;
}

/* The wildcard, or the configured address in the form the socket's family takes. */
bool udt_address(int family, const struct sockaddr *local, sockaddr_storage *out, socklen_t *len)
{
    auto *sin6 = reinterpret_cast<sockaddr_in6 *>(out);
    auto *sin = reinterpret_cast<sockaddr_in *>(out);

    memset(out, 0, sizeof(*out));
    out->ss_family = static_cast<sa_family_t>(family);
    *len = family == AF_INET6 ? sizeof(*sin6) : sizeof(*sin);
    if (!local)
        return true;
    if (local->sa_family == family) {
        memcpy(out, local, *len);
        return true;
    }
    if (family != AF_INET6 || local->sa_family != AF_INET)
        return false;
    sin6->sin6_port = reinterpret_cast<const sockaddr_in *>(local)->sin_port;
    sin6->sin6_addr.s6_addr[10] = sin6->sin6_addr.s6_addr[11] = 0xFF;
    memcpy(sin6->sin6_addr.s6_addr + 12, &reinterpret_cast<const sockaddr_in *>(local)->sin_addr, 4);
    return true;
}

bool udt_set_rendezvous(UDTSOCKET id, bool on)
{
    return set_option(id, UDT_RENDEZVOUS, on);
}

bool udt_set_sharing(UDTSOCKET id, bool on)
{
    return set_option(id, UDT_REUSEADDR, on);
}
