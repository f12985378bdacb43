/* A join that is renewed is told to all members. So what we learn about us is gathered for a moment, and then
 * for twice as long each time: a NAT that counts, or further ports (client/spare_port.h) are news again and
 * again as long as some pair looks for a path. */
#include "base/clock.h"
#include "client/binding.h"

#define FIRST_MS 100   /* what the first questions are answered with */
#define MAX_MS   10000 /* a pair that waits for so long has the relay, or none helps */

void binding_gather_begin(struct leg *leg)
{
    leg->gather_ms = FIRST_MS;
    leg->gather_due_ms = clock_now_ms() + FIRST_MS;
}

bool binding_gather_due(const struct leg *leg)
{
    return clock_now_ms() >= leg->gather_due_ms;
}

void binding_gather_told(struct leg *leg)
{
    int64_t now_ms = clock_now_ms();
    int64_t next_ms = 2 * leg->gather_ms;
    if (now_ms - leg->gather_due_ms >= 2 * MAX_MS) /* nothing was new for long */
        next_ms = FIRST_MS;
    leg->gather_ms = next_ms < MAX_MS ? next_ms : MAX_MS;
    leg->gather_due_ms = now_ms + leg->gather_ms;
}

void binding_hurry(struct binding *b)
{
    for (int i = 0; i < 2; i++) {
        if (b->legs[i].gather_due_ms > clock_now_ms() + FIRST_MS)
            binding_gather_begin(&b->legs[i]);
    }
}
