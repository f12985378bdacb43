/* How often client/path_choice.c asks, and when it changes its mind: each limit from both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/path_choice.h"

#define START_MS 1000000
#define NEVER    INT64_MAX

static struct path_choice c;
static int64_t now_ms;
static uint64_t number;

static int begin(void **state)
{
    (void)state;
    now_ms = START_MS;
    number = 0;
    path_choice_init(&c, now_ms);
    return 0;
}

static void ask(int at)
{
    path_choice_asked(&c, at, ++number, now_ms * 1000);
}

/* It is asked, and answers within so many milliseconds. */
static void exchange(int at, int rtt_ms)
{
    now_ms++; /* of a request and its repetition in one millisecond one answer counts */
    ask(at);
    now_ms += rtt_ms;
    assert_true(path_choice_answered(&c, at, number, now_ms * 1000));
}

static int add(enum path_rank rank)
{
    int at = path_choice_add(&c, rank, now_ms);
    assert_true(at >= 0);
    return at;
}

/* One path that works, for long. */
static int settle(void)
{
    int at = add(PATH_RANK_DIRECT);
    exchange(at, 10);
    path_choice_connected(&c, at, now_ms);
    for (int i = 0; i < 4; i++)
        exchange(at, 10);
    now_ms += 10000;
    return at;
}

static void look(int64_t heard_ms, int64_t unanswered_ms, uint64_t count)
{
    path_choice_look(
        &c, &(struct path_traffic){.heard_ms = heard_ms, .unanswered_ms = unanswered_ms, .count = count},
        now_ms);
}

static void a_path_in_use_that_is_removed_is_in_use_no_more(void **state)
{
    int at = settle();
    (void)state;
    path_choice_remove(&c, at);
    assert_int_equal(c.used, -1);
    assert_int_equal(path_choice_next(&c, now_ms + 100000), -1);
}

static void the_one_that_was_asked_most_in_vain_gives_way(void **state)
{
    int first = add(PATH_RANK_DIRECT), second = add(PATH_RANK_LAN), third = add(PATH_RANK_LAN);
    (void)state;
    ask(first);
    ask(second);
    ask(second);
    assert_int_equal(path_choice_least(&c, now_ms), second);
    exchange(second, 1);
    assert_int_equal(path_choice_least(&c, now_ms), first);
    exchange(first, 1);
    assert_int_equal(path_choice_least(&c, now_ms), third);
    exchange(third, 1);
    assert_int_equal(path_choice_least(&c, now_ms), -1);
}

static void of_two_ways_that_the_peer_is_heard_by_the_lan_is_used(void **state)
{
    int direct = add(PATH_RANK_DIRECT), silent = add(PATH_RANK_LAN), lan = add(PATH_RANK_LAN);
    (void)state;
    path_choice_heard(&c, lan, now_ms);
    path_choice_heard(&c, direct, now_ms);
    path_choice_connected(&c, direct, now_ms);
    assert_int_equal(c.used, lan);
    assert_int_not_equal(c.used, silent);
}

static void a_connection_that_is_made_again_changes_nothing(void **state)
{
    int at = settle(), other = add(PATH_RANK_LAN);
    (void)state;
    path_choice_moved(&c, now_ms);
    assert_int_equal(c.state, PATHS_CHECKING);
    path_choice_connected(&c, other, now_ms);
    assert_int_equal(c.state, PATHS_CHECKING);
    assert_int_equal(c.used, at);
}

/* What is used first is no choice yet; after a change there is none for 5 s. */
static void a_better_path_follows_the_first_one_at_once_and_the_next_one_later(void **state)
{
    int first = add(PATH_RANK_DIRECT), lan = add(PATH_RANK_LAN), fast = add(PATH_RANK_LAN);
    (void)state;
    exchange(first, 40);
    path_choice_connected(&c, first, now_ms);
    for (int i = 0; i < 3; i++)
        exchange(lan, 10);
    assert_int_equal(c.used, lan);
    for (int i = 0; i < 3; i++)
        exchange(fast, 1);
    assert_int_equal(c.used, lan);
    now_ms += 5000;
    exchange(fast, 1);
    assert_int_equal(c.used, fast);
}

