/* A table in pages: what is there all the time comes once, whatever comes and goes between two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/table_scan.h"
#include <stdlib.h>
#include <string.h>

#define ENTRIES 20000

struct entry {
    int key;
    int came;
    UT_hash_handle hh;
};

struct world {
    struct entry *table;
    struct entry *all;
};

static void add(struct world *w, int key)
{
    struct entry *e = &w->all[key];

    e->key = key;
    HASH_ADD(hh, w->table, key, sizeof e->key, e);
    assert_non_null(e->hh.tbl);
}

static void drop(struct world *w, int key)
{
    struct entry *e = &w->all[key];

    HASH_DEL(w->table, e);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->all = calloc(ENTRIES, sizeof *w->all);
    assert_non_null(w->all);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    HASH_CLEAR(hh, w->table);
    free(w->all);
    free(w);
    return 0;
}

/* One page of `most`; returns how many came. */
static int page(const struct world *w, uint64_t *at, int most)
{
    struct table_scan s = table_scan_begin(*at);
    struct entry *e;
    int count = 0;

    while (count < most && (e = table_scan_next(&s, w->table ? w->table->hh.tbl : NULL)) != NULL) {
        e->came++;
        count++;
    }
    *at = s.at;
    return count;
}

static void an_empty_table_has_nothing(void **state)
{
    struct world *w = *state;
    uint64_t at = TABLE_SCAN_BEGIN;

    assert_int_equal(page(w, &at, 10), 0);
    assert_true(at == TABLE_SCAN_END);
    assert_int_equal(page(w, &at, 10), 0);
    add(w, 1);
    assert_int_equal(page(w, &at, 10), 0);
    at = TABLE_SCAN_BEGIN;
    assert_int_equal(page(w, &at, 1), 1);
    assert_false(at == TABLE_SCAN_END); /* nobody has looked behind it */
    assert_int_equal(page(w, &at, 1), 0);
    assert_true(at == TABLE_SCAN_END);
}

static void every_entry_comes_once(void **state)
{
    static const int sizes[] = {1, 7, 100, ENTRIES};
    struct world *w = *state;

    for (int i = 0; i < ENTRIES; i++)
        add(w, i);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        uint64_t at = TABLE_SCAN_BEGIN;
        int all = 0;

        while (at != TABLE_SCAN_END)
            all += page(w, &at, sizes[k]);
        assert_int_equal(all, ENTRIES);
        for (int i = 0; i < ENTRIES; i++)
            assert_int_equal(w->all[i].came, (int)k + 1);
    }
}

/* The table grows to sixteen times its size, and what was there at first is half taken out. */
static void what_stays_comes_once_while_others_come_and_go(void **state)
{
    struct world *w = *state;
    uint64_t at = TABLE_SCAN_BEGIN;
    int next = 1000, dropped = 500;

    for (int i = 0; i < next; i++)
        add(w, i);
    unsigned buckets = w->table->hh.tbl->num_buckets;
    while (at != TABLE_SCAN_END) {
        page(w, &at, 5);
        for (int i = 0; i < 150 && next < ENTRIES; i++)
            add(w, next++);
        if (dropped < 1000)
            drop(w, dropped++);
    }
    assert_true(w->table->hh.tbl->num_buckets >= 8 * buckets);
    for (int i = 0; i < 500; i++)
        assert_int_equal(w->all[i].came, 1);
    for (int i = 500; i < ENTRIES; i++)
        assert_true(w->all[i].came <= 1);
}

/* As two names may have one hash. */
static void equal_hashes_are_told_apart(void **state)
{
    static const unsigned hashes[] = {5, 5, 5, 0, 0, UINT32_MAX, UINT32_MAX, 5};
    struct world *w = *state;
    uint64_t at = TABLE_SCAN_BEGIN;
    int count = sizeof hashes / sizeof *hashes, all = 0;

    for (int i = 0; i < count; i++) {
        struct entry *e = &w->all[i];

        e->key = i;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, w->table, &e->key, sizeof e->key, hashes[i], e);
    }
    while (at != TABLE_SCAN_END)
        all += page(w, &at, 1);
    assert_int_equal(all, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(w->all[i].came, 1);
}

/* In buckets that are looked at: 100 of 20,000 cost as much as 100 of 200. */
static void a_page_costs_what_is_in_it(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < ENTRIES; i++) {
        add(w, i);
        if (i != 200 && i != ENTRIES - 1)
            continue;
        struct table_scan s = table_scan_begin(TABLE_SCAN_BEGIN);
        for (int k = 0; k < 100; k++)
            assert_non_null(table_scan_next(&s, w->table->hh.tbl));
        assert_in_range(TABLE_SCAN_BUCKETS - s.buckets, 100, 250);
    }
}

/* A table keeps its buckets: few entries of what was a large one are found all the same, by several pages that cost
 * no more than others. */
static void what_was_large_is_looked_through_in_bounded_pieces(void **state)
{
    struct world *w = *state;
    uint64_t at = TABLE_SCAN_BEGIN;
    int all = 0;

    for (int i = 0; i < ENTRIES; i++)
        add(w, i);
    for (int i = 1; i < ENTRIES; i++)
        drop(w, i);
    struct table_scan s = table_scan_begin(at);
    s.buckets = 100;
    assert_true(w->table->hh.tbl->num_buckets > 200);
    while (s.at != TABLE_SCAN_END) {
        struct entry *e = table_scan_next(&s, w->table->hh.tbl);

        all += e != NULL;
        if (!e && s.at != TABLE_SCAN_END) {
            assert_true(s.buckets <= 0);
            s.buckets = 100;
        }
    }
    assert_int_equal(all, 1);
}

static void any_number_is_a_place(void **state)
{
    static const uint64_t places[] = {
        1, 255, 256, UINT64_MAX - 1, UINT64_MAX, UINT32_MAX, (uint64_t)UINT32_MAX << 8 | 255};
    struct world *w = *state;

    for (int i = 0; i < 100; i++)
        add(w, i);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        uint64_t at = places[i];
        int all = 0;

        while (at != TABLE_SCAN_END)
            all += page(w, &at, 10);
        assert_in_range(all, 0, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_table_has_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_entry_comes_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stays_comes_once_while_others_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_hashes_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_costs_what_is_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_large_is_looked_through_in_bounded_pieces, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_number_is_a_place, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
