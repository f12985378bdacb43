/* The choice of a path, over a network that is made up: each path has a round trip, loses some, or is cut. */
#include "client/path_choice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANSWERS_MAX 64

struct way {
    int rtt_ms;
    bool up;      /* requests are answered */
    bool one_way; /* the peer's datagrams come, and none of ours arrives */
    int loss;     /* percent, of the round trip */
    int queue_ms; /* more, while data flows */
    int asked;
};

static struct {
    struct path_choice c;
    struct path_traffic traffic;
    int64_t now_ms;
    bool data, speaks; /* data flows both ways, over whatever is used; only we send */
    struct way ways[PATH_CHOICE_MAX];
    struct {
        int at;
        uint64_t number;
        int64_t due_ms;
    } answers[ANSWERS_MAX];
    uint64_t number;
    int switches, last_used;
    bool was_lost, was_checked;
} net;

static int begin(void **state)
{
    (void)state;
    memset(&net, 0, sizeof net);
    net.now_ms = 1000000;
    net.last_used = -1;
    srand(1);
    path_choice_init(&net.c, net.now_ms);
    return 0;
}

static int way(enum path_rank rank, int rtt_ms, bool up)
{
    int at = path_choice_add(&net.c, rank, net.now_ms);
    assert_true(at >= 0);
    net.ways[at] = (struct way){.rtt_ms = rtt_ms, .up = up};
    return at;
}

static void put_answer(int at)
{
    struct way *w = &net.ways[at];
    int queue_ms = net.data ? w->queue_ms : 0;
    for (int i = 0; i < ANSWERS_MAX; i++) {
        if (net.answers[i].due_ms != 0)
            continue;
        net.answers[i].at = at;
        net.answers[i].number = net.number;
        net.answers[i].due_ms = net.now_ms + w->rtt_ms + queue_ms;
        return;
    }
    fail_msg("too many requests are under way");
}

static void ask_what_is_due(void)
{
    int at;
    for (int i = 0; (at = path_choice_next(&net.c, net.now_ms)) >= 0; i++) {
        assert_true(i < 64);
        path_choice_asked(&net.c, at, ++net.number, net.now_ms * 1000);
        net.ways[at].asked++;
        if (net.ways[at].up && !net.ways[at].one_way && rand() % 100 >= net.ways[at].loss)
            put_answer(at);
    }
}

static void take_answers(void)
{
    for (int i = 0; i < ANSWERS_MAX; i++) {
        if (net.answers[i].due_ms == 0 || net.answers[i].due_ms > net.now_ms)
            continue;
        net.answers[i].due_ms = 0;
        if (net.ways[net.answers[i].at].up)
            (void)path_choice_answered(&net.c, net.answers[i].at, net.answers[i].number, net.now_ms * 1000);
    }
}

static void pass_data(void)
{
    const struct way *w = net.c.used < 0 ? NULL : &net.ways[net.c.used];
    if (!net.data && !net.speaks)
        return;
    net.traffic.count++;
    if (net.traffic.unanswered_ms == 0)
        net.traffic.unanswered_ms = net.now_ms;
    if (net.data && w && w->up) {
        net.traffic.heard_ms = net.now_ms;
        net.traffic.unanswered_ms = 0;
    }
}

static void run(int64_t ms)
{
    for (int64_t until_ms = net.now_ms + ms; net.now_ms < until_ms; net.now_ms++) {
        take_answers();
        pass_data();
        if (path_choice_due_ms(&net.c, net.now_ms - 1) <= net.now_ms || net.now_ms % 250 == 0)
            path_choice_look(&net.c, &net.traffic, net.now_ms);
        ask_what_is_due();
        net.switches += net.last_used >= 0 && net.c.used != net.last_used;
        net.last_used = net.c.used;
        net.was_lost |= net.c.state == PATHS_LOST;
        net.was_checked |= net.c.state == PATHS_CHECKING;
    }
}

/* Connected over `at`, answered, and quiet. */
static void settle(int at)
{
    path_choice_connected(&net.c, at, net.now_ms);
    run(12000);
    assert_int_equal(net.c.state, PATHS_GOOD);
    net.switches = 0;
    net.was_lost = net.was_checked = false;
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        net.ways[i].asked = 0;
}

static void the_first_path_that_answers_is_used(void **state)
{
    (void)state;
    way(PATH_RANK_DIRECT, 50, false);
    int fast = way(PATH_RANK_DIRECT, 20, true);
    way(PATH_RANK_DIRECT, 40, true);
    run(30);
    assert_int_equal(net.c.used, fast);
    assert_int_equal(net.c.state, PATHS_SEEKING);
    path_choice_connected(&net.c, -1, net.now_ms);
    assert_int_equal(net.c.state, PATHS_GOOD);
    assert_int_equal(net.c.used, fast);
}

