/* The figures of hx ping are those of ping(8), and each answer has the number of its question. */
#include "client/tool/ping_stats.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char printed[512];

static const char *print(const struct ping_stats *s)
{
    FILE *out = fmemopen(printed, sizeof printed, "w");
    ping_stats_print(s, out, "home", 3004);
    fclose(out);
    return printed;
}

static void the_summary_is_that_of_ping(void **state)
{
    struct ping_stats s = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        ping_stats_sent(&s);
    assert_int_equal(ping_stats_answered(&s, 1000), 1);
    assert_int_equal(ping_stats_answered(&s, 3000), 2);
    assert_int_equal(ping_stats_answered(&s, 2000), 3);
    assert_string_equal(print(&s), "--- home ping statistics ---\n"
                                   "4 packets transmitted, 3 received, 25% packet loss, time 3004ms\n"
                                   "rtt min/avg/max/mdev = 1.000/2.000/3.000/0.816 ms\n");
}

static void equal_round_trips_have_no_deviation(void **state)
{
    struct ping_stats s = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        ping_stats_sent(&s);
        ping_stats_answered(&s, 123457);
    }
    assert_non_null(strstr(print(&s), "= 123.457/123.457/123.457/0.000 ms\n"));
}

static void without_an_answer_there_are_no_round_trips(void **state)
{
    struct ping_stats s = {0};
    (void)state;
    assert_string_equal(print(&s), "--- home ping statistics ---\n"
                                   "0 packets transmitted, 0 received, 0% packet loss, time 3004ms\n");
    ping_stats_sent(&s);
    assert_non_null(strstr(print(&s), "1 packets transmitted, 0 received, 100% packet loss"));
}

static void one_that_could_not_be_sent_has_a_number_and_is_lost(void **state)
{
    struct ping_stats s = {0};
    (void)state;
    ping_stats_sent(&s);
    ping_stats_unsent(&s);
    ping_stats_sent(&s);
    assert_int_equal(ping_stats_answered(&s, 1), 1);
    assert_int_equal(ping_stats_answered(&s, 1), 3);
    assert_int_equal(s.sent - s.received, 1);
}

static void as_many_as_a_link_allows_are_under_way(void **state)
{
    struct ping_stats s = {0};
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < LINK_PINGS_MAX; i++)
            ping_stats_sent(&s);
        for (int i = 0; i < LINK_PINGS_MAX; i++)
            assert_int_equal(ping_stats_answered(&s, 1), round * LINK_PINGS_MAX + i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_summary_is_that_of_ping),
        cmocka_unit_test(equal_round_trips_have_no_deviation),
        cmocka_unit_test(without_an_answer_there_are_no_round_trips),
        cmocka_unit_test(one_that_could_not_be_sent_has_a_number_and_is_lost),
        cmocka_unit_test(as_many_as_a_link_allows_are_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
