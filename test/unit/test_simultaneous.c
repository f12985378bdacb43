/* Who is nearer to S is told a little later, so that what it sends finds the other one's socket open. */
#include "server/simultaneous.h"
#include "test/unit/meeting_fixture.h"

#define SESSION "Bind-Session: 00112233445566778899aabbccddeeff\r\n"

static void check_times(int64_t h1_rtt_ms, int64_t h2_rtt_ms, int64_t h1_ms, int64_t h2_ms)
{
    struct simultaneous t = simultaneous_times(h1_rtt_ms, h2_rtt_ms);

    assert_int_equal(t.h1_ms, h1_ms);
    assert_int_equal(t.h2_ms, h2_ms);
}

static void the_nearer_one_waits_until_the_farther_ones_socket_is_open(void **state)
{
    (void)state;
    check_times(40, 0, 0, SIMULTANEOUS_MS);
    check_times(0, 40, SIMULTANEOUS_MS, 0);
    check_times(1000000, 0, 0, SIMULTANEOUS_MS); /* bounded, whatever was measured */
    check_times(100, 20, 0, 0);                  /* its handshake needs that time in any case */
    check_times(40, 10, 0, SIMULTANEOUS_MS - 10);
    check_times(10, 0, 0, 5); /* not until the farther one's handshake comes */
}

static void nobody_waits_where_both_are_equally_far_or_it_is_not_known(void **state)
{
    (void)state;
    check_times(0, 0, 0, 0);
    check_times(20, 20, 0, 0);
    check_times(SIMULTANEOUS_LEAST_MS - 1, 0, 0, 0);
    check_times(-1, 40, 0, 0);
    check_times(40, -1, 0, 0);
}

/* Its request comes `rtt_ms` after its connection. */
static struct fake_stream *ask_from(struct fixture *f, const char *address, int64_t rtt_ms,
                                    const char *request)
{
    struct fake_stream *p = fixture_peer(f, address);

    p->acks = rtt_ms == 0; /* no acknowledgement can come sooner */
    fixture_pass(f, rtt_ms);
    fixture_say(f, p, request);
    return p;
}

#define GET_BIND    "GET " BIND " HTTP/1.1\r\n\r\n"
#define GET_CONNECT "GET " CONNECT " HTTP/1.1\r\n\r\n"

static void a_near_h1_is_told_later_and_h2_at_once(void **state)
{
    struct fake_stream *h1 = ask_from(*state, H1, 0, GET_BIND), *h2 = ask_from(*state, H2, 40, GET_CONNECT);

    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
    assert_string_equal(fixture_body(h1), "");
    fixture_hear(*state, h1); /* no event lets it out */
    fixture_pass(*state, SIMULTANEOUS_MS - 1);
    assert_string_equal(fixture_body(h1), "");
    fixture_pass(*state, 1);
    assert_string_equal(fixture_body(h1), PART_H2);
}

static void a_near_h2_gets_its_head_at_once_and_the_same_bytes_later(void **state)
{
    struct fake_stream *h1 = ask_from(*state, H1, 40, GET_BIND), *h2 = ask_from(*state, H2, 0, GET_CONNECT);

    assert_string_equal(fixture_body(h1), PART_H2);
    assert_int_equal(fixture_status(h2), 200);
    assert_string_equal(fixture_body(h2), "");
    fixture_pass(*state, SIMULTANEOUS_MS);
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
}

static void programs_of_ours_are_told_at_once(void **state)
{
    struct fake_stream *h1 = ask_from(*state, H1, 0, "GET " BIND " HTTP/1.1\r\n" SESSION "\r\n"),
                       *h2 = ask_from(*state, H2, 40, GET_CONNECT);

    assert_string_equal(fixture_body(h1), PART_H2);
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
}

/* Parts of one holder stay in their order: a second one that must not wait takes the first one along. */
static void who_comes_while_a_part_waits_is_not_held_up(void **state)
{
    struct fake_stream *h1 = ask_from(*state, H1, 0, GET_BIND);

    ask_from(*state, H2, 40, GET_CONNECT);
    assert_string_equal(fixture_body(h1), "");
    fixture_say(*state, fixture_peer(*state, "198.51.100.21:5"), GET_CONNECT);
    assert_int_equal(fixture_count(fixture_body(h1), "--hx_hole_punching"), 2);
    fixture_pass(*state, SIMULTANEOUS_MS);
    assert_int_equal(fixture_count(fixture_body(h1), "--hx_hole_punching"), 2);
}

static void whoever_ends_while_its_part_waits_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask_from(f, H1, 0, GET_BIND), *h2 = ask_from(f, H2, 40, GET_CONNECT);

    fixture_close(f, h1);
    assert_true(h1->closed);
    fixture_pass(f, SIMULTANEOUS_MS);
    h1 = ask_from(f, "203.0.113.11:1", 0, GET_BIND); /* H2 is told again, and this one waits; then H2 goes */
    assert_string_equal(fixture_body(h1), "");
    fixture_close(f, h2);
    fixture_pass(f, SIMULTANEOUS_MS);
    assert_string_equal(fixture_body(h1), PART_H2);
    assert_false(h1->closed);
}

static void a_busy_server_tells_all_but_a_few_at_once(void **state)
{
    struct fake_stream *late;
    char address[32];

    ask_from(*state, H1, 40, GET_BIND);
    for (int i = 0; i < SIMULTANEOUS_MOST; i++) {
        snprintf(address, sizeof address, "198.51.100.%d:1", 100 + i);
        assert_string_equal(fixture_body(ask_from(*state, address, 0, GET_CONNECT)), "");
    }
    late = ask_from(*state, "198.51.100.200:1", 0, GET_CONNECT);
    assert_int_equal(fixture_count(fixture_body(late), "--hx_hole_punching"), 2);
    fixture_pass(*state, 1000 / SIMULTANEOUS_PER_SECOND); /* so soon the next one may wait again */
    assert_string_equal(fixture_body(ask_from(*state, "198.51.100.201:1", 0, GET_CONNECT)), "");
}

static void when_the_server_stops_nothing_waits_any_longer(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = ask_from(f, H1, 0, GET_BIND);

    ask_from(f, H2, 40, GET_CONNECT);
    server_stop(f->server, f->now_ms);
    fixture_turns(f);
    assert_string_equal(fixture_body(h1), PART_H2 LAST);
    assert_true(h1->closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_nearer_one_waits_until_the_farther_ones_socket_is_open),
        TEST(nobody_waits_where_both_are_equally_far_or_it_is_not_known),
        TEST(a_near_h1_is_told_later_and_h2_at_once),
        TEST(a_near_h2_gets_its_head_at_once_and_the_same_bytes_later),
        TEST(programs_of_ours_are_told_at_once),
        TEST(who_comes_while_a_part_waits_is_not_held_up),
        TEST(whoever_ends_while_its_part_waits_leaves_no_trace),
        TEST(a_busy_server_tells_all_but_a_few_at_once),
        TEST(when_the_server_stops_nothing_waits_any_longer),
    };

    return cmocka_run_group_tests_name("simultaneous", tests, NULL, NULL);
}
