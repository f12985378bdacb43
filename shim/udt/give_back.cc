#include "shim/udt/give_back.h"
#include "shim/udt/private.h"
#include "shim/udt/sent_use.h"
#include <cstdint>
#include <sys/mman.h>
#include <udt/udt.h>
#include <unistd.h>
/* they need the above */
#include <udt/buffer.h>
#include <udt/core.h>
#include <udt/queue.h>

namespace
{
constexpr int WORTH_PACKETS = 256;

OPENS(grown_socket_id, UDTSOCKET CUDT::*);
OPENS(grown_write_lock, pthread_mutex_t CUDT::*);
OPENS(grown_ack_lock, pthread_mutex_t CUDT::*);
OPENS(grown_send_buffer, CSndBuffer *CUDT::*);
OPENS(grown_send_count, int CSndBuffer::*);
OPENS(grown_send_size, int CSndBuffer::*);
OPENS(grown_send_bytes, int CSndBuffer::*);
OPENS(grown_units_of, CUnitQueue CRcvQueue::*);
OPENS(grown_unit_size, int CUnitQueue::*);
OPENS(grown_unit_count, int CUnitQueue::*);
OPENS(grown_unit_bytes, int CUnitQueue::*);
template struct opened<grown_socket_id, &CUDT::m_SocketID>;
template struct opened<grown_write_lock, &CUDT::m_SendLock>;
template struct opened<grown_ack_lock, &CUDT::m_AckLock>;
template struct opened<grown_send_buffer, &CUDT::m_pSndBuffer>;
template struct opened<grown_send_count, &CSndBuffer::m_iCount>;
template struct opened<grown_send_size, &CSndBuffer::m_iSize>;
template struct opened<grown_send_bytes, &CSndBuffer::m_iMSS>;
template struct opened<grown_units_of, &CRcvQueue::m_UnitQueue>;
template struct opened<grown_unit_size, &CUnitQueue::m_iSize>;
template struct opened<grown_unit_count, &CUnitQueue::m_iCount>;
template struct opened<grown_unit_bytes, &CUnitQueue::m_iMSS>;

/* The whole pages within. They read as zeros until they are written to: whoever still sends from them, as
 * a repeat that was under way when its acknowledgement came, sends what the peer throws away. */
void discard(char *data, size_t len)
{
    static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    auto first = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
    auto end = (reinterpret_cast<uintptr_t>(data) + len) / page * page;

    if (end > first)
        (void)madvise(reinterpret_cast<void *>(first), end - first, MADV_DONTNEED);
}

template <typename Chunk> void discard_list(Chunk *c, size_t packet)
{
    for (; c; c = c->m_pNext)
        discard(c->m_pcData, static_cast<size_t>(c->m_iSize) * packet);
}

bool all_free(const CUnit *units, int count)
{
    for (int i = 0; i < count; i++)
        if (units[i].m_iFlag != 0)
            return false;
    return true;
}

/* Only this thread fills units; others empty them. True: all are free. */
template <typename Chunk> bool discard_ring(Chunk *first, size_t packet)
{
    Chunk *c = first;
    bool all = true;

    do {
        bool is_free = all_free(c->m_pUnit, c->m_iSize);
        all = all && is_free;
        if (is_free)
            discard(c->m_pBuffer, static_cast<size_t>(c->m_iSize) * packet);
        c = c->m_pNext;
    } while (c && c != first);
    return all;
}

/* What the lists are made of has private types, which are not named here. */
void each_sent(CSndBuffer *b, size_t packet);
bool each_received(CUnitQueue *q, size_t packet);

template <typename Chunks, Chunks chunks> struct sent_chunks {
    friend void each_sent(CSndBuffer *b, size_t packet)
    {
        discard_list(b->*chunks, packet);
    }
};
template <typename Chunks, Chunks chunks> struct received_chunks {
    friend bool each_received(CUnitQueue *q, size_t packet)
    {
        return discard_ring(q->*chunks, packet);
    }
};
template struct sent_chunks<decltype(&CSndBuffer::m_pBuffer), &CSndBuffer::m_pBuffer>;
template struct received_chunks<decltype(&CUnitQueue::m_pQEntry), &CUnitQueue::m_pQEntry>;

bool is_grown(const CSndBuffer *b)
{
    return b && b->*member_of(grown_send_size()) >= WORTH_PACKETS;
}

int on_way(const CSndBuffer *b)
{
    return b->*member_of(grown_send_count());
}

/* Whoever writes has the one lock, who sends and who hears acknowledgements the other: who has it now is not
 * idle. False: something was in the way. */
bool discard_sent(CUDT *u, CSndBuffer *b)
{
    bool done = false;

    if (pthread_mutex_trylock(&(u->*member_of(grown_write_lock()))) != 0)
        return false;
    if (pthread_mutex_trylock(&(u->*member_of(grown_ack_lock()))) == 0) {
        done = on_way(b) == 0;
        if (done)
            each_sent(b, static_cast<size_t>(b->*member_of(grown_send_bytes())));
        pthread_mutex_unlock(&(u->*member_of(grown_ack_lock())));
    }
    pthread_mutex_unlock(&(u->*member_of(grown_write_lock())));
    return done;
}
} // namespace

void give_back_sent(CUDT *u)
{
    CSndBuffer *b = u->*member_of(grown_send_buffer());
    UDTSOCKET id = u->*member_of(grown_socket_id());

    if (!is_grown(b))
        return;
    if (on_way(b) > b->*member_of(grown_send_size()) / GIVE_BACK_BELOW)
        sent_use_much(id);
    else if (on_way(b) == 0 && sent_use_is_little(id) && discard_sent(u, b))
        sent_use_given_back(id);
}

int give_back_unread(void *receive_queue)
{
    return static_cast<CRcvQueue *>(receive_queue)
               ->*member_of(grown_units_of()).*member_of(grown_unit_count());
}

bool give_back_received(void *receive_queue, int most)
{
    CUnitQueue &units = static_cast<CRcvQueue *>(receive_queue)->*member_of(grown_units_of());
    int size = units.*member_of(grown_unit_size());

    if (size < WORTH_PACKETS)
        return true;
    return most <= size / GIVE_BACK_BELOW &&
           each_received(&units, static_cast<size_t>(units.*member_of(grown_unit_bytes())));
}