static void before_any_answer_the_path_is_used_that_the_peer_was_heard_on(void **state)
{
    (void)state;
    way(PATH_RANK_DIRECT, 100, true);
    int heard = way(PATH_RANK_DIRECT, 100, true);
    run(10);
    path_choice_connected(&net.c, heard, net.now_ms);
    assert_int_equal(net.c.used, heard);
    run(2000);
    assert_int_equal(net.c.used, heard);
}

static void a_path_that_leads_one_way_only_is_left_within_a_second(void **state)
{
    (void)state;
    int works = way(PATH_RANK_DIRECT, 60, true);
    int heard = way(PATH_RANK_LAN, 1, true);
    net.ways[heard].one_way = true;
    path_choice_connected(&net.c, heard, net.now_ms);
    net.data = true;
    run(1000);
    assert_int_equal(net.c.used, works);
}

static void a_path_that_ceases_to_carry_ours_is_left_though_the_peer_is_heard(void **state)
{
    (void)state;
    int other = way(PATH_RANK_DIRECT, 60, true);
    int used = way(PATH_RANK_LAN, 2, true);
    settle(used);
    net.data = true;
    run(5000);
    net.ways[used].one_way = true;
    run(4500); /* it is asked once a second, then six times */
    assert_int_equal(net.c.used, other);
    assert_int_equal(net.c.state, PATHS_GOOD);
}

/* The peer's network still brings its packets; ours leave by another uplink, and its NAT takes none of
 * those. */
static void
a_path_that_leads_one_way_only_is_left_though_the_peer_says_each_second_that_it_has_lost_it(void **state)
{
    (void)state;
    int other = way(PATH_RANK_DIRECT, 60, true);
    int used = way(PATH_RANK_LAN, 2, true);
    settle(used);
    net.data = true;
    run(5000);
    net.ways[used].one_way = true;
    path_choice_moved(&net.c, net.now_ms);
    for (int i = 0; i < 2; i++) {
        run(950);
        path_choice_moved(&net.c, net.now_ms);
    }
    assert_int_equal(net.c.used, other);
}

static void a_path_that_never_answers_is_asked_for_ten_seconds_and_no_more(void **state)
{
    (void)state;
    int dead = way(PATH_RANK_DIRECT, 0, false);
    int works = way(PATH_RANK_DIRECT, 10, true);
    run(1000);
    assert_in_range(net.ways[dead].asked, 4, 10);
    settle(works);
    net.ways[works].up = false; /* lost: all paths are asked again, but not those */
    net.data = true;
    run(60000);
    assert_in_range(net.c.paths[dead].spent, 8, PATH_BURST_MOST);
    run(60000);
    assert_true(net.c.paths[dead].spent <= PATH_BURST_MOST);
}

static void a_path_that_works_is_asked_each_15_s_and_each_second_while_data_flows(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 20, true), other = way(PATH_RANK_DIRECT, 20, true);
    settle(used);
    run(150000);
    assert_in_range(net.ways[used].asked, 9, 11);
    assert_in_range(net.ways[other].asked, 9, 11);
    net.data = true;
    run(2000);
    net.ways[used].asked = net.ways[other].asked = 0;
    run(20000);
    assert_in_range(net.ways[used].asked, 18, 21);
    assert_in_range(net.ways[other].asked, 18, 21);
    assert_int_equal(net.switches, 0);
}

static void a_path_that_is_cut_while_data_flows_is_left_within_two_seconds(void **state)
{
    (void)state;
    int used = way(PATH_RANK_LAN, 5, true), other = way(PATH_RANK_DIRECT, 80, true);
    settle(used);
    net.data = true;
    run(5000);
    net.ways[used].up = false;
    run(2000);
    assert_int_equal(net.c.used, other);
    assert_int_equal(net.c.state, PATHS_GOOD);
    net.ways[used].up = true; /* and taken again once it has shown that it works */
    run(20000);
    assert_int_equal(net.c.used, used);
    assert_int_equal(net.switches, 2);
}

static void what_is_said_after_a_silence_asks_the_path_at_once(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 20, true);
    settle(used);
    net.ways[used].up = false;
    net.speaks = true; /* one keystroke, say */
    path_choice_wakes(&net.c, net.now_ms);
    run(1);
    net.speaks = false;
    assert_int_equal(net.ways[used].asked, 1);
    run(1100);
    assert_int_equal(net.c.state, PATHS_LOST);
}

static void a_peer_that_stands_still_for_12_s_is_found_again(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 20, true);
    settle(used);
    net.data = true;
    run(3000);
    net.ways[used].up = false;
    run(12000);
    assert_int_equal(net.c.state, PATHS_LOST);
    net.ways[used].up = true;
    run(1100);
    assert_int_equal(net.c.state, PATHS_GOOD);
    assert_int_equal(net.c.used, used);
    assert_int_equal(net.switches, 0);
}

