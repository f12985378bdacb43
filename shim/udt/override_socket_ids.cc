/* UDT's socket ids count down from a random number below 2^30, one for each socket there ever was, and at 0
 * they are used up: no connection is made or accepted any more (UDT4.md, A7). Before UDT takes the next one,
 * the counter is set so that it is one that is free, beginning anew at the top. CUDTUnited::newConnection()
 * makes sockets that are accepted; our own are made by udt_socket(). Both of them go one at a time, so that
 * what was looked up stays true. */
#include "shim/udt/overrides.h"
#include "shim/udt/private_united.h"
#include "shim/udt/udt_ids.h"
#include <mutex>
#include <udt/api.h>
#include <udt/core.h>

namespace
{
constexpr UDTSOCKET TOP = 1 << 30; /* api.cpp, CUDTUnited(): the highest start */

OPENS(id_counter, UDTSOCKET CUDTUnited::*);
OPENS(id_lock, pthread_mutex_t CUDTUnited::*);
OPENS(table_lock, pthread_mutex_t CUDTUnited::*);
OPENS(open_sockets, sockets_type CUDTUnited::*);
OPENS(ended_sockets, sockets_type CUDTUnited::*);
template struct opened<id_counter, &CUDTUnited::m_SocketID>;
template struct opened<id_lock, &CUDTUnited::m_IDLock>;
template struct opened<table_lock, &CUDTUnited::m_ControlLock>;
template struct opened<open_sockets, &CUDTUnited::m_Sockets>;
template struct opened<ended_sockets, &CUDTUnited::m_ClosedSockets>;

std::mutex one_at_a_time;
bool wrapped; /* ids below the counter may be in use; guarded by one_at_a_time */

bool in_use(CUDTUnited *u, UDTSOCKET id)
{
    return (u->*member_of(open_sockets())).count(id) || (u->*member_of(ended_sockets())).count(id);
}

/* As long as the counter has not begun anew, what is below it was never used. */
void choose_next(CUDTUnited *u)
{
    UDTSOCKET &counter = u->*member_of(id_counter());

    pthread_mutex_lock(&(u->*member_of(table_lock())));
    pthread_mutex_lock(&(u->*member_of(id_lock())));
    UDTSOCKET next = counter;
    do {
        if (next <= 1) {
            next = TOP + 1;
            wrapped = true;
        }
        next--;
    } while (wrapped && in_use(u, next));
    counter = next + 1;
    pthread_mutex_unlock(&(u->*member_of(id_lock())));
    pthread_mutex_unlock(&(u->*member_of(table_lock())));
}
} // namespace

const bool override_socket_ids = true;

UDTSOCKET udt_ids_socket()
{
    std::lock_guard<std::mutex> held(one_at_a_time);

    choose_next(member_of(united()));
    return UDT::socket(AF_INET6, SOCK_STREAM, 0);
}

UDTSOCKET udt_ids_last()
{
    CUDTUnited *u = member_of(united());

    pthread_mutex_lock(&(u->*member_of(id_lock())));
    UDTSOCKET last = u->*member_of(id_counter());
    pthread_mutex_unlock(&(u->*member_of(id_lock())));
    return last;
}

extern "C" {
int __real__ZN10CUDTUnited13newConnectionEiPK8sockaddrP10CHandShake(CUDTUnited *u, UDTSOCKET listener,
                                                                    const sockaddr *peer, CHandShake *hs);
int __wrap__ZN10CUDTUnited13newConnectionEiPK8sockaddrP10CHandShake(CUDTUnited *u, UDTSOCKET listener,
                                                                    const sockaddr *peer, CHandShake *hs);

int __wrap__ZN10CUDTUnited13newConnectionEiPK8sockaddrP10CHandShake(CUDTUnited *u, UDTSOCKET listener,
                                                                    const sockaddr *peer, CHandShake *hs)
{
    std::lock_guard<std::mutex> held(one_at_a_time);

    choose_next(u);
    return __real__ZN10CUDTUnited13newConnectionEiPK8sockaddrP10CHandShake(u, listener, peer, hs);
}

void udt_ids_continue_at(int32_t id)
{
    std::lock_guard<std::mutex> held(one_at_a_time);
    CUDTUnited *u = member_of(united());

    pthread_mutex_lock(&(u->*member_of(id_lock())));
    u->*member_of(id_counter()) = id;
    pthread_mutex_unlock(&(u->*member_of(id_lock())));
    wrapped = true;
}
}
