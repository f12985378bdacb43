/* What standard input has said, for members that take it at their own pace. */
#include "base/error.h"
#include "client/tool/backlog.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void say(struct backlog *b, const char *text)
{
    assert_int_equal(backlog_say(b, text, strlen(text), 0), HX_OK);
}

/* All that `r` has not taken yet is `text`; it takes `len` bytes of that. */
static void takes(struct backlog *b, struct backlog_reader *r, const char *text, size_t len)
{
    size_t got;
    const char *data = backlog_next(b, r, &got);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(data, text, got);
    backlog_took(b, r, len);
}

static void each_member_takes_all_at_its_own_pace(void **state)
{
    struct backlog b = {.within_line = false};
    struct backlog_reader one, two;
    (void)state;
    backlog_join(&b, &one);
    backlog_join(&b, &two);
    say(&b, "first\n");
    takes(&b, &one, "first\n", 6);
    say(&b, "second\n");
    takes(&b, &two, "first\nsecond\n", 3);
    takes(&b, &one, "second\n", 7);
    assert_int_equal(backlog_room(&b), BACKLOG_MAX - 10);
    takes(&b, &two, "st\nsecond\n", 10);
    assert_int_equal(backlog_room(&b), BACKLOG_MAX);
    backlog_leave(&b, &one);
    backlog_leave(&b, &two);
    backlog_free(&b);
}

static void who_comes_later_begins_with_a_line(void **state)
{
    struct backlog b = {.within_line = false};
    struct backlog_reader one, late, later;
    (void)state;
    backlog_join(&b, &one);
    say(&b, "whole\nbeg");
    backlog_join(&b, &late);
    takes(&b, &late, "", 0);
    say(&b, "in");
    takes(&b, &late, "", 0);
    say(&b, "ning\nnext\n");
    backlog_join(&b, &later);
    takes(&b, &late, "next\n", 5);
    takes(&b, &later, "", 0);
    say(&b, "last");
    takes(&b, &late, "last", 4);
    takes(&b, &later, "last", 4);
    takes(&b, &one, "whole\nbeginning\nnext\nlast", 25);
    backlog_leave(&b, &late);
    backlog_leave(&b, &one);
    backlog_leave(&b, &later);
    backlog_free(&b);
}

static void what_nobody_is_there_for_is_not_kept(void **state)
{
    struct backlog b = {.within_line = false};
    struct backlog_reader one;
    (void)state;
    say(&b, "to nobody\n");
    assert_int_equal(backlog_room(&b), BACKLOG_MAX);
    backlog_join(&b, &one);
    say(&b, "to one\n");
    backlog_leave(&b, &one);
    assert_int_equal(backlog_room(&b), BACKLOG_MAX);
    backlog_join(&b, &one);
    takes(&b, &one, "", 0);
    backlog_leave(&b, &one);
    backlog_free(&b);
}

static void the_slowest_one_holds_the_room_until_it_leaves(void **state)
{
    char *much = calloc(1, BACKLOG_MAX);
    struct backlog b = {.within_line = false};
    struct backlog_reader quick, slow;
    size_t len;
    (void)state;
    backlog_join(&b, &quick);
    backlog_join(&b, &slow);
    assert_int_equal(backlog_say(&b, much, BACKLOG_MAX, 0), HX_OK);
    backlog_took(&b, &quick, BACKLOG_MAX);
    assert_int_equal(backlog_room(&b), 0);
    backlog_took(&b, &slow, 1000);
    assert_int_equal(backlog_room(&b), 1000);
    backlog_leave(&b, &slow);
    assert_int_equal(backlog_room(&b), BACKLOG_MAX);
    (void)backlog_next(&b, &quick, &len);
    assert_int_equal(len, 0);
    backlog_leave(&b, &quick);
    backlog_free(&b);
    free(much);
}

static void slow_is_who_takes_too_little_while_others_wait(void **state)
{
    const int64_t begin_ms = 10 * (int64_t)BACKLOG_SLOW_MS; /* long after it has joined */
    char *much = calloc(1, BACKLOG_MAX);
    struct backlog b = {.within_line = false};
    struct backlog_reader r;
    (void)state;
    backlog_join(&b, &r);
    assert_int_equal(backlog_say(&b, much, BACKLOG_SLOW - 1, begin_ms - 1), HX_OK);
    assert_false(backlog_holds_up(&b));
    assert_false(backlog_is_slow(&r, begin_ms - 1)); /* it owes no more than it may */
    assert_int_equal(backlog_say(&b, much, BACKLOG_SLOW + 1, begin_ms), HX_OK);
    assert_true(backlog_holds_up(&b));
    assert_false(backlog_is_slow(&r, begin_ms + BACKLOG_SLOW_MS - 1));
    assert_true(backlog_is_slow(&r, begin_ms + BACKLOG_SLOW_MS));
    /* What it takes little by little is little all the same, whatever is said meanwhile. */
    for (int i = 0; i < BACKLOG_SLOW_MS / 1000; i++) {
        backlog_took(&b, &r, 1000);
        assert_int_equal(backlog_say(&b, much, 1000, begin_ms + 1000 * i), HX_OK);
    }
    assert_true(backlog_is_slow(&r, begin_ms + BACKLOG_SLOW_MS));
    backlog_leave(&b, &r);
    backlog_free(&b);
    free(much);
}

static void who_takes_enough_is_not_slow_however_much_is_said(void **state)
{
    char *much = calloc(1, BACKLOG_MAX);
    struct backlog b = {.within_line = false};
    struct backlog_reader r;
    int64_t now_ms = 0;
    (void)state;
    backlog_join(&b, &r);
    for (int i = 0; i < 10; i++) {
        now_ms += BACKLOG_SLOW_MS - 1;
        assert_false(backlog_is_slow(&r, now_ms));
        assert_int_equal(backlog_say(&b, much, backlog_room(&b), now_ms), HX_OK);
        backlog_took(&b, &r, BACKLOG_SLOW);
    }
    backlog_took(&b, &r, BACKLOG_SLOW);
    assert_false(backlog_is_slow(&r, now_ms + BACKLOG_SLOW_MS));
    assert_false(backlog_holds_up(&b));
    backlog_leave(&b, &r);
    backlog_free(&b);
    free(much);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_takes_all_at_its_own_pace),
        cmocka_unit_test(who_comes_later_begins_with_a_line),
        cmocka_unit_test(what_nobody_is_there_for_is_not_kept),
        cmocka_unit_test(the_slowest_one_holds_the_room_until_it_leaves),
        cmocka_unit_test(slow_is_who_takes_too_little_while_others_wait),
        cmocka_unit_test(who_takes_enough_is_not_slow_however_much_is_said),
    };
    return cmocka_run_group_tests_name("backlog", tests, NULL, NULL);
}
