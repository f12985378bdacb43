/* CSndLossList, CRcvLossList, CRcvBuffer: UDT makes the first two, which remember what is lost, as large as the
 * windows may ever be, and writes to all of them; most connections never need a hundredth. Here they begin
 * small, and grow to what is between the first packet that is not acknowledged and the last one. The buffer's
 * table of places is memory that is not touched before it is used. */
#include "shim/udt/loss_lists.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private.h"
#include <cstdlib>
#include <new>
#include <udt/core.h>
#include <udt/list.h>
#include <udt/queue.h>
/* buffer.h needs the above */
#include <udt/buffer.h>

namespace
{
constexpr int FIRST_SIZE = 512;    /* packets: as many may be missing at first */
constexpr int SENT_MEANWHILE = 64; /* and an eighth: by UDT's sender, until UDT lists it */
constexpr int PLAIN_PLACES = 1024; /* of a buffer that is as UDT makes it */

OPENS(lost_sent, CSndLossList *CUDT::*);
OPENS(lost_received, CRcvLossList *CUDT::*);
OPENS(lowest_unacked, volatile int32_t CUDT::*);
OPENS(highest_sent, volatile int32_t CUDT::*);
OPENS(lowest_unreceived, int32_t CUDT::*);
template struct opened<lost_sent, &CUDT::m_pSndLossList>;
template struct opened<lost_received, &CUDT::m_pRcvLossList>;
template struct opened<lowest_unacked, &CUDT::m_iSndLastAck>;
template struct opened<highest_sent, &CUDT::m_iSndCurrSeqNo>;
template struct opened<lowest_unreceived, &CUDT::m_iRcvLastAck>;

OPENS(send_first, int32_t *CSndLossList::*);
OPENS(send_last, int32_t *CSndLossList::*);
OPENS(send_next, int *CSndLossList::*);
OPENS(send_head, int CSndLossList::*);
OPENS(send_length, int CSndLossList::*);
OPENS(send_size, int CSndLossList::*);
OPENS(send_inserted, int CSndLossList::*);
OPENS(send_lock, pthread_mutex_t CSndLossList::*);
template struct opened<send_first, &CSndLossList::m_piData1>;
template struct opened<send_last, &CSndLossList::m_piData2>;
template struct opened<send_next, &CSndLossList::m_piNext>;
template struct opened<send_head, &CSndLossList::m_iHead>;
template struct opened<send_length, &CSndLossList::m_iLength>;
template struct opened<send_size, &CSndLossList::m_iSize>;
template struct opened<send_inserted, &CSndLossList::m_iLastInsertPos>;
template struct opened<send_lock, &CSndLossList::m_ListLock>;

OPENS(receive_first, int32_t *CRcvLossList::*);
OPENS(receive_last, int32_t *CRcvLossList::*);
OPENS(receive_next, int *CRcvLossList::*);
OPENS(receive_prior, int *CRcvLossList::*);
OPENS(receive_head, int CRcvLossList::*);
OPENS(receive_tail, int CRcvLossList::*);
OPENS(receive_length, int CRcvLossList::*);
OPENS(receive_size, int CRcvLossList::*);
template struct opened<receive_first, &CRcvLossList::m_piData1>;
template struct opened<receive_last, &CRcvLossList::m_piData2>;
template struct opened<receive_next, &CRcvLossList::m_piNext>;
template struct opened<receive_prior, &CRcvLossList::m_piPrior>;
template struct opened<receive_head, &CRcvLossList::m_iHead>;
template struct opened<receive_tail, &CRcvLossList::m_iTail>;
template struct opened<receive_length, &CRcvLossList::m_iLength>;
template struct opened<receive_size, &CRcvLossList::m_iSize>;

OPENS(places, CUnit **CRcvBuffer::*);
OPENS(place_count, int CRcvBuffer::*);
OPENS(unit_queue, CUnitQueue *CRcvBuffer::*);
OPENS(units_used, int CUnitQueue::*);
template struct opened<places, &CRcvBuffer::m_pUnit>;
template struct opened<place_count, &CRcvBuffer::m_iSize>;
template struct opened<unit_queue, &CRcvBuffer::m_pUnitQueue>;
template struct opened<units_used, &CUnitQueue::m_iCount>;

/* A list has its first entry at `head`, and each other one as far behind as its sequence number is. */
struct table {
    int32_t *first, *last; /* new[], -1: nothing */
    int *next, *prior;     /* prior: nullptr in a sender's list */
    int head, tail;
};

void put_entries(const struct table &from, struct table *to)
{
    int before = -1;

    to->head = 0;
    for (int i = from.head; i != -1; i = from.next[i]) {
        int at = CSeqNo::seqoff(from.first[from.head], from.first[i]);

        to->first[at] = from.first[i];
        to->last[at] = from.last[i];
        to->next[at] = -1;
        if (to->prior)
            to->prior[at] = before;
        if (before >= 0)
            to->next[before] = at;
        before = to->tail = at;
    }
}

/* Leaves `old` empty. */
void make_larger(struct table *old, bool empty, int size)
{
    struct table larger = {
        new int32_t[size], new int32_t[size], new int[size], old->prior ? new int[size] : nullptr, -1, -1};

    for (int i = 0; i < size; i++)
        larger.first[i] = larger.last[i] = -1;
    if (!empty)
        put_entries(*old, &larger);
    delete[] old->first;
    delete[] old->last;
    delete[] old->next;
    delete[] old->prior;
    *old = larger;
}

int enough(int size, int needed)
{
    while (size < needed && size <= LOSS_LISTS_SPAN_MAX)
        size *= 2;
    return size;
}

void reserve(CSndLossList *list, int needed)
{
    int &size = list->*member_of(send_size());

    if (needed <= size)
        return;
    pthread_mutex_lock(&(list->*member_of(send_lock())));
    struct table t = {list->*member_of(send_first()), list->*member_of(send_last()),
                      list->*member_of(send_next()),  nullptr,
                      list->*member_of(send_head()),  -1};
    size = enough(size, needed);
    make_larger(&t, list->*member_of(send_length()) == 0, size);
    list->*member_of(send_first()) = t.first;
    list->*member_of(send_last()) = t.last;
    list->*member_of(send_next()) = t.next;
    list->*member_of(send_head()) = t.head;
    list->*member_of(send_inserted()) = -1; /* where to look for a place first: anywhere */
    pthread_mutex_unlock(&(list->*member_of(send_lock())));
}

void reserve(CRcvLossList *list, int needed)
{
    int &size = list->*member_of(receive_size());

    if (needed <= size)
        return;
    struct table t = {list->*member_of(receive_first()), list->*member_of(receive_last()),
                      list->*member_of(receive_next()),  list->*member_of(receive_prior()),
                      list->*member_of(receive_head()),  list->*member_of(receive_tail())};
    size = enough(size, needed);
    make_larger(&t, list->*member_of(receive_length()) == 0, size);
    list->*member_of(receive_first()) = t.first;
    list->*member_of(receive_last()) = t.last;
    list->*member_of(receive_next()) = t.next;
    list->*member_of(receive_prior()) = t.prior;
    list->*member_of(receive_head()) = t.head;
    list->*member_of(receive_tail()) = t.tail;
}
} // namespace

