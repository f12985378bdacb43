#include "shim/udt/congestion.h"
#include "shim/udt/private.h"
#include "shim/udt/udt_internal.h"
#include <typeinfo>
#include <udt/common.h>
#include <udt/core.h>
/* ccc.h needs the above */
#include <udt/ccc.h>

extern "C" {
#include "shim/udt/flow.h"
}

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

/* Bulk: the same, until the flow leads (override_pack_data.cc): then nothing of UDT's is a bound but what the
 * peer has room for. */
class led : public tolerant
{
  public:
    explicit led(struct flow *f) : flow(flow_hold(f))
    {
    }
    ~led() override
    {
        flow_release(flow);
    }
    led(const led &) = delete;
    led &operator=(const led &) = delete;
    void onACK(int32_t ack) override
    {
        if (!follows())
            tolerant::onACK(ack);
    }
    void onLoss(const int32_t *list, int size) override
    {
        if (!follows())
            tolerant::onLoss(list, size);
    }
    void onTimeout() override
    {
        flow_timeout(flow);
        if (!follows())
            CUDTCC::onTimeout();
    }
    void processCustomMsg(const CPacket *) override
    {
        (void)follows();
    }

    struct flow *const flow;

  private:
    static constexpr int WIDE = 1 << 24; /* packets */

    bool follows()
    {
        if (!flow_leads(flow))
            return false;
        m_dPktSndPeriod = flow_period_us(flow);
        m_dCWndSize = WIDE;
        return true;
    }
};

class led_factory : public CCCVirtualFactory
{
  public:
    explicit led_factory(struct flow *f) : flow(flow_hold(f))
    {
    }
    ~led_factory() override
    {
        flow_release(flow);
    }
    led_factory(const led_factory &) = delete;
    led_factory &operator=(const led_factory &) = delete;
    CCC *create() override
    {
        return new led(flow);
    }
    CCCVirtualFactory *clone() override
    {
        return new led_factory(flow);
    }

  private:
    struct flow *const flow;
};

OPENS(control, CCC *CUDT::*);
template struct opened<control, &CUDT::m_pCC>;
} // namespace

bool congestion_choose(UDTSOCKET id, struct flow *flow)
{
    CCCFactory<small_window> small;

    if (!flow)
        return UDT::setsockopt(id, 0, UDT_CC, &small, sizeof small) != UDT::ERROR;
    led_factory large(flow);
    return UDT::setsockopt(id, 0, UDT_CC, &large, sizeof large) != UDT::ERROR;
}

struct flow *congestion_flow(CUDT *u)
{
    CCC *cc = u->*member_of(control());

    return cc && typeid(*cc) == typeid(led) ? static_cast<led *>(cc)->flow : nullptr;
}
