/* UDT's sockets: their options, their errors, their threads' signals. */
#include "shim/udt/congestion.h"
#include "shim/udt/udt_ids.h"
#include "shim/udt/udt_internal.h"

namespace
{
template <typename T> bool set_option(UDTSOCKET id, UDT::SOCKOPT option, T value)
{
    return UDT::setsockopt(id, 0, option, &value, sizeof value) != UDT::ERROR;
}

/* UDT_FC before the buffers, never UDT_FC alone: the loss lists are sized from it (UDT4.md, B). */
bool set_options(UDTSOCKET id, int packets, int mss, struct flow *flow)
{
    struct linger off = {0, 0};

    if (!congestion_choose(id, flow))
        return false;
    return set_option(id, UDP_RCVBUF, UDP_BUFFER_BYTES) && set_option(id, UDP_SNDBUF, UDP_BUFFER_BYTES) &&
           set_option(id, UDT_MSS, mss) && set_option(id, UDT_FC, packets) &&
           set_option(id, UDT_RCVBUF, packets * (mss - UDT_HEADS)) &&
           set_option(id, UDT_SNDBUF, packets * (mss - UDT_HEADS)) && set_option(id, UDT_LINGER, off) &&
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

UDTSOCKET udt_socket(int packets, int mss, struct flow *flow)
{
    UDTSOCKET id = udt_ids_socket();

    if (id == UDT::INVALID_SOCK)
        return id;
    if (set_options(id, packets, mss, flow))
        return id;
    UDT::close(id);
    return UDT::INVALID_SOCK;
}

bool udt_set_rendezvous(UDTSOCKET id, bool on)
{
    return set_option(id, UDT_RENDEZVOUS, on);
}

bool udt_set_sharing(UDTSOCKET id, bool on)
{
    return set_option(id, UDT_REUSEADDR, on);
}