/* Half of the packets are lost, each way: a request of four is answered. */
static void a_path_that_loses_much_is_lost_only_when_it_is_cut(void **state)
{
    int at = way(PATH_RANK_DIRECT, 40, true);
    (void)state;
    net.ways[at].loss = 75;
    path_choice_connected(&net.c, at, net.now_ms);
    net.data = true;
    run(60000); /* it is learnt */
    net.was_lost = false;
    run(600000);
    assert_false(net.was_lost);
    net.ways[at].one_way = true;
    run(10000);
    assert_int_equal(net.c.state, PATHS_LOST);
    net.ways[at].one_way = false;
    run(3000);
    assert_int_equal(net.c.state, PATHS_GOOD);
}

static void loss_alone_changes_nothing(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 40, true), other = way(PATH_RANK_DIRECT, 45, true);
    settle(used);
    net.ways[used].loss = net.ways[other].loss = 15;
    for (int i = 0; i < 10; i++) {
        net.data = i % 2 == 0;
        run(60000);
    }
    assert_int_equal(net.switches, 0);
    assert_false(net.was_lost);
}

static void a_path_that_loses_much_is_left_for_one_that_does_not(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 40, true), other = way(PATH_RANK_DIRECT, 45, true);
    settle(used);
    net.ways[used].loss = 50;
    net.data = true;
    run(120000);
    assert_int_equal(net.c.used, other);
    assert_int_equal(net.switches, 1);
}

static void a_queue_of_our_own_making_changes_nothing(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 40, true);
    way(PATH_RANK_DIRECT, 45, true);
    settle(used);
    net.ways[used].queue_ms = 300;
    net.data = true;
    run(300000);
    assert_int_equal(net.switches, 0);
}

static void the_lan_is_used_though_the_way_round_it_was_first(void **state)
{
    (void)state;
    int hairpin = way(PATH_RANK_DIRECT, 2, true);
    path_choice_connected(&net.c, hairpin, net.now_ms);
    int lan = way(PATH_RANK_LAN, 2, true);
    run(1500);
    assert_int_equal(net.c.used, lan);
    run(60000);
    assert_int_equal(net.switches, 1);
}

static void a_change_of_the_network_that_ends_no_path_changes_nothing(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 40, true);
    way(PATH_RANK_MAPPED, 10, true);
    net.ways[1].rtt_ms = 39;
    settle(used);
    path_choice_moved(&net.c, net.now_ms);
    run(1000);
    assert_int_equal(net.c.state, PATHS_GOOD);
    assert_int_equal(net.switches, 0);
    assert_false(net.was_lost);
}

static void a_change_of_the_network_that_ends_the_path_is_over_within_a_second(void **state)
{
    (void)state;
    int used = way(PATH_RANK_DIRECT, 40, true), other = way(PATH_RANK_DIRECT, 80, true);
    settle(used);
    net.ways[used].up = false;
    path_choice_moved(&net.c, net.now_ms);
    run(1000);
    assert_int_equal(net.c.used, other);
    assert_int_equal(net.c.state, PATHS_GOOD);
}

static void an_answer_that_is_not_awaited_counts_for_nothing(void **state)
{
    (void)state;
    int at = way(PATH_RANK_DIRECT, 40, false);
    run(10);
    assert_false(path_choice_answered(&net.c, at, 0, net.now_ms * 1000));
    assert_false(path_choice_answered(&net.c, at, 99, net.now_ms * 1000));
    assert_int_equal(net.c.used, -1);
    assert_true(path_choice_answered(&net.c, at, 1, net.now_ms * 1000));
    assert_false(path_choice_answered(&net.c, at, 1, net.now_ms * 1000)); /* a second time */
    assert_int_equal(net.c.paths[at].answers, 1);
}

static void there_is_room_for_so_many_paths_and_the_least_of_them_gives_way(void **state)
{
    (void)state;
    int works = way(PATH_RANK_DIRECT, 5, true);
    for (int i = 1; i < PATH_CHOICE_MAX; i++)
        way(PATH_RANK_DIRECT, 5, i % 2);
    assert_int_equal(path_choice_add(&net.c, PATH_RANK_DIRECT, net.now_ms), -1);
    path_choice_connected(&net.c, works, net.now_ms);
    run(1000);
    int least = path_choice_least(&net.c, net.now_ms);
    assert_true(least >= 0 && !net.ways[least].up);
    path_choice_remove(&net.c, least);
    assert_int_equal(path_choice_add(&net.c, PATH_RANK_DIRECT, net.now_ms), least);
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        net.ways[i].up = true;
    run(1000);
    assert_int_equal(path_choice_least(&net.c, net.now_ms), -1);
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        net.ways[i].up = i == works;
    run(30000);
    least =
        path_choice_least(&net.c, net.now_ms); /* of those that have answered, too, once they do no more */
    assert_true(least >= 0 && least != works);
}

