/* Lines of one kind: a bounded number in each second, and the rest is counted and told. */
#include "server/log_limit.h"
#include "test/unit/server_fixture.h"

static void ten_lines_pass_in_a_second_and_the_rest_is_told_when_it_is_over(void **state)
{
    struct log_limit l = {0};
    int passed = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        passed += log_limit_allows(&l, LOG_LIMIT_LINES, 5000 + i / 2);
    assert_int_equal(passed, LOG_LIMIT_LINES);
    assert_int_equal(log_limit_over(&l, 5999), 0);
    assert_int_equal(log_limit_over(&l, 6000), 990);
    assert_int_equal(log_limit_over(&l, 9000), 0);
    assert_true(log_limit_allows(&l, LOG_LIMIT_LINES, 6000));
}

static void lines_that_come_slowly_all_pass(void **state)
{
    struct log_limit l = {0};

    (void)state;
    for (int64_t ms = 0; ms < 60000; ms += 101)
        assert_true(log_limit_allows(&l, LOG_LIMIT_LINES, ms + 1));
}

static int held(const struct fixture *f, const char *of)
{
    char needle[64];
    int lines = 0;

    snprintf(needle, sizeof needle, "event=not_logged %s lines=", of);
    const char *at = strstr(f->log, needle);
    if (at)
        lines = atoi(at + strlen(needle));
    return lines;
}

static void the_refusals_of_many_addresses_make_few_lines_and_all_are_counted(void **state)
{
    enum { REFUSALS = 500 };
    struct fixture *f = *state;
    char address[64];

    for (int i = 0; i < REFUSALS; i++) {
        snprintf(address, sizeof address, "198.51.%d.%d:7", i / 250, i % 250 + 1);
        fixture_ask(f, address, "/connect?host_id=nobody");
    }
    assert_int_equal(fixture_count(f->log, "event=refused"), LOG_LIMIT_LINES);
    fixture_pass(f, LOG_LIMIT_MS);
    /* Of so many sources some share a limit (server/log_source.h): what that holds is told apart. */
    assert_int_equal(held(f, "kind=refused_unknown") + held(f, "source=others"), 490);
    size_t told = fixture_count(f->log, "event=not_logged");
    fixture_pass(f, LOG_LIMIT_MS);
    assert_int_equal(fixture_count(f->log, "event=not_logged"), told);
}

static int allowed(struct log_kinds *k, const char *name, enum log_level level, int lines)
{
    int passed = 0;

    for (int i = 0; i < lines; i++)
        passed += log_kinds_allow(k, name, level, 1000);
    return passed;
}

static void each_kind_has_lines_of_its_own_and_is_told_of_in_time(void **state)
{
    struct log_kinds k = {.count = 0};
    char same_text[] = "bound";

    (void)state;
    assert_int_equal(allowed(&k, "bound", LOG_INFO, 12), LOG_LIMIT_LINES);
    assert_int_equal(allowed(&k, same_text, LOG_INFO, 3), 0); /* the text is the kind */
    assert_int_equal(allowed(&k, "connected", LOG_INFO, 11), LOG_LIMIT_LINES);
    assert_int_equal(allowed(&k, "bound", LOG_WARN, 1), 1);
    assert_int_equal(allowed(&k, "state", LOG_DEBUG, 5000), LOG_LIMIT_DEBUG);
    assert_int_equal(k.over_ms, 2000);
    int64_t held;
    assert_null(log_kinds_over(&k, 1999, &held));
    assert_string_equal(log_kinds_over(&k, 2000, &held)->name, "bound");
    assert_int_equal(held, 5);
    assert_string_equal(log_kinds_over(&k, 2000, &held)->name, "connected");
    assert_int_equal(held, 1);
    assert_string_equal(log_kinds_over(&k, 2000, &held)->name, "state");
    assert_int_equal(held, 5000 - LOG_LIMIT_DEBUG);
    assert_null(log_kinds_over(&k, 2000, &held));
    assert_int_equal(k.over_ms, 0);
}

