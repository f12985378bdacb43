#include "shim/udt/unsent.h"
#include "shim/udt/packet.h"

void unsent_begin(struct unsent *u, uint32_t isn)
{
    *u = (struct unsent){.written = isn, .most = UNSENT_LEAST, .talk_ms = INT64_MIN / 2 /* long ago */};
}

static uint32_t within(uint64_t us, uint64_t period_ns, uint32_t least, uint32_t most)
{
    uint64_t packets = us * 1000 / (period_ns ? period_ns : 1);

    return packets < least ? least : packets > most ? most : (uint32_t)packets;
}

void unsent_written(struct unsent *u, const struct unsent_write *w, int64_t now_ms)
{
    if (w->little)
        u->talk_ms = now_ms;
    u->written += w->packets;
    if (now_ms - u->talk_ms < UNSENT_TALK_MS) {
        u->most = within(UNSENT_TALK_US, w->period_ns, UNSENT_TALK_LEAST, UNSENT_MOST);
        return;
    }
    uint32_t slow = within(UNSENT_SLOW_US, w->period_ns, UNSENT_LEAST, UNSENT_SLOW_MOST);
    u->most = within(UNSENT_US, w->period_ns, slow, UNSENT_MOST);
}

/* None, if a packet has left before unsent_written() was told of it. */
static uint32_t waiting(const struct unsent *u, uint32_t next)
{
    int32_t n = packet_distance(u->written, next);

    return n > 0 ? (uint32_t)n : 0;
}

uint32_t unsent_room(struct unsent *u, uint32_t next)
{
    uint32_t n = waiting(u, next);

    u->wanted = n >= (u->wanted ? u->most / 2 + 1 : u->most); /* not a packet each time that one has left */
    return u->wanted ? 0 : u->most - n;
}

bool unsent_left(struct unsent *u, uint32_t next)
{
    if (!u->wanted || waiting(u, next) > u->most / 2)
        return false;
    u->wanted = false;
    return true;
}