/* Somebody else's address on authentic requests: one of ours for each. */
static void a_stranger_is_asked_once_for_each_request_that_names_it(void **state)
{
    int at = add(PATH_RANK_DIRECT);
    (void)state;
    path_choice_unexpected(&c, at);
    assert_int_equal(path_choice_next(&c, now_ms), -1);
    for (int i = 0; i < 5; i++) {
        path_choice_heard(&c, at, now_ms);
        assert_int_equal(path_choice_next(&c, now_ms + 2000), at);
        now_ms += 2000;
        ask(at);
        assert_int_equal(path_choice_next(&c, now_ms + 100000), -1);
    }
}

static void what_is_heard_again_soon_after_a_request_is_no_reason_to_ask_at_once(void **state)
{
    int at = add(PATH_RANK_DIRECT);
    (void)state;
    path_choice_heard(&c, at, now_ms);
    for (int i = 0; i < 8; i++)
        ask(at);
    c.paths[at].due_ms = NEVER;
    path_choice_heard(&c, at, now_ms);
    assert_true(c.paths[at].due_ms > now_ms && c.paths[at].due_ms < NEVER);
    c.paths[at].spent = PATH_BURST_MOST + 1; /* it has had its share, and one more does not change that */
    c.paths[at].due_ms = NEVER;
    path_choice_heard(&c, at, now_ms);
    assert_int_equal(c.paths[at].due_ms, NEVER);
}

static void a_path_that_was_asked_within_a_second_is_not_asked_for_what_is_written(void **state)
{
    int at = settle();
    (void)state;
    exchange(at, 1);
    now_ms = c.paths[at].asked_ms + PATH_FLOW_MS - 1;
    path_choice_wakes(&c, now_ms);
    assert_int_equal(path_choice_next(&c, now_ms), -1);
    now_ms++;
    path_choice_wakes(&c, now_ms);
    assert_int_equal(path_choice_next(&c, now_ms), at);
}

static void data_is_noticed_by_ten_datagrams_and_its_end_by_ten_seconds_without(void **state)
{
    int at = settle();
    (void)state;
    exchange(at, 1);
    look(now_ms, 0, 0);
    now_ms += 10000;
    exchange(at, 1);
    look(now_ms, 0, 9); /* keepalives */
    assert_false(c.flows);
    assert_true(c.paths[at].due_ms > now_ms + PATH_FLOW_MS);
    now_ms += 10;
    look(now_ms, 0, 18);
    assert_false(c.flows);
    look(now_ms, 0, 19);
    assert_true(c.flows); /* at once, and it is asked within a second */
    assert_true(c.paths[at].due_ms <= now_ms + PATH_FLOW_MS);
    exchange(at, 1);
    assert_int_equal(c.paths[at].due_ms, now_ms + PATH_FLOW_MS);
    now_ms += 9990;
    look(now_ms, 0, 19);
    assert_true(c.flows);
    now_ms += 10;
    look(now_ms, 0, 19);
    assert_false(c.flows);
}

/* Five requests, and nothing heard since the first of them; or six and a second, whatever is heard. */
static void a_path_is_lost_by_five_requests_or_six_if_something_is_heard(void **state)
{
    int at = settle();
    (void)state;
    int64_t begun_ms = now_ms;
    for (int i = 0; i < 4; i++)
        ask(at);
    now_ms += PATH_ANSWER_MS;
    look(begun_ms - 1, 0, 0);
    assert_int_equal(c.state, PATHS_GOOD);
    ask(at);
    look(begun_ms, 0, 0); /* it was heard */
    assert_int_equal(c.state, PATHS_GOOD);
    struct path_choice before = c;
    look(begun_ms - 1, 0, 0);
    assert_int_equal(c.state, PATHS_LOST);
    c = before;
    ask(at);
    now_ms = begun_ms + PATH_SILENCE_MS - 1;
    look(now_ms, 0, 0);
    assert_int_equal(c.state, PATHS_GOOD);
    now_ms++;
    look(now_ms, 0, 0);
    assert_int_equal(c.state, PATHS_LOST);
}

/* It is asked and answers, after so many requests in vain. */
static void exchange_after(int at, int losses)
{
    for (int i = 0; i < losses; i++) {
        now_ms += 1000;
        ask(at);
    }
    exchange(at, 10);
}

