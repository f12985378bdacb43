#include "base/table_scan.h"

/* s->at: a turned hash, and how many entries with just this one have come. */
#define TIES_BITS 8
#define TIES_MAX  ((1U << TIES_BITS) - 1)

static uint32_t turned(uint32_t v)
{
    v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
    v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
    v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(v);
}

/* The entry with the least turned hash from `from` on, behind `ties` others that have just that one. Those of
 * one bucket are few. */
static UT_hash_handle *least(const struct UT_hash_bucket *bucket, uint32_t from, unsigned ties,
                             uint32_t *hash)
{
    UT_hash_handle *best = NULL;
    unsigned equal = 0;

    for (UT_hash_handle *h = bucket->hh_head; h; h = h->hh_next) {
        uint32_t v = turned(h->hashv);

        if (v < from || (v == from && equal++ < ties) || (best && v >= *hash))
            continue;
        best = h;
        *hash = v;
    }
    return best;
}

void *table_scan_next(struct table_scan *s, const UT_hash_table *table)
{
    uint64_t from = s->at >> TIES_BITS;
    unsigned ties = s->at & TIES_MAX;

    while (table && from <= UINT32_MAX && s->buckets-- > 0) {
        uint32_t hash = 0;
        UT_hash_handle *h = least(&table->buckets[turned((uint32_t)from) & (table->num_buckets - 1)],
                                  (uint32_t)from, ties, &hash);

        if (h) {
            ties = hash == from && ties < TIES_MAX ? ties + 1 : 1;
            s->at = (uint64_t)hash << TIES_BITS | ties;
            return ELMT_FROM_HH((UT_hash_table *)(uintptr_t)table, h);
        }
        /* The next bucket: the bits that say which stand at the top. */
        uint64_t all_of_it = table->log2_num_buckets < 32 ? UINT32_MAX >> table->log2_num_buckets : 0;
        from = (from | all_of_it) + 1;
        ties = 0;
        s->at = from << TIES_BITS;
    }
    if (!table || from > UINT32_MAX)
        s->at = TABLE_SCAN_END;
    return NULL;
}
