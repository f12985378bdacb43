/* Members of a session (/join) and what each is told: who comes, moves and leaves. */
#include "test/unit/group_fixture.h"

static void a_newcomer_is_told_of_itself_and_all_others_and_they_of_it_in_the_same_turn(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", ""), *b, *c;

    assert_string_equal(told(a), "ann self 1/3 " ANN "\n");
    b = join(*state, BOB, "bob", "");
    assert_string_equal(told(b), "bob self 2/3 " BOB "\nann here 2/3 " ANN "\n");
    assert_string_equal(told(a), "ann self 1/3 " ANN "\nbob joined 2/3 " BOB "\n");
    c = fixture_peer(*state, CEC);
    fake_stream_say(c, "GET /join?session=room&expect=9&name=cec HTTP/1.1\r\n\r\n");
    fake_stream_forget(a);
    server_stream_ready(((struct fixture *)*state)->server, &c->stream, ((struct fixture *)*state)->now_ms);
    assert_string_equal(told(c), "cec self 3/9 " CEC "\nann here 3/9 " ANN "\nbob here 3/9 " BOB "\n");
    assert_string_equal(a->output, "49\r\n--hx_hole_punching\r\ncec: 192.0.2.3:1003\r\nMembers: "
                                   "3/3\r\nMember: joined\r\n\r\n\r\n");
    check_totals(*state, 1, 3);
}

static void the_answer_s_head_is_that_of_a_bind(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n"
                               "Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n"
                               "Transfer-Encoding: chunked\r\n"
                               "External-Address: " ANN "\r\n\r\n";
    struct fake_stream *a = join(*state, ANN, "ann", "");

    assert_memory_equal(a->output, head, strlen(head));
    assert_false(a->closed);
}

static void both_who_tell_candidates_get_the_same_session_and_each_pair_another_one(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS);
    struct fake_stream *c = join(*state, CEC, "cec", TELLS), *d = join(*state, DAN, "dan", "");

    assert_string_not_equal(session_with(a, "bob"), "");
    assert_string_equal(session_with(a, "bob"), session_with(b, "ann"));
    assert_string_equal(session_with(a, "cec"), session_with(c, "ann"));
    assert_string_equal(session_with(b, "cec"), session_with(c, "bob"));
    assert_string_not_equal(session_with(a, "bob"), session_with(a, "cec"));
    assert_string_not_equal(session_with(a, "bob"), session_with(b, "cec"));
    assert_string_equal(session_with(a, "dan"), "");
    assert_string_equal(session_with(d, "ann"), "");
    assert_null(strstr(d->output, "Candidate"));
    assert_non_null(strstr(a->output, "Candidate: 10.0.0.1:1 host"));
    assert_string_equal(session_with(a, "ann"), ""); /* nobody has one with itself */
}

static void another_session_has_other_members_and_other_keys(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS);
    struct fake_stream *x = fixture_peer(*state, CEC), *y = fixture_peer(*state, DAN);

    fixture_say(*state, x, "GET /join?session=other&expect=2&name=ann HTTP/1.1\r\n" TELLS "\r\n");
    fixture_say(*state, y, "GET /join?session=other&expect=2&name=bob HTTP/1.1\r\n" TELLS "\r\n");
    assert_string_equal(session_with(x, "bob"), session_with(y, "ann"));
    assert_string_not_equal(session_with(x, "bob"), session_with(a, "bob"));
    assert_int_equal(fixture_count(told(b), "\n"), 2);
    check_totals(*state, 2, 4);
}

static void who_leaves_is_told_of_to_all_who_are_there_and_to_nobody_who_comes_later(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS), *c;

    fixture_close(*state, b);
    assert_non_null(strstr(told(a), "\nbob left 1/3 " BOB "\n"));
    c = join(*state, CEC, "cec", TELLS);
    assert_null(strstr(told(c), "bob"));
    check_totals(*state, 1, 2);
    fixture_close(*state, a);
    fixture_close(*state, c);
    check_totals(*state, 0, 0);
}

static void a_name_that_is_free_again_is_another_member_s(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS);
    const char *before = session_with(a, "bob");

    fixture_close(*state, b);
    b = join(*state, CEC, "bob", TELLS);
    assert_non_null(strstr(told(a), "bob left 1/3 " BOB "\nbob joined 2/3 " CEC));
    assert_string_not_equal(session_with(a, "bob"), before);
    assert_string_equal(session_with(a, "bob"), session_with(b, "ann"));
}