const bool override_loss_lists = true;

/* A range's entry moves up to its end as the range is used up from its beginning. */
void loss_lists_reserve_sent(CUDT *u)
{
    int span = CSeqNo::seqoff(u->*member_of(lowest_unacked()), u->*member_of(highest_sent())) + 1;

    if (span > 0)
        reserve(u->*member_of(lost_sent()), span + span / 8 + SENT_MEANWHILE);
}

void loss_lists_reserve_received(CUDT *u, int32_t seq)
{
    int ahead = CSeqNo::seqoff(u->*member_of(lowest_unreceived()), seq);

    if (ahead > 0 && ahead <= LOSS_LISTS_SPAN_MAX) /* what is farther has no place in the buffer */
        reserve(u->*member_of(lost_received()), ahead + 2);
}

extern "C" {
void __real__ZN12CSndLossListC1Ei(CSndLossList *list, int size);
void __wrap__ZN12CSndLossListC1Ei(CSndLossList *list, int size);
void __real__ZN12CRcvLossListC1Ei(CRcvLossList *list, int size);
void __wrap__ZN12CRcvLossListC1Ei(CRcvLossList *list, int size);
void __real__ZN10CRcvBufferC1EP10CUnitQueuei(CRcvBuffer *b, CUnitQueue *queue, int size);
void __wrap__ZN10CRcvBufferC1EP10CUnitQueuei(CRcvBuffer *b, CUnitQueue *queue, int size);
void __real__ZN10CRcvBufferD1Ev(CRcvBuffer *b);
void __wrap__ZN10CRcvBufferD1Ev(CRcvBuffer *b);

void __wrap__ZN12CSndLossListC1Ei(CSndLossList *list, int size)
{
    __real__ZN12CSndLossListC1Ei(list, size < FIRST_SIZE ? size : FIRST_SIZE);
}

void __wrap__ZN12CRcvLossListC1Ei(CRcvLossList *list, int size)
{
    __real__ZN12CRcvLossListC1Ei(list, size < FIRST_SIZE ? size : FIRST_SIZE);
}

void __wrap__ZN10CRcvBufferC1EP10CUnitQueuei(CRcvBuffer *b, CUnitQueue *queue, int size)
{
    if (size <= PLAIN_PLACES) {
        __real__ZN10CRcvBufferC1EP10CUnitQueuei(b, queue, size);
        return;
    }
    auto **places = static_cast<CUnit **>(calloc(static_cast<size_t>(size), sizeof(void *)));
    if (!places)
        throw std::bad_alloc();
    __real__ZN10CRcvBufferC1EP10CUnitQueuei(b, queue, 1);
    delete[](b->*member_of(::places()));
    b->*member_of(::places()) = places;
    b->*member_of(place_count()) = size;
}

void __wrap__ZN10CRcvBufferD1Ev(CRcvBuffer *b)
{
    int &count = b->*member_of(place_count());
    CUnit **&all = b->*member_of(places());

    if (count > PLAIN_PLACES) {
        for (int i = 0; i < count; i++) {
            if (!all[i])
                continue;
            all[i]->m_iFlag = 0;
            --(b->*member_of(unit_queue())->*member_of(units_used()));
        }
        free(all);
        all = nullptr;
        count = 0;
    }
    __real__ZN10CRcvBufferD1Ev(b);
}
}
