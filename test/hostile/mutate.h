/* test/hostile/mutate.h: makes a hostile datagram of a recorded one and a session. Pure but for the
 * loading. */
#ifndef HX_TEST_MUTATE_H
#define HX_TEST_MUTATE_H

#include "test/hostile/raw.h"

struct datagram {
    uint8_t *bytes;
    size_t len;
};
struct recording {
    struct datagram *datagrams;
    size_t count;
};

/* As `record` has written it, and some datagrams that no client sends. False: no such file, or malformed. */
bool recording_load(struct recording *rec, const char *file);
void recording_free(struct recording *rec);
/* A number below `below`; moves the generator on. */
uint64_t draw(uint64_t *rng, uint64_t below);
/* Writes a datagram for the session `r`: its ids and numbers are fitted to the session, mostly, then bytes
 * are changed, mostly. Its length. */
size_t mutate(const struct recording *rec, struct raw *r, uint64_t *rng, uint8_t out[RAW_MAX]);

#endif
