/* What libudt.a(common.o) has beside CTimer (override_timer.cc) and the digest (override_cookie.cc). It does
 * what it does there. */
#include "shim/udt/overrides.h"
#include <cstring>
#include <netinet/in.h>
#include <udt/udt.h>
/* common.h needs the above */
#include <udt/common.h>

const bool override_common = true;

/* --- CGuard
 * ---------------------------------------------------------------------------------------------- */

CGuard::CGuard(pthread_mutex_t &lock) : m_Mutex(lock), m_iLocked(pthread_mutex_lock(&lock))
{
}

CGuard::~CGuard()
{
    if (m_iLocked == 0)
        pthread_mutex_unlock(&m_Mutex);
}

void CGuard::enterCS(pthread_mutex_t &lock)
{
    pthread_mutex_lock(&lock);
}

void CGuard::leaveCS(pthread_mutex_t &lock)
{
    pthread_mutex_unlock(&lock);
}

void CGuard::createMutex(pthread_mutex_t &lock)
{
    pthread_mutex_init(&lock, nullptr);
}

void CGuard::releaseMutex(pthread_mutex_t &lock)
{
    pthread_mutex_destroy(&lock);
}

void CGuard::createCond(pthread_cond_t &cond)
{
    pthread_cond_init(&cond, nullptr);
}

void CGuard::releaseCond(pthread_cond_t &cond)
{
    pthread_cond_destroy(&cond);
}

/* --- CUDTException: what is asked of it is its code (udt_socket.cc)
 * --------------------------------------- */

CUDTException::CUDTException(int major, int minor, int err)
    : m_iMajor(major), m_iMinor(minor), m_iErrno(err == -1 ? errno : err)
{
}

CUDTException::CUDTException(const CUDTException &e)
    : m_iMajor(e.m_iMajor), m_iMinor(e.m_iMinor), m_iErrno(e.m_iErrno)
{
}

CUDTException::~CUDTException() = default;

const char *CUDTException::getErrorMessage()
{
    m_strMsg = "UDT error " + std::to_string(getErrorCode());
    return m_strMsg.c_str();
}

int CUDTException::getErrorCode() const
{
    return m_iMajor * 1000 + m_iMinor;
}

void CUDTException::clear()
{
    m_iMajor = m_iMinor = m_iErrno = 0;
}

const int CUDTException::SUCCESS = 0;
const int CUDTException::ECONNSETUP = 1000;
const int CUDTException::ENOSERVER = 1001;
const int CUDTException::ECONNREJ = 1002;
const int CUDTException::ESOCKFAIL = 1003;
const int CUDTException::ESECFAIL = 1004;
const int CUDTException::ECONNFAIL = 2000;
const int CUDTException::ECONNLOST = 2001;
const int CUDTException::ENOCONN = 2002;
const int CUDTException::ERESOURCE = 3000;
const int CUDTException::ETHREAD = 3001;
const int CUDTException::ENOBUF = 3002;
const int CUDTException::EFILE = 4000;
const int CUDTException::EINVRDOFF = 4001;
const int CUDTException::ERDPERM = 4002;
const int CUDTException::EINVWROFF = 4003;
const int CUDTException::EWRPERM = 4004;
const int CUDTException::EINVOP = 5000;
const int CUDTException::EBOUNDSOCK = 5001;
const int CUDTException::ECONNSOCK = 5002;
const int CUDTException::EINVPARAM = 5003;
const int CUDTException::EINVSOCK = 5004;
const int CUDTException::EUNBOUNDSOCK = 5005;
const int CUDTException::ENOLISTEN = 5006;
const int CUDTException::ERDVNOSERV = 5007;
const int CUDTException::ERDVUNBOUND = 5008;
const int CUDTException::ESTREAMILL = 5009;
const int CUDTException::EDGRAMILL = 5010;
const int CUDTException::EDUPLISTEN = 5011;
const int CUDTException::ELARGEMSG = 5012;
const int CUDTException::EINVPOLLID = 5013;
const int CUDTException::EASYNCFAIL = 6000;
const int CUDTException::EASYNCSND = 6001;
const int CUDTException::EASYNCRCV = 6002;
const int CUDTException::ETIMEOUT = 6003;
const int CUDTException::EPEERERR = 7000;
const int CUDTException::EUNKNOWN = -1;

/* --- CIPAddress: a handshake carries an address as words, least significant byte first
 * ------------------- */

bool CIPAddress::ipcmp(const sockaddr *a, const sockaddr *b, int family)
{
    if (family == AF_INET) {
        auto *a4 = reinterpret_cast<const sockaddr_in *>(a);
        auto *b4 = reinterpret_cast<const sockaddr_in *>(b);

        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    }
    auto *a6 = reinterpret_cast<const sockaddr_in6 *>(a);
    auto *b6 = reinterpret_cast<const sockaddr_in6 *>(b);

    return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(in6_addr)) == 0;
}

void CIPAddress::ntop(const sockaddr *addr, uint32_t ip[4], int family)
{
    if (family == AF_INET) {
        ip[0] = reinterpret_cast<const sockaddr_in *>(addr)->sin_addr.s_addr;
        return;
    }
    const uint8_t *bytes = reinterpret_cast<const sockaddr_in6 *>(addr)->sin6_addr.s6_addr;

    for (int i = 0; i < 4; i++, bytes += 4)
        ip[i] = static_cast<uint32_t>(bytes[3]) << 24 | static_cast<uint32_t>(bytes[2]) << 16 |
                static_cast<uint32_t>(bytes[1]) << 8 | bytes[0];
}

void CIPAddress::pton(sockaddr *addr, const uint32_t ip[4], int family)
{
    if (family == AF_INET) {
        reinterpret_cast<sockaddr_in *>(addr)->sin_addr.s_addr = ip[0];
        return;
    }
    uint8_t *bytes = reinterpret_cast<sockaddr_in6 *>(addr)->sin6_addr.s6_addr;

    for (int i = 0; i < 16; i++)
        bytes[i] = static_cast<uint8_t>(ip[i / 4] >> (8 * (i % 4)));
}
