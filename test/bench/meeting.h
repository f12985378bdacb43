/* test/bench/meeting.h: clients that hold names, and others that connect to them. */
#ifndef HX_BENCH_MEETING_H
#define HX_BENCH_MEETING_H

#include "test/bench/measure.h"
#include "test/bench/udtraw.h"

extern struct meeting {
    struct raw_group group;
    enum raw_kind kind;
    uint32_t bound, target; /* names held; to be held */
    uint64_t lost;          /* holders that the server ended, or that could not bind */
    uint64_t done, failed;  /* introductions since meeting_connect() began */
    struct samples us;      /* theirs, from the first handshake to the later one of both sides' parts */
} meeting;

void meeting_open(uint16_t port, uint32_t names_max, enum raw_kind kind);
void meeting_close(void);
/* Until `count` names are held. */
void meeting_bind(uint32_t count);
void meeting_idle(double seconds);
/* Connects to `count` random names, or for `seconds`, with `at_once` of them under way. */
void meeting_connect(uint64_t count, double seconds, int at_once);

#endif
