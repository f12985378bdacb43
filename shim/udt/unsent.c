#include "shim/udt/unsent.h"
#include "shim/udt/packet.h"

void unsent_begin(struct unsent *u, uint32_t isn)
{
    *u = (struct unsent){.written = isn, .most = UNSENT_LEAST, .talk_ms = INT64_MIN / 2 /* long ago */};
}

void unsent_written(struct unsent *u, const struct unsent_write *w, int64_t now_ms)
{
    if (w->little)
        u->talk_ms = now_ms;
    bool talk = now_ms - u->talk_ms < UNSENT_TALK_MS;
    uint64_t us = talk ? UNSENT_TALK_US : UNSENT_US, least = talk ? UNSENT_TALK_LEAST : UNSENT_LEAST,
             most = us * 1000 / (w->period_ns ? w->period_ns : 1);

    u->written += w->packets;
    u->most = (uint32_t)(most < least ? least : most > UNSENT_MOST ? UNSENT_MOST : most);
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
