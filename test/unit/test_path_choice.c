/* client/path_choice.h: direct paths. */
#include "test/unit/path_choice_net.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
