/* base/table_scan.h: a keyed table in pieces, for who looks at it a page at a time while it changes. A page
 * costs what is in it, whatever the table has; no state is kept between two.
 *
 * Entries come in the order of their hashes, bits turned round: so each bucket's stand together, and still do
 * when the table has grown. What is there all the time comes exactly once; what comes or goes meanwhile may or
 * may not. */
#ifndef HX_BASE_TABLE_SCAN_H
#define HX_BASE_TABLE_SCAN_H

#include "base/keyed_table.h"
#include <stdbool.h>
#include <stdint.h>

#define TABLE_SCAN_BEGIN 0
#define TABLE_SCAN_END   UINT64_MAX
/* Buckets that are looked at for one page: most of a table that was large once are empty. */
#define TABLE_SCAN_BUCKETS 16384

struct table_scan {
    uint64_t at; /* TABLE_SCAN_BEGIN; afterwards what the last page has ended with */
    int buckets; /* that may still be looked at */
};

/* `at`: any number; one that is none of ours is a place like another. */
static inline struct table_scan table_scan_begin(uint64_t at)
{
    return (struct table_scan){.at = at, .buckets = TABLE_SCAN_BUCKETS};
}
/* The next entry of head->hh.tbl; NULL: there is none (s->at is TABLE_SCAN_END), or the page has cost
 * enough. `table` NULL is an empty one. */
void *table_scan_next(struct table_scan *s, const UT_hash_table *table);

#endif
