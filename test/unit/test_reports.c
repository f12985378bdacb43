/* What two who were introduced say of their attempt is logged and counted; once for each introduction, and
 * never from those who tell no candidates. */
#include "proto/attempt_report.h"
#include "server/conn.h"
#include "server/counters.h"
#include "test/unit/meeting_fixture.h"

#define CANDIDATE "Candidate: 192.168.1.2:40001 host\r\n"
#define DIRECT                                                                                         \
    "GET /report?outcome=direct&session=00c0ffee&ms=12&tries=1&probes=9&mapping=endpoint-independent " \
    "HTTP/1.1\r\n\r\n"
#define FAILED                                                                                \
    "GET /report?outcome=failed&reason=silence&session=00c0ffee&ms=10000&tries=4&probes=400 " \
    "HTTP/1.1\r\n\r\n"

static uint64_t counted(struct fixture *f, enum counter which)
{
    return server_counters(f->server)->of[which];
}

static void who_tells_candidates_is_told_where_reports_go_and_nobody_else(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE);
    struct fake_stream *h2 = ask(*state, H2, CONNECT, CANDIDATE);
    struct fake_stream *stock = ask(*state, "198.51.100.20:40003", CONNECT, "");

    assert_non_null(strstr(h1->output, "\r\nReport: /report\r\n"));
    assert_non_null(strstr(h2->output, "\r\nReport: /report\r\n"));
    assert_null(strstr(stock->output, "Report"));
}

static void both_sides_reports_are_logged_and_counted(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, CANDIDATE), *h2 = ask(f, H2, CONNECT, CANDIDATE);

    fixture_say(f, h2, DIRECT);
    assert_true(fixture_logged(f,
                               "event=report conn=2 peer=" H2 " by=h2 name=host_sweet_host session=00c0ffee "
                               "outcome=direct ms=12 tries=1 probes=9 mapping=endpoint-independent\n"));
    fixture_say(f, h1, FAILED);
    assert_true(fixture_logged(f,
                               "event=report conn=1 peer=" H1 " by=h1 name=host_sweet_host session=00c0ffee "
                               "outcome=failed reason=silence ms=10000 tries=4 probes=400\n"));
    assert_int_equal(counted(f, COUNTER_H2_DIRECT), 1);
    assert_int_equal(counted(f, COUNTER_H2_WITHIN_30_MS), 1);
    assert_int_equal(counted(f, COUNTER_H1_FAILED), 1);
    assert_int_equal(counted(f, COUNTER_H1_LATER), 0); /* how long failures take says nothing */
}

static void a_report_may_be_cut_anywhere(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, CANDIDATE);

    for (size_t cut = 1; cut < strlen(DIRECT); cut++) {
        char first[256];
        struct fake_stream *h2 = ask(f, H2, CONNECT, CANDIDATE);

        snprintf(first, sizeof first, "%.*s", (int)cut, DIRECT);
        fixture_say(f, h2, first);
        assert_int_equal(counted(f, COUNTER_H2_DIRECT), cut - 1);
        fixture_say(f, h2, &DIRECT[cut]);
        assert_int_equal(counted(f, COUNTER_H2_DIRECT), cut);
        fixture_close(f, h2);
        fixture_pass(f, 1000);
    }
    fixture_close(f, h1);
}

static void a_report_is_read_though_its_sender_has_closed(void **state)
{
    struct fixture *f = *state;

    ask(f, H1, BIND, CANDIDATE);
    struct fake_stream *h2 = ask(f, H2, CONNECT, CANDIDATE);
    fake_stream_say(h2, DIRECT);
    fixture_close(f, h2);
    assert_int_equal(counted(f, COUNTER_H2_DIRECT), 1);
}

static void each_introduction_may_be_told_of_once(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, CANDIDATE), *h2 = ask(f, H2, CONNECT, CANDIDATE);

    fixture_say(f, h2, DIRECT DIRECT DIRECT);
    assert_int_equal(counted(f, COUNTER_H2_DIRECT), 1);
    for (int i = 0; i < 10; i++) /* a few of attempts that began before it held the name */
        fixture_say(f, h1, DIRECT);
    assert_int_equal(counted(f, COUNTER_H1_DIRECT), 1 + CONN_REPORTS_BEFORE);
    assert_false(h1->closed);
}

static void what_was_not_introduced_with_a_session_is_not_heard(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, "");
    struct fake_stream *h2 = ask(f, H2, CONNECT, CANDIDATE);

    fixture_say(f, h2, DIRECT);
    fixture_say(f, h1, DIRECT);
    assert_false(fixture_logged(f, "event=report"));
    struct fake_stream *fresh = fixture_ask(f, "198.51.100.30:1", "/report?outcome=direct");
    assert_int_equal(fixture_status(fresh), 404);
}