/* It is then found to be cut as soon as any other. */
static void what_a_path_has_lost_is_forgotten(void **state)
{
    int at = settle();
    (void)state;
    for (int i = 0; i < 20; i++)
        exchange_after(at, 1);
    assert_true(c.paths[at].need > PATH_NEED_ONE);
    for (int i = 0; i < 120; i++)
        exchange_after(at, 0);
    int64_t begun_ms = now_ms + 1;
    for (int i = 0; i < 5; i++) {
        now_ms = begun_ms + (int64_t)i * 80;
        ask(at);
    }
    look(begun_ms - 1, 0, 0);
    assert_int_equal(c.state, PATHS_LOST);
}

/* A queue holds an answer back while further requests follow. */
static void an_answer_that_comes_late_is_no_loss(void **state)
{
    int at = settle();
    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 3; i++) {
            now_ms += 50;
            ask(at);
        }
        for (uint64_t i = 3; i-- > 0;) {
            now_ms += 50;
            assert_true(path_choice_answered(&c, at, number - i, now_ms * 1000));
        }
        now_ms += 1000;
    }
    assert_int_equal(c.paths[at].need, PATH_NEED_ONE);
}

static void what_is_heard_ends_a_check_unless_six_requests_were_in_vain(void **state)
{
    int at = settle();
    (void)state;
    path_choice_moved(&c, now_ms);
    for (int i = 0; i < PATH_TRIES_LOST - 1; i++)
        ask(at);
    now_ms++;
    struct path_choice before = c;
    look(now_ms - 1, 0, 0); /* heard no later than the check began */
    assert_int_equal(c.state, PATHS_CHECKING);
    look(now_ms, 0, 0);
    assert_int_equal(c.state, PATHS_GOOD);
    c = before;
    ask(at);
    look(now_ms, 0, 0);
    assert_int_equal(c.state, PATHS_CHECKING);
}

static void a_path_in_use_that_has_not_answered_is_looked_at_soon(void **state)
{
    int at = settle();
    (void)state;
    exchange(at, 1);
    assert_true(path_choice_due_ms(&c, now_ms) >= now_ms + 10000);
    ask(at);
    c.paths[at].due_ms = now_ms + 60000;
    assert_in_range(path_choice_due_ms(&c, now_ms) - now_ms, 1, 1000);
}

static void a_path_that_never_answers_is_asked_no_more_after_ten_seconds_however_seldom_it_was(void **state)
{
    int at = add(PATH_RANK_DIRECT);
    (void)state;
    ask(at);
    now_ms += PATH_BURST_MS - 1;
    ask(at);
    assert_true(c.paths[at].due_ms < NEVER);
    now_ms++;
    ask(at);
    assert_int_equal(c.paths[at].due_ms, NEVER);
    assert_true(c.paths[at].spent < PATH_BURST_MOST);
}

/* One that has answered once, and does not any more: not in use it is asked each 15 s, and more often if no path works. */
static void a_path_that_has_fallen_silent_is_asked_seldom_unless_all_have(void **state)
{
    int used = settle(), at = add(PATH_RANK_MAPPED);
    (void)state;
    exchange(at, 10);
    now_ms += 1000;
    ask(at);
    now_ms += PATH_BURST_MS;
    ask(at);
    assert_int_equal(c.paths[at].due_ms, now_ms + PATH_IDLE_MS);
    assert_int_equal(c.paths[at].spent, 1); /* what it was asked before its first answer */
    ask(used);
    now_ms += PATH_BURST_MS;
    ask(used);
    assert_true(c.paths[used].due_ms <= now_ms + 2000);
    path_choice_moved(&c, now_ms);
    now_ms += 2000;
    look(0, 0, 0);
    assert_int_equal(c.state, PATHS_LOST);
    ask(at);
    now_ms += PATH_BURST_MS;
    ask(at);
    assert_true(c.paths[at].due_ms <= now_ms + 2000);
}

