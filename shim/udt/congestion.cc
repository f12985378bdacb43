#include "shim/udt/congestion.h"
#include "shim/udt/udt_internal.h"
#include <udt/common.h>
/* ccc.h needs the above */
#include <udt/ccc.h>

namespace
{
/* A nameserver's connection carries a part now and then. UDT's own control, once its slow start is over,
 * spaces such packets by the rate at which they happened to be acknowledged: tens of milliseconds. Here the
 * window is the bound: at most SMALL_PACKETS on their way, sent as they come. */
class small_window : public CCC
{
  public:
    void init() override
    {
        m_dPktSndPeriod = 1; /* microseconds: no spacing */
        m_dCWndSize = SMALL_PACKETS;
    }
};

/* UDT's own control takes every loss for congestion and gives up a ninth of its rate for each: a path that
 * drops one packet in a hundred for other reasons stays nearly empty. Here a small share of losses on a path
 * whose round-trip time has not grown is repaired, and that is all (the idea is BBR's; we allow more, because
 * both ends may be radio links). */
class tolerant : public CUDTCC
{
  public:
    void init() override
    {
        CUDTCC::init();
        from_ = m_iSndCurrSeqNo;
    }
    void onACK(int32_t ack) override
    {
        if (m_iRTT > 0 && m_iRTT < least_rtt_)
            least_rtt_ = m_iRTT;
        CUDTCC::onACK(ack);
        grow();
    }
    void onLoss(const int32_t *list, int size) override
    {
        lost_ += count(list, size);
        if (congested())
            CUDTCC::onLoss(list, size);
    }

  private:
    static constexpr uint32_t RANGE = 0x80000000; /* the number begins a range, the next one ends it */
    static constexpr int SHARE = 10;              /* one lost of so many is congestion */
    static constexpr int LEAST_SENT = 1024;       /* packets: fewer tell nothing of a share */
    static constexpr int LOOK_BACK = 4096;        /* packets */
    static constexpr int QUEUE_US = 20000; /* and half the least: what the round-trip time may grow by */

    static constexpr uint64_t STEP_US = 10000; /* UDT's SYN interval */
    static constexpr double STEP = 1.02;       /* twice the rate in 0.35 s */

    static int count(const int32_t *list, int size)
    {
        int n = 0;

        for (int i = 0; i < size; i++, n++) {
            if ((static_cast<uint32_t>(list[i]) & RANGE) && i + 1 < size) {
                n += CSeqNo::seqlen(list[i] & ~RANGE, list[i + 1]) - 1;
                i++;
            }
        }
        return n;
    }
    /* UDT's own steps grow with the bandwidth that pairs of packets make it believe in. On a busy computer
     * that is far too little, and the way back from a bad moment takes minutes: 100 packets a second more
     * each second. */
    void grow()
    {
        uint64_t now_us = CTimer::getTime();

        if (now_us - grown_us_ < STEP_US || m_dPktSndPeriod <= 1 || crowded())
            return;
        grown_us_ = now_us;
        m_dPktSndPeriod /= STEP;
    }
    bool crowded() const
    {
        return m_iRTT > least_rtt_ + least_rtt_ / 2 + QUEUE_US;
    }
    bool congested()
    {
        int sent = CSeqNo::seqlen(from_, m_iSndCurrSeqNo);
        int judged = sent < LEAST_SENT ? LEAST_SENT : sent;
        bool lossy = lost_ * SHARE > judged;

        if (sent > LOOK_BACK) {
            from_ = m_iSndCurrSeqNo;
            lost_ = 0;
        }
        return lossy || crowded();
    }

    uint64_t grown_us_ = 0;
    int32_t from_ = 0; /* the sequence number from which losses are counted */
    int lost_ = 0;
    int least_rtt_ = 1000000; /* microseconds */
};
} // namespace

bool congestion_choose(UDTSOCKET id, bool bulk)
{
    CCCFactory<small_window> small;
    CCCFactory<tolerant> large;

    return bulk ? UDT::setsockopt(id, 0, UDT_CC, &large, sizeof large) != UDT::ERROR
                : UDT::setsockopt(id, 0, UDT_CC, &small, sizeof small) != UDT::ERROR;
}
