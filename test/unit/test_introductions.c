/* The last introductions: what is kept, what reports come to, and what has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/introductions.h"
#include <stdlib.h>
#include <string.h>

static struct introductions *kept(void)
{
    struct introductions *t = calloc(1, sizeof *t);

    assert_non_null(t);
    return t;
}

static void add(struct introductions *t, uint8_t session)
{
    const struct endpoint e = {.family = AF_INET};
    struct session s = {.id = {session}};
    const struct introduction_made made = {.name = "home",
                                           .h2_name = "",
                                           .h1 = &e,
                                           .h2 = &e,
                                           .h1_source = &e,
                                           .h2_source = &e,
                                           .session = session ? &s : NULL};

    introductions_add(t, &made, 1000);
}

static struct attempt_report report_of(const char *session, enum attempt_outcome outcome)
{
    struct attempt_report r = {.outcome = outcome, .ms = 7};

    strcpy(r.session, session);
    return r;
}

static void nobody_looks_and_nothing_is_kept(void **state)
{
    const struct attempt_report r = report_of("01000000", ATTEMPT_DIRECT);

    (void)state;
    add(NULL, 1);
    introductions_report(NULL, INTRODUCTION_H1, &r);
    assert_null(introductions_back(NULL, 0));
    assert_null(introductions_after(NULL, 0));
}

static void the_last_ones_are_kept(void **state)
{
    struct introductions *t = kept();

    (void)state;
    assert_null(introductions_back(t, 0));
    for (int i = 0; i < INTRODUCTIONS_KEPT + 10; i++)
        add(t, 0);
    assert_int_equal(introductions_back(t, 0)->number, INTRODUCTIONS_KEPT + 10);
    assert_int_equal(introductions_back(t, INTRODUCTIONS_KEPT - 1)->number, 11);
    assert_null(introductions_back(t, INTRODUCTIONS_KEPT));
    free(t);
}

static void reports_come_to_the_newest_of_their_session(void **state)
{
    const struct attempt_report right = report_of("02000000", ATTEMPT_DIRECT),
                                unknown = report_of("09000000", ATTEMPT_FAILED),
                                none = report_of("", ATTEMPT_FAILED);
    struct introductions *t = kept();

    (void)state;
    add(t, 2); /* the same two were introduced before */
    add(t, 0);
    add(t, 2);
    add(t, 3);
    introductions_report(t, INTRODUCTION_H2, &right);
    introductions_report(t, INTRODUCTION_H1, &unknown);
    introductions_report(t, INTRODUCTION_H1, &none);
    assert_int_equal(t->changes, 5);
    for (uint64_t back = 0; back < 4; back++) {
        const struct introduction *i = introductions_back(t, back);

        assert_false(i->reports[INTRODUCTION_H1].told);
        assert_int_equal(i->reports[INTRODUCTION_H2].told, back == 1);
    }
    assert_int_equal(introductions_back(t, 1)->reports[INTRODUCTION_H2].ms, 7);
    free(t);
}

static void changes_are_told_in_their_order_each_one_as_it_is_now(void **state)
{
    const struct attempt_report first = report_of("01000000", ATTEMPT_DIRECT);
    struct introductions *t = kept();

    (void)state;
    assert_null(introductions_after(t, 0));
    add(t, 1);
    add(t, 2);
    assert_int_equal(introductions_after(t, 0)->number, 1);
    introductions_report(t, INTRODUCTION_H1, &first);
    assert_int_equal(introductions_after(t, 0)->number, 2); /* the other one has changed later */
    assert_int_equal(introductions_after(t, 2)->number, 1);
    assert_null(introductions_after(t, 3));
    for (int i = 0; i < 2 * INTRODUCTIONS_KEPT; i++)
        add(t, 0);
    assert_int_equal(introductions_after(t, 3)->number,
                     INTRODUCTIONS_KEPT + 3); /* what is gone is not told */
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_looks_and_nothing_is_kept),
        cmocka_unit_test(the_last_ones_are_kept),
        cmocka_unit_test(reports_come_to_the_newest_of_their_session),
        cmocka_unit_test(changes_are_told_in_their_order_each_one_as_it_is_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