static void the_shortest_round_trip_is_forgotten_after_30_s_unless_data_flows(void **state)
{
    int at = settle();
    (void)state;
    exchange(at, 5);
    assert_int_equal(c.paths[at].least_us, 5000);
    now_ms += 29000;
    exchange(at, 20);
    assert_int_equal(c.paths[at].least_us, 5000);
    c.flows = true;
    now_ms += 2000;
    exchange(at, 20);
    assert_int_equal(c.paths[at].least_us, 5000);
    c.flows = false;
    exchange(at, 20);
    assert_int_equal(c.paths[at].least_us, 20000);
}

/* Whatever its round trip, a path that loses clearly more is not used instead; one that loses clearly less is, unless
 * it takes more than twice as long. */
static void loss_counts_before_the_round_trip_within_bounds(void **state)
{
    int at = settle(), other = add(PATH_RANK_LAN);
    (void)state;
    for (int i = 0; i < 3; i++)
        exchange(other, 1);
    path_choice_connected(&c, at, now_ms);
    struct path_choice before = c;
    now_ms += 6000;
    c.used = at;
    c.paths[other].loss = 65536 / 5;
    exchange(other, 1);
    assert_int_equal(c.used, at);
    c = before;
    c.used = at;
    exchange(other, 1);
    assert_int_equal(c.used, other);
    c = before;
    c.used = at;
    c.paths[at].loss = 65536 / 2;
    c.paths[at].least_us = 10000;
    c.paths[other].least_us = 21001;
    exchange(other, 40);
    assert_int_equal(c.used, at);
    c.paths[other].least_us = 21000;
    exchange(other, 40);
    assert_int_equal(c.used, other);
}

/* Who is not heard for 300 ms is asked, once: what comes of that says whether the path is lost. */
static void a_silence_is_asked_about_early_and_once(void **state)
{
    int at = settle();
    (void)state;
    c.paths[at].due_ms = now_ms + 60000;
    int64_t silent_ms = now_ms;
    look(now_ms, silent_ms, 0);
    assert_int_equal(path_choice_due_ms(&c, now_ms), now_ms + 250); /* the next look */
    now_ms += PATH_ASK_MS - 1;
    look(silent_ms, silent_ms, 0);
    assert_int_equal(path_choice_next(&c, now_ms), -1);
    assert_int_equal(path_choice_due_ms(&c, now_ms), now_ms + 1);
    now_ms++;
    look(silent_ms, silent_ms, 0);
    assert_int_equal(path_choice_next(&c, now_ms), at);
    exchange(at, 10);
    c.paths[at].due_ms = now_ms + 60000;
    look(silent_ms, silent_ms, 0);
    assert_int_equal(path_choice_next(&c, now_ms), -1);
    assert_int_equal(c.state, PATHS_GOOD);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_in_use_that_is_removed_is_in_use_no_more),
        TEST(the_one_that_was_asked_most_in_vain_gives_way),
        TEST(of_two_ways_that_the_peer_is_heard_by_the_lan_is_used),
        TEST(a_connection_that_is_made_again_changes_nothing),
        TEST(a_better_path_follows_the_first_one_at_once_and_the_next_one_later),
        TEST(a_stranger_is_asked_once_for_each_request_that_names_it),
        TEST(what_is_heard_again_soon_after_a_request_is_no_reason_to_ask_at_once),
        TEST(a_path_that_was_asked_within_a_second_is_not_asked_for_what_is_written),
        TEST(data_is_noticed_by_ten_datagrams_and_its_end_by_ten_seconds_without),
        TEST(a_path_is_lost_by_five_requests_or_six_if_something_is_heard),
        TEST(what_a_path_has_lost_is_forgotten),
        TEST(an_answer_that_comes_late_is_no_loss),
        TEST(what_is_heard_ends_a_check_unless_six_requests_were_in_vain),
        TEST(a_path_in_use_that_has_not_answered_is_looked_at_soon),
        TEST(a_path_that_never_answers_is_asked_no_more_after_ten_seconds_however_seldom_it_was),
        TEST(a_path_that_has_fallen_silent_is_asked_seldom_unless_all_have),
        TEST(a_silence_is_asked_about_early_and_once),
        TEST(the_shortest_round_trip_is_forgotten_after_30_s_unless_data_flows),
        TEST(loss_counts_before_the_round_trip_within_bounds),
    };

    return cmocka_run_group_tests_name("path choice, limits", tests, NULL, NULL);
}