static void kinds_beyond_the_tables_end_share_one_limit(void **state)
{
    static char names[2 * LOG_KINDS_MAX][8];
    struct log_kinds k = {.count = 0};
    int passed = 0;

    (void)state;
    for (int i = 0; i < 2 * LOG_KINDS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        passed += allowed(&k, names[i], LOG_INFO, 1);
    }
    assert_int_equal(passed, LOG_KINDS_MAX - 1 + LOG_LIMIT_LINES);
    int64_t held;
    assert_string_equal(log_kinds_over(&k, 2000, &held)->name, "others");
    assert_int_equal(held, 2 * LOG_KINDS_MAX - passed);
}

/* Every event, also one that nobody has thought of: the limit is in log_event() itself. */
static void any_event_is_bounded_and_what_the_operator_asks_for_is_not(void **state)
{
    struct fixture *f = *state;

    log_turn(5000);
    for (int i = 0; i < 100; i++) {
        log_event(LOG_INFO, "new_one", "n", LOG_NUM(i));
        log_always(LOG_INFO, "counter", "n", LOG_NUM(i));
    }
    assert_int_equal(fixture_count(f->log, "event=new_one"), LOG_LIMIT_LINES);
    assert_int_equal(fixture_count(f->log, "event=counter"), 100);
    assert_int_equal(log_next_ms(), 6000);
    log_turn(6000);
    assert_true(fixture_logged(f, "level=info event=not_logged kind=new_one lines=90\n"));
    assert_int_equal(log_next_ms(), -1);
    for (int i = 0; i < 11; i++)
        log_event(LOG_INFO, "new_one");
    log_end();
    assert_true(fixture_logged(f, "event=not_logged kind=new_one lines=1\n"));
}

/* Binds, challenges, waits, introductions and ends of many strangers. */
static void whatever_many_strangers_do_makes_few_lines(void **state)
{
    enum { STRANGERS = 60 };
    static const char *const events[] = {"bound", "connected", "challenged", "waits", "left"};
    struct fixture *f = *state;
    char address[64], target[64];

    for (int i = 0; i < STRANGERS; i++) {
        snprintf(address, sizeof address, "198.51.100.%d:7", i + 1);
        snprintf(target, sizeof target, "/bind?host_id=h%d", i);
        fixture_ask(f, address, target)->silent = true;
        snprintf(address, sizeof address, "203.0.113.%d:7", i + 1);
        fixture_ask(f, address, target)->silent = true;
        snprintf(address, sizeof address, "192.0.2.%d:7", i + 1);
        snprintf(target, sizeof target, "/connect?host_id=h%d", i);
        fixture_ask(f, address, target);
        fixture_say(f, fixture_peer(f, address),
                    "GET /connect?host_id=late HTTP/1.1\r\nPrefer: wait=9\r\n\r\n");
    }
    for (size_t i = 0; i < f->peer_count; i++)
        fixture_close(f, f->peers[i]);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        char needle[32];

        snprintf(needle, sizeof needle, "event=%s ", events[i]);
        assert_int_equal(fixture_count(f->log, needle), LOG_LIMIT_LINES);
    }
    fixture_pass(f, LOG_LIMIT_MS);
    assert_true(fixture_logged(f, "event=not_logged kind=connected lines="));
    assert_true(fixture_logged(f, "event=not_logged kind=waits lines=50"));
    assert_true(fixture_logged(f, "event=not_logged kind=left_closed lines="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_lines_pass_in_a_second_and_the_rest_is_told_when_it_is_over),
        TEST(lines_that_come_slowly_all_pass),
        TEST(the_refusals_of_many_addresses_make_few_lines_and_all_are_counted),
        TEST(each_kind_has_lines_of_its_own_and_is_told_of_in_time),
        TEST(kinds_beyond_the_tables_end_share_one_limit),
        TEST(any_event_is_bounded_and_what_the_operator_asks_for_is_not),
        TEST(whatever_many_strangers_do_makes_few_lines),
    };

    return cmocka_run_group_tests_name("log limit", tests, NULL, NULL);
}
