#include "proto/prefer.h"
#include "test/unit/cuts.h"

static void check(const char *value, int expected)
{
    size_t len = strlen(value);
    char *copy = malloc(len ? len : 1); /* ends where the value does */

    assert_non_null(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = value[i];
    int wait_s = prefer_wait(copy, len, 60);
    free(copy);
    if (wait_s != expected)
        fail_msg("%s: expected %d, got %d", value, expected, wait_s);
}

static void wait_is_found_among_other_preferences(void **state)
{
    (void)state;
    check("wait=5", 5);
    check("respond-async,wait=3", 3);
    check("respond-async; x=\"y\" , wait=3 , return=minimal", 3);
    check(",, ,wait=2", 2);
    check(",wait=2", 2);
    check("wai=3, =3, w=3", -1);
    check("waits=3, await=3, a;wait=4", -1);
    check("", -1);
    check(" ", -1);
    check(",", -1);
}

static void blanks_case_quotes_and_parameters_do_not_matter(void **state)
{
    (void)state;
    check("\tWAIT = 7 ", 7);
    check("Wait=\"7\"", 7);
    check("wait=7;x=9", 7);
    check("wait=7 ; x ; y=\"a, wait=9\"", 7);
}

static void the_first_well_formed_wait_counts(void **state)
{
    (void)state;
    check("wait=3, wait=4", 3);
    check("wait=0, wait=4", 0);
    check("wait, wait=, wait=x, wait=-1, wait=+1, wait=1.5, wait=1 2, wait=\"\"", -1);
    check("wait=x, wait=4", 4);
    check("wait=\"5", -1);
    check("wait=5\"", -1);
    check("wait=\"", -1);
}

static void separators_in_a_quoted_string_separate_nothing(void **state)
{
    (void)state;
    check("a=\"x, wait=9\", wait=3", 3);
    check("a=\"x\\\", wait=9\", wait=3", 3);
    check("a=\"\\\\\", wait=3", 3);
    check("a=\"x, wait=9", -1);
    check("a=\"\\", -1);
}

static void a_wait_above_the_maximum_is_the_maximum(void **state)
{
    (void)state;
    check("wait=60", 60);
    check("wait=61", 60);
    check("wait=0000000000000000000000000007", 7);
    check("wait=99999999999999999999999999999", 60);
    check("wait=99999999999999999999999999999x", -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_is_found_among_other_preferences),
        cmocka_unit_test(blanks_case_quotes_and_parameters_do_not_matter),
        cmocka_unit_test(the_first_well_formed_wait_counts),
        cmocka_unit_test(separators_in_a_quoted_string_separate_nothing),
        cmocka_unit_test(a_wait_above_the_maximum_is_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
