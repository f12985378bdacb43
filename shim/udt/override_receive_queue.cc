/* CRcvQueue::init(): UDT's table of a port's connections has 1024 buckets, however many there are. */
#include "shim/udt/overrides.h"
#include <atomic>
#include <udt/core.h>
#include <udt/queue.h>

namespace
{
constexpr int MANY_BUCKETS = 65536;

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
    __real__ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer(q, qsize, payload, version, many ? MANY_BUCKETS : hsize,
                                                     channel, timer);
}
}