static void the_relay_is_used_at_once_if_it_is_the_first_to_answer(void **state)
{
    (void)state;
    way(PATH_RANK_DIRECT, 300, true);
    int relayed = way(PATH_RANK_RELAYED, 20, true);
    run(100);
    assert_true(net.c.used == relayed && path_choice_relayed(&net.c));
}

static void the_relay_is_left_once_a_direct_path_answers_however_long_its_way(void **state)
{
    (void)state;
    int relayed = way(PATH_RANK_RELAYED, 20, true);
    settle(relayed);
    net.data = true;
    int direct = way(PATH_RANK_MAPPED, 250, true);
    run(300);
    assert_int_equal(net.c.used, direct);
    run(60000); /* and the shorter round trip is no reason to go back */
    assert_int_equal(net.switches, 1);
}

static void the_relay_is_taken_when_the_direct_path_ends_and_left_when_it_is_back(void **state)
{
    (void)state;
    int direct = way(PATH_RANK_DIRECT, 20, true), relayed = way(PATH_RANK_RELAYED, 60, true);
    settle(direct);
    net.data = true;
    run(12000);
    net.ways[direct].up = false;
    run(2000);
    assert_int_equal(net.c.used, relayed);
    net.ways[direct].up = true;
    run(16000); /* such a path is asked each 15 s */
    assert_int_equal(net.c.used, direct);
    assert_int_equal(net.switches, 2);
}

static void a_direct_path_that_failed_is_taken_again_after_three_answers(void **state)
{
    (void)state;
    int direct = way(PATH_RANK_DIRECT, 20, true), relayed = way(PATH_RANK_RELAYED, 60, true);
    settle(direct);
    net.data = true;
    net.ways[direct].up = false;
    run(2500);
    assert_int_equal(net.c.used, relayed);
    path_choice_asked(&net.c, direct, ++net.number, net.now_ms * 1000);
    assert_true(path_choice_answered(&net.c, direct, net.number, net.now_ms * 1000 + 20000));
    assert_int_equal(net.c.used, relayed);
    net.ways[direct].up = true;
    run(1000);
    assert_int_equal(net.c.used, direct);
}

static void a_handshake_through_the_relay_waits_for_no_path_that_has_answered(void **state)
{
    (void)state;
    int relayed = way(PATH_RANK_RELAYED, 100, true), direct = way(PATH_RANK_DIRECT, 20, false);
    path_choice_asked(&net.c, direct, ++net.number, net.now_ms * 1000);
    path_choice_connected(&net.c, relayed, net.now_ms);
    assert_int_equal(net.c.used, relayed);
    assert_true(path_choice_answered(&net.c, direct, net.number, net.now_ms * 1000 + 20000));
    assert_int_equal(net.c.used, direct);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_path_that_answers_is_used),
        TEST(before_any_answer_the_path_is_used_that_the_peer_was_heard_on),
        TEST(a_path_that_leads_one_way_only_is_left_within_a_second),
        TEST(a_path_that_ceases_to_carry_ours_is_left_though_the_peer_is_heard),
        TEST(a_path_that_leads_one_way_only_is_left_though_the_peer_says_each_second_that_it_has_lost_it),
        TEST(a_path_that_never_answers_is_asked_for_ten_seconds_and_no_more),
        TEST(a_path_that_works_is_asked_each_15_s_and_each_second_while_data_flows),
        TEST(a_path_that_is_cut_while_data_flows_is_left_within_two_seconds),
        TEST(what_is_said_after_a_silence_asks_the_path_at_once),
        TEST(a_peer_that_stands_still_for_12_s_is_found_again),
        TEST(a_path_that_loses_much_is_lost_only_when_it_is_cut),
        TEST(loss_alone_changes_nothing),
        TEST(a_path_that_loses_much_is_left_for_one_that_does_not),
        TEST(a_queue_of_our_own_making_changes_nothing),
        TEST(the_lan_is_used_though_the_way_round_it_was_first),
        TEST(a_change_of_the_network_that_ends_no_path_changes_nothing),
        TEST(a_change_of_the_network_that_ends_the_path_is_over_within_a_second),
        TEST(an_answer_that_is_not_awaited_counts_for_nothing),
        TEST(there_is_room_for_so_many_paths_and_the_least_of_them_gives_way),
        TEST(the_relay_is_used_at_once_if_it_is_the_first_to_answer),
        TEST(the_relay_is_left_once_a_direct_path_answers_however_long_its_way),
        TEST(the_relay_is_taken_when_the_direct_path_ends_and_left_when_it_is_back),
        TEST(a_direct_path_that_failed_is_taken_again_after_three_answers),
        TEST(a_handshake_through_the_relay_waits_for_no_path_that_has_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