static void who_moves_with_its_join_session_keeps_its_pairs_sessions(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS TOKEN),
                       *again;
    const char *before = session_with(a, "bob");

    again = join(*state, "198.51.100.9:9", "bob", "Candidate: 10.0.0.9:9 host\r\n" TOKEN);
    assert_true(b->closed);
    assert_null(strstr(told(a), "left"));
    assert_non_null(strstr(told(a), "\nbob moved 2/3 198.51.100.9:9 "));
    assert_non_null(strstr(a->output, "Candidate: 10.0.0.9:9 host"));
    assert_string_equal(session_with(a, "bob"), before);
    assert_string_equal(session_with(again, "ann"), before);
    assert_non_null(strstr(told(again), "bob self 2/3 198.51.100.9:9\nann here 2/3 " ANN));
    check_totals(*state, 1, 2);
    assert_int_equal(counted(*state, COUNTER_MEMBER_MOVED), 1);
}

static void who_comes_from_the_same_address_and_port_has_begun_anew(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS), *again;
    const char *before = session_with(a, "bob");

    again = join(*state, BOB, "bob", TELLS);
    assert_true(b->closed);
    assert_non_null(strstr(told(a), "bob left 1/3 " BOB "\nbob joined 2/3 " BOB));
    assert_string_not_equal(session_with(a, "bob"), before);
    assert_string_equal(session_with(a, "bob"), session_with(again, "ann"));
    check_totals(*state, 1, 2);
}

static void a_name_whose_member_lives_is_refused_409_and_whose_is_silent_is_taken(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", TELLS), *b = join(*state, BOB, "bob", TELLS), *other,
                       *third;

    b->silent = true;
    other = join(*state, CEC, "bob", TELLS);
    third = join(*state, DAN, "bob", TELLS);
    assert_string_equal(other->output, "");
    fixture_pass(*state, 200);
    fixture_hear(*state, b);
    assert_int_equal(fixture_status(other), 409);
    assert_int_equal(fixture_status(third), 409);
    assert_false(b->closed || other->closed);
    join_expecting(*state, other, "bob", 3, TELLS);
    join_expecting(*state, third, "bob", 3, TELLS);
    fake_stream_forget(third);
    fixture_pass(*state, 999);
    assert_false(b->closed);
    fixture_pass(*state, 1);
    assert_true(b->closed);
    assert_int_equal(fixture_status(third), 409); /* the name is the first one's */
    assert_non_null(strstr(other->output, "bob: " CEC));
    assert_non_null(strstr(told(a), "bob left 1/3 " BOB "\nbob joined 2/3 " CEC));
    assert_true(fixture_logged(*state, "event=replaced conn=3 peer=" CEC " name=room member=bob holder=" BOB
                                       " reason=\"did not answer the challenge\""));
    check_totals(*state, 1, 2);
}

static void who_leaves_while_it_is_asked_gives_its_name_to_the_first_who_wants_it(void **state)
{
    struct fake_stream *b = join(*state, BOB, "bob", ""), *other, *third;

    b->silent = true;
    other = join(*state, CEC, "bob", "");
    third = join(*state, DAN, "bob", "");
    fixture_close(*state, b);
    assert_string_equal(told(other), "bob self 1/3 " CEC "\n");
    assert_int_equal(fixture_status(third), 409);
}

static void the_second_who_wants_a_name_goes_on_where_the_first_gave_up(void **state)
{
    struct fake_stream *b = join(*state, BOB, "bob", ""), *other, *third;

    b->silent = true;
    other = join(*state, CEC, "bob", "");
    third = join(*state, DAN, "bob", "");
    fixture_pass(*state, 500);
    fixture_close(*state, other);
    fixture_pass(*state, 499);
    assert_false(b->closed);
    fixture_pass(*state, 1);
    assert_true(b->closed);
    assert_string_equal(told(third), "bob self 1/3 " DAN "\n");
    fixture_close(*state, third);
    check_totals(*state, 0, 0);
}

