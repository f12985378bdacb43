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

/* Bulk: UDT's own control, until the flow leads (override_pack_data.cc): then nothing of UDT's is a bound but
 * what the peer has room for. */
class led : public CUDTCC
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
            CUDTCC::onACK(ack);
    }
    void onLoss(const int32_t *list, int size) override
    {
        if (!follows())
            CUDTCC::onLoss(list, size);
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
