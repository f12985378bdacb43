#include "shim/udt/unsent.h"
#include "shim/udt/packet.h"

void unsent_begin(struct unsent *u, uint32_t isn)
{
    *u = (struct unsent){.written = isn, .most = UNSENT_LEAST};
}

void unsent_written(struct unsent *u, uint32_t packets, uint64_t period_ns)
{
    uint64_t most = UNSENT_US * UINT64_C(1000) / (period_ns ? period_ns : 1);

    u->written += packets;
    u->most = most < UNSENT_LEAST ? UNSENT_LEAST : most > UNSENT_MOST ? UNSENT_MOST : (uint32_t)most;
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
