/* CRcvQueue::init(): UDT's table of a port's connections has 1024 buckets, however many there are. And the
 * port's tap learns of the queue, whose ring is the port's (shim/udt/give_back.h). */
#include "shim/udt/overrides.h"
#include "shim/udt/private.h"
#include <atomic>
#include <udt/channel.h>
#include <udt/core.h>
#include <udt/queue.h>

extern "C" {
#include "shim/udt/tap_parts.h"
}

namespace
{
constexpr int MANY_BUCKETS = 65536;

OPENS(queue_descriptor, UDPSOCKET CChannel::*);
template struct opened<queue_descriptor, &CChannel::m_iSocket>;

std::atomic<bool> many;
} // namespace

const bool override_receive_queue = true;

void udt_expect_many(bool expected)
{
    many = expected;
}

extern "C" {
void __real__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(CRcvQueue *q, int qsize, int payload, int version,
                                                      int hsize, CChannel *channel, CTimer *timer);
void __wrap__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(CRcvQueue *q, int qsize, int payload, int version,
                                                      int hsize, CChannel *channel, CTimer *timer);

void __wrap__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(CRcvQueue *q, int qsize, int payload, int version,
                                                      int hsize, CChannel *channel, CTimer *timer)
{
    struct tap *t = tap_of(channel->*member_of(queue_descriptor()));

    if (t)
        t->receive_queue = q;
    __real__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(q, qsize, payload, version, many ? MANY_BUCKETS : hsize,
                                                     channel, timer);
}
}
