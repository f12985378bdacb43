/* shim/udt/gathering.h: for how long a port's worker lets packets of bulk gather, to take them together.
 *
 * The shortest round trip of the port's connections bounds it, for whoever else has something for us waits
 * as well; with many connections it takes long to find, and is kept for a while. The number of packets bounds
 * it, too: of more a wake-up is a small part, and the socket must hold them all.
 *
 * No I/O, no clock, no lock. One thread. */
#ifndef HX_SHIM_UDT_GATHERING_H
#define HX_SHIM_UDT_GATHERING_H

#include <stdbool.h>
#include <stdint.h>

#define GATHERING_MOST    64     /* packets; Linux's default buffer holds 185 of an Ethernet */
#define GATHERING_KEPT_US 100000 /* the bound of the round trips */

struct gathering {      /* zeroed knows nothing */
    int64_t round_us;   /* what the round trips allow, ... */
    int64_t until_us;   /* ... until then */
    unsigned came;      /* packets, ... */
    int64_t counted_us; /* ... since then */
    int64_t full_us;    /* what GATHERING_MOST of them take, as they have come lately */
};

/* The round trips must be looked at (again). */
bool gathering_is_old(const struct gathering *g, int64_t now_us);
void gathering_found(struct gathering *g, int64_t round_us, int64_t now_us);
/* A connection has been opened, or its round trip may be another one. */
void gathering_forget(struct gathering *g);
static inline void gathering_came(struct gathering *g)
{
    g->came++;
}
/* All that is there has been read. */
void gathering_count(struct gathering *g, int64_t now_us);
/* `most_us` at most; 0: not at all. */
int64_t gathering_us(const struct gathering *g, int64_t most_us);

#endif