static void what_is_no_report_is_ignored_and_the_next_one_is_heard(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, CANDIDATE), *h2 = ask(f, H2, CONNECT, CANDIDATE);

    fixture_say(f, h2, "GET /bind?host_id=x HTTP/1.1\r\n\r\n");
    assert_false(fixture_logged(f, "event=report"));
    fixture_say(f, h2, DIRECT);
    assert_int_equal(counted(f, COUNTER_H2_DIRECT), 1);
    assert_false(h1->closed);
}

static void of_a_report_that_began_before_it_was_due_the_rest_is_ignored(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, CANDIDATE);

    for (int i = 0; i < CONN_REPORTS_BEFORE; i++)
        fixture_say(f, h1, DIRECT);
    for (size_t cut = 1; cut < strlen(DIRECT) - 3; cut += 7) { /* the whole of its end comes later */
        char first[256];

        snprintf(first, sizeof first, "%.*s", (int)cut, DIRECT);
        fixture_say(f, h1, first);
        struct fake_stream *h2 = ask(f, H2, CONNECT, CANDIDATE); /* one is due */
        fixture_say(f, h1, &DIRECT[cut]);
        assert_int_equal(counted(f, COUNTER_H1_FAILED), cut / 7);
        fixture_say(f, h1, FAILED);
        assert_int_equal(counted(f, COUNTER_H1_FAILED), cut / 7 + 1);
        fixture_close(f, h2);
        fixture_pass(f, 1000);
    }
    assert_int_equal(counted(f, COUNTER_H1_DIRECT), CONN_REPORTS_BEFORE);
}

static void what_is_too_long_for_a_report_is_ignored_to_its_end(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask(f, H1, BIND, CANDIDATE);

    for (size_t len = ATTEMPT_REPORT_MAX - 8; len <= ATTEMPT_REPORT_MAX + 8; len++) {
        char garbage[ATTEMPT_REPORT_MAX + 16];
        struct fake_stream *h2 = ask(f, H2, CONNECT, CANDIDATE);
        uint64_t before = counted(f, COUNTER_H2_DIRECT);

        snprintf(garbage, sizeof garbage, "%0*d\r\n\r\n", (int)len - 4, 0);
        fixture_say(f, h2, garbage);
        fixture_say(f, h2, DIRECT);
        assert_int_equal(counted(f, COUNTER_H2_DIRECT), before + 1);
        fixture_close(f, h2);
        fixture_pass(f, 1000);
    }
    assert_false(h1->closed);
}

static void who_sends_too_much_that_is_no_report_is_left(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h2;

    ask(f, H1, BIND, CANDIDATE);
    h2 = ask(f, H2, CONNECT, CANDIDATE);
    char *garbage = malloc(CONN_IGNORED_MAX + 1);
    assert_non_null(garbage);
    memset(garbage, 'x', CONN_IGNORED_MAX);
    garbage[CONN_IGNORED_MAX] = '\0';
    fixture_say(f, h2, garbage);
    assert_false(h2->closed);
    fixture_say(f, h2, "x");
    assert_true(h2->closed);
    free(garbage);
}

/* A holder may live for years. */
static void reports_do_not_count_for_what_is_ignored(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1;

    f->config.introductions_per_source = f->config.introductions_per_name = 100000;
    h1 = ask(f, H1, BIND, CANDIDATE);
    for (size_t i = 0; i * strlen(DIRECT) < CONN_IGNORED_MAX + 8192U; i++) {
        struct fake_stream *h2 = ask(f, H2, CONNECT, CANDIDATE);

        fixture_say(f, h1, DIRECT);
        fixture_close(f, h2);
        fake_stream_forget(h1);
    }
    assert_false(h1->closed);
    assert_true(counted(f, COUNTER_H1_DIRECT) > CONN_IGNORED_MAX / strlen(DIRECT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_tells_candidates_is_told_where_reports_go_and_nobody_else),
        TEST(both_sides_reports_are_logged_and_counted),
        TEST(a_report_may_be_cut_anywhere),
        TEST(a_report_is_read_though_its_sender_has_closed),
        TEST(each_introduction_may_be_told_of_once),
        TEST(what_was_not_introduced_with_a_session_is_not_heard),
        TEST(what_is_no_report_is_ignored_and_the_next_one_is_heard),
        TEST(of_a_report_that_began_before_it_was_due_the_rest_is_ignored),
        TEST(what_is_too_long_for_a_report_is_ignored_to_its_end),
        TEST(who_sends_too_much_that_is_no_report_is_left),
        TEST(reports_do_not_count_for_what_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
