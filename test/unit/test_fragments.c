/* shim/net/fragments: cut and put together, in any order, with losses, and by strangers. */
#include "shim/net/fragments.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static const struct net_address here = {.ip = {[15] = 1}, .port = 7}, there = {.ip = {[15] = 2}, .port = 7};
static struct fragments *all;
static uint8_t datagram[FRAGMENTS_BYTES], out[FRAGMENTS_BYTES];

static struct piece {
    uint8_t bytes[FRAGMENTS_BYTES + FRAGMENT_HEAD];
    size_t len;
} pieces[FRAGMENTS_EACH];

static unsigned cut(size_t len, size_t most, uint8_t tag, uint32_t number)
{
    struct fragment f = {.tag = {tag}, .number = number};
    size_t each = 0;
    unsigned count = fragment_count(len, most, &each);

    for (unsigned i = 0; i < count; i++) {
        size_t n = i + 1 < count ? each : len - each * i;

        f.piece = i;
        f.last = i + 1 == count;
        fragment_write(&f, pieces[i].bytes);
        memcpy(pieces[i].bytes + FRAGMENT_HEAD, datagram + each * i, n);
        pieces[i].len = FRAGMENT_HEAD + n;
        assert_in_range(pieces[i].len, FRAGMENT_HEAD + 1, most);
    }
    return count;
}

static size_t come(const struct net_address *from, const struct piece *p, int64_t now_ms)
{
    struct fragment f;

    assert_true(fragment_read(&f, p->bytes, p->len));
    return fragments_take(all, from, &f, p->bytes + FRAGMENT_HEAD, p->len - FRAGMENT_HEAD, now_ms, out);
}

static int begin(void **state)
{
    (void)state;
    all = fragments_create();
    for (size_t i = 0; i < sizeof datagram; i++)
        datagram[i] = (uint8_t)(i * 31 >> 2);
    return all ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    free(all);
    return 0;
}

static void every_length_is_whole_again_at_every_limit(void **state)
{
    uint32_t number = 0;

    (void)state;
    for (size_t most = 528; most <= 1472; most += 59) {
        for (size_t len = 2; len <= FRAGMENTS_BYTES; len += 13) {
            unsigned count = cut(len, most, 1, number++);
            size_t whole = 0;

            assert_in_range(count, 2, FRAGMENTS_EACH);
            for (unsigned i = 0; i < count; i++) {
                assert_int_equal(whole, 0);
                whole = come(&here, &pieces[i], 0);
            }
            assert_int_equal(whole, len);
            assert_memory_equal(out, datagram, len);
        }
    }
}

static void what_cannot_be_cut_is_not(void **state)
{
    size_t each;

    (void)state;
    assert_int_equal(fragment_count(1, 1200, &each), 0);
    assert_int_equal(fragment_count(FRAGMENTS_BYTES + 1, 1200, &each), 0);
    assert_int_equal(fragment_count(1472, FRAGMENT_HEAD, &each), 0);
    assert_int_equal(fragment_count(1472, FRAGMENT_HEAD + 1, &each), 0);
    assert_int_equal(fragment_count(1472, 0, &each), 0);
    assert_int_equal(fragment_count(1472, 1200, &each), 2);
    assert_int_equal(each, 736);
}

static void order_and_copies_do_not_matter(void **state)
{
    unsigned count = cut(1472, 528, 1, 5);

    (void)state;
    assert_int_equal(count, 3);
    assert_int_equal(come(&here, &pieces[2], 0), 0);
    assert_int_equal(come(&here, &pieces[2], 0), 0);
    assert_int_equal(come(&here, &pieces[0], 0), 0);
    assert_int_equal(come(&here, &pieces[1], 0), 1472);
    assert_memory_equal(out, datagram, 1472);
    assert_int_equal(come(&here, &pieces[1], 0), 0); /* again */
}

static void pieces_of_others_are_not_mixed(void **state)
{
    struct piece first;

    (void)state;
    cut(1472, 1200, 1, 5);
    first = pieces[0];
    assert_int_equal(come(&here, &first, 0), 0);
    assert_int_equal(come(&there, &pieces[1], 0), 0); /* another address, */
    cut(1472, 1200, 2, 5);
    assert_int_equal(come(&here, &pieces[1], 0), 0); /* tag, */
    cut(1472, 1200, 1, 6);
    assert_int_equal(come(&here, &pieces[1], 0), 0); /* number */
    cut(1472, 1200, 1, 5);
    assert_int_equal(come(&here, &pieces[1], FRAGMENTS_MS - 1), 1472);
}

static void what_is_too_old_or_of_too_many_is_forgotten(void **state)
{
    (void)state;
    cut(1472, 1200, 1, 5);
    assert_int_equal(come(&here, &pieces[0], 0), 0);
    assert_int_equal(come(&here, &pieces[1], FRAGMENTS_MS), 0);
    assert_int_equal(come(&here, &pieces[0], FRAGMENTS_MS), 1472);
    for (uint32_t i = 0; i <= FRAGMENTS_KEPT; i++) {
        cut(1472, 1200, 1, 100 + i);
        assert_int_equal(come(&here, &pieces[0], 10000 + i), 0);
    }
    for (uint32_t i = FRAGMENTS_KEPT; i >= 1; i--) {
        cut(1472, 1200, 1, 100 + i);
        assert_int_equal(come(&here, &pieces[1], 10100), 1472);
    }
    cut(1472, 1200, 1, 100);
    assert_int_equal(come(&here, &pieces[1], 10100), 0);
}

static void a_whole_that_is_too_long_is_none(void **state)
{
    struct fragment f = {.number = 9};

    (void)state;
    assert_int_equal(fragments_take(all, &here, &f, datagram, FRAGMENTS_BYTES, 0, out), 0);
    f.piece = 1;
    f.last = true;
    assert_int_equal(fragments_take(all, &here, &f, datagram, FRAGMENTS_BYTES, 0, out), 0);
    assert_int_equal(fragments_take(all, &here, &f, datagram, FRAGMENTS_BYTES + 1, 0, out), 0);
    assert_int_equal(fragments_take(all, &here, &f, datagram, 0, 0, out), 0);
    /* The last piece is said to be another one than before. */
    f.piece = 3;
    assert_int_equal(fragments_take(all, &here, &f, datagram, 10, 0, out), 0);
    f.piece = 0;
    assert_int_equal(fragments_take(all, &here, &f, datagram, 10, 0, out), 0);
}

static void what_is_short_or_of_another_kind_is_no_piece(void **state)
{
    struct fragment f;

    (void)state;
    cut(1472, 1200, 1, 5);
    for (size_t len = 0; len <= FRAGMENT_HEAD; len++)
        assert_false(fragment_read(&f, pieces[0].bytes, len));
    for (size_t i = 0; i < 4; i++) {
        pieces[0].bytes[i] ^= 1;
        assert_false(fragment_read(&f, pieces[0].bytes, pieces[0].len));
        pieces[0].bytes[i] ^= 1;
    }
    assert_true(fragment_read(&f, pieces[0].bytes, FRAGMENT_HEAD + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_length_is_whole_again_at_every_limit, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_cut_is_not, begin, end),
        cmocka_unit_test_setup_teardown(order_and_copies_do_not_matter, begin, end),
        cmocka_unit_test_setup_teardown(pieces_of_others_are_not_mixed, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_old_or_of_too_many_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(a_whole_that_is_too_long_is_none, begin, end),
        cmocka_unit_test_setup_teardown(what_is_short_or_of_another_kind_is_no_piece, begin, end),
    };
    return cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
