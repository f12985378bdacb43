/* client/path_choice.h: a relay beside direct paths. */
#include "test/unit/path_choice_net.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_relay_is_used_at_once_if_it_is_the_first_to_answer),
        TEST(the_relay_is_left_once_a_direct_path_answers_however_long_its_way),
        TEST(the_relay_is_taken_when_the_direct_path_ends_and_left_when_it_is_back),
        TEST(a_direct_path_that_failed_is_taken_again_after_three_answers),
        TEST(a_handshake_through_the_relay_waits_for_no_path_that_has_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