static void who_has_waited_long_enough_is_told_so_once_and_only_if_some_are_missing(void **state)
{
    struct fake_stream *a = join(*state, ANN, "ann", "Prefer: wait=5\r\n"), *b, *c;

    fixture_pass(*state, 4000);
    b = join(*state, BOB, "bob", "Prefer: wait=5\r\n");
    fixture_pass(*state, 1000);
    assert_string_equal(told(a), "ann self 1/3 " ANN "\nbob joined 2/3 " BOB "\nann waited 2/3 " ANN "\n");
    c = join(*state, CEC, "cec", "Prefer: wait=60\r\n");
    fixture_pass(*state, 60000);
    assert_null(strstr(told(b), "waited"));
    assert_null(strstr(told(c), "waited"));
    assert_int_equal(fixture_count(told(a), "waited"), 1);
    assert_false(a->closed || b->closed || c->closed);
}

static void more_may_come_than_are_expected_up_to_max_members(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a, *p;
    char text[64];

    f->config.max_members = 4;
    a = fixture_peer(f, ANN);
    join_expecting(f, a, "ann", 2, "");
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "n%d", i);
        p = fixture_peer(f, CEC);
        join_expecting(f, p, text, 4, "");
    }
    assert_non_null(strstr(told(a), "n2 joined 4/2"));
    p = join(f, DAN, "dan", "");
    assert_int_equal(fixture_status(p), 409);
    assert_non_null(strstr(p->output, "--max-members"));
    fake_stream_forget(p);
    join_expecting(f, p, "dan", 5, "");
    assert_int_equal(fixture_status(p), 400);
    fixture_close(f, a);
    fake_stream_forget(p);
    join_expecting(f, p, "dan", 4, "");
    assert_int_equal(fixture_status(p), 200);
}

static void a_full_session_s_member_that_crashed_returns(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *old = join(f, ANN, "ann", TELLS), *p;
    char name[16], address[32];

    for (int i = 1; i < MEMBERS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(address, sizeof address, "198.51.100.%d:7", i);
        p = join(f, address, name, TELLS);
        assert_int_equal(fixture_status(p), 200);
    }
    check_totals(f, 1, MEMBERS_MAX);
    assert_int_equal(fixture_count(told(p), " here 64/3 "), MEMBERS_MAX - 1);
    assert_int_equal(fixture_count(told(old), " joined "), MEMBERS_MAX - 1);
    assert_int_equal(fixture_status(join(f, DAN, "dan", "")), 409);
    old->silent = true;
    struct fake_stream *again = join(f, BOB, "ann", TELLS);
    fixture_pass(f, 1000);
    assert_true(old->closed);
    assert_int_equal(fixture_count(told(again), " here 64/3 "), MEMBERS_MAX - 1);
    assert_non_null(strstr(told(p), "ann left 63/3 " ANN "\nann joined 64/3 " BOB));
    old = again;
    again = join(f, BOB, "ann", TELLS);
    assert_true(old->closed);
    assert_int_equal(fixture_count(told(again), " here 64/3 "), MEMBERS_MAX - 1);
    check_totals(f, 1, MEMBERS_MAX);
}

static void the_server_s_end_is_no_news_of_the_others(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", ""), *b = join(f, BOB, "bob", "");

    server_stop(f->server, f->now_ms);
    fixture_turns(f);
    assert_null(strstr(told(a), "left"));
    assert_null(strstr(told(b), "left"));
    assert_non_null(strstr(a->output, "0\r\n\r\n"));
    assert_true(a->closed && b->closed);
    check_totals(f, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_newcomer_is_told_of_itself_and_all_others_and_they_of_it_in_the_same_turn),
        TEST(the_answer_s_head_is_that_of_a_bind),
        TEST(both_who_tell_candidates_get_the_same_session_and_each_pair_another_one),
        TEST(another_session_has_other_members_and_other_keys),
        TEST(who_leaves_is_told_of_to_all_who_are_there_and_to_nobody_who_comes_later),
        TEST(a_name_that_is_free_again_is_another_member_s),
        TEST(who_moves_with_its_join_session_keeps_its_pairs_sessions),
        TEST(who_comes_from_the_same_address_and_port_has_begun_anew),
        TEST(a_name_whose_member_lives_is_refused_409_and_whose_is_silent_is_taken),
        TEST(who_leaves_while_it_is_asked_gives_its_name_to_the_first_who_wants_it),
        TEST(the_second_who_wants_a_name_goes_on_where_the_first_gave_up),
        TEST(who_has_waited_long_enough_is_told_so_once_and_only_if_some_are_missing),
        TEST(more_may_come_than_are_expected_up_to_max_members),
        TEST(a_full_session_s_member_that_crashed_returns),
        TEST(the_server_s_end_is_no_news_of_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
