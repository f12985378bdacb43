/* A name whose holder has a connection for each address family, and who is told what when the families of two
 * do not meet. */
#include "test/unit/server_fixture.h"

#define BIND    "/bind?host_id=host_sweet_host"
#define CONNECT "/connect?host_id=host_sweet_host"
#define V4      "203.0.113.10:40001"
#define V6      "[2001:db8:1::10]:40001"
#define H2_V4   "198.51.100.20:40002"
#define H2_V6   "[2001:db8:2::20]:40002"
#define MINE    "Bind-Session: 0123456789abcdef0123456789ABCDEF\r\n"
#define OTHERS  "Bind-Session: 00000000000000000000000000000001\r\n"
#define LAST    "0\r\n\r\n"

static void bind_on(struct fixture *f, struct fake_stream *p, const char *session)
{
    char text[256];

    snprintf(text, sizeof text, "GET " BIND " HTTP/1.1\r\n%s\r\n", session);
    fixture_say(f, p, text);
}

static struct fake_stream *bind_from(struct fixture *f, const char *address, const char *session)
{
    struct fake_stream *p = fixture_peer(f, address);

    bind_on(f, p, session);
    return p;
}

static bool told(const struct fake_stream *p, const char *address)
{
    char line[128];

    snprintf(line, sizeof line, ": %s\r\n", address);
    return strstr(fixture_body(p), line) != NULL;
}

static void one_session_holds_a_name_over_both_families(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *v6 = bind_from(*state, V6, MINE), *a, *b;

    assert_int_equal(fixture_status(v6), 200); /* at once: nobody was challenged */
    assert_true(fixture_logged(*state, "event=joined"));
    a = fixture_ask(*state, H2_V4, CONNECT);
    b = fixture_ask(*state, H2_V6, CONNECT);
    assert_true(told(a, V4) && !told(a, V6));
    assert_true(told(b, V6) && !told(b, V4));
    assert_true(told(v4, H2_V4) && !told(v4, H2_V6));
    assert_true(told(v6, H2_V6) && !told(v6, H2_V4));
    assert_int_equal(server_names(((struct fixture *)*state)->server), 1);
}

static void the_name_lives_as_long_as_one_of_its_connections(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *v6 = bind_from(*state, V6, MINE), *b;

    fixture_close(*state, v4);
    fixture_pass(*state, 1000);
    b = fixture_ask(*state, H2_V6, CONNECT);
    assert_true(told(b, V6));
    fixture_close(*state, v6);
    assert_int_equal(fixture_status(fixture_ask(*state, "[2001:db8:2::21]:1", CONNECT)), 404);
}

static void the_same_session_from_a_new_address_takes_over_without_a_challenge(void **state)
{
    struct fake_stream *old = bind_from(*state, V4, MINE), *h2 = fixture_ask(*state, H2_V4, CONNECT), *anew;

    fake_stream_forget(h2);
    old->silent = true;
    anew = bind_from(*state, "192.0.2.99:5", MINE);
    assert_int_equal(fixture_status(anew), 200);
    assert_string_equal(old->output + old->output_len - 5, LAST);
    assert_true(old->closed);
    assert_non_null(strstr(h2->output, "host_sweet_host: 192.0.2.99:5\r\n"));
    assert_true(told(anew, H2_V4));
    assert_true(fixture_logged(*state, "same session"));
}

static void another_session_or_none_challenges_all_connections_and_one_answer_is_enough(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *v6 = bind_from(*state, V6, MINE), *thief, *bare;

    v4->silent = v6->silent = true;
    thief = bind_from(*state, "192.0.2.66:6", OTHERS);
    bare = bind_from(*state, "192.0.2.67:6", "");
    assert_int_equal(thief->output_len + bare->output_len, 0);
    fixture_pass(*state, 500);
    fixture_hear(*state, v6);
    assert_int_equal(fixture_status(thief), 409);
    assert_int_equal(fixture_status(bare), 409);
    assert_null(strstr(thief->output, "Peer-Family"));
    assert_false(v4->closed || v6->closed);
}

static void a_silent_session_loses_all_of_its_connections(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *v6 = bind_from(*state, V6, MINE), *other;

    v4->silent = v6->silent = true;
    other = bind_from(*state, "192.0.2.66:6", OTHERS);
    fixture_pass(*state, 1000);
    assert_true(v4->closed && v6->closed);
    assert_int_equal(fixture_status(other), 200);
    assert_int_equal(server_names(((struct fixture *)*state)->server), 1);
}

static void a_session_that_comes_back_within_a_challenge_keeps_its_name(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *other, *anew;

    v4->silent = true;
    other = bind_from(*state, "192.0.2.66:6", OTHERS);
    anew = bind_from(*state, "192.0.2.10:7", MINE);
    assert_int_equal(fixture_status(anew), 200);
    assert_int_equal(fixture_status(other), 409);
}

static void a_session_is_forgotten_with_its_name(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *watcher = fixture_ask(*state, H2_V4, CONNECT),
                       *other;

    fixture_close(*state, v4); /* the watcher keeps the registry's entry */
    other = bind_from(*state, "192.0.2.66:6", "");
    other->silent = true;
    v4 = bind_from(*state, V4, MINE);
    assert_int_equal(fixture_status(other), 200);
    assert_int_equal(v4->output_len, 0); /* challenges */
    fixture_hear(*state, watcher);
}

static void without_a_common_family_h2_is_told_at_once_and_h1_is_not_bothered(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, ""), *h2 = fixture_ask(*state, H2_V6, CONNECT);

    assert_int_equal(fixture_status(h2), 409);
    assert_non_null(strstr(h2->output, "\r\nPeer-Family: IPv4\r\n"));
    assert_non_null(strstr(h2->output, "the peer has only IPv4; reach the nameserver over IPv4"));
    assert_string_equal(fixture_body(v4), "");
    fake_stream_forget(h2);
    fixture_say(*state, h2, "GET / HTTP/1.1\r\n\r\n"); /* the connection goes on */
    assert_int_equal(fixture_status(h2), 200);
    fixture_close(*state, v4);
    bind_from(*state, V6, "");
    h2 = fixture_ask(*state, H2_V4, CONNECT);
    assert_non_null(strstr(h2->output, "\r\nPeer-Family: IPv6\r\n"));
}

static void a_session_has_a_second_for_its_other_family(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *h2 = fixture_ask(*state, H2_V6, CONNECT), *v6;

    assert_int_equal(h2->output_len, 0);
    fixture_pass(*state, 900);
    assert_int_equal(h2->output_len, 0);
    v6 = bind_from(*state, V6, MINE);
    assert_true(told(h2, V6) && told(v6, H2_V6));
    assert_string_equal(fixture_body(v4), "");
    fixture_close(*state, v6);
    h2 = fixture_ask(*state, "[2001:db8:2::21]:1", CONNECT);
    assert_int_equal(h2->output_len, 0);
    fixture_pass(*state, 100); /* since it was bound first */
    assert_int_equal(fixture_status(h2), 409);
}

static void who_waits_for_a_name_waits_a_second_more_for_its_family(void **state)
{
    struct fake_stream *h2 = fixture_peer(*state, H2_V6), *bare = fixture_peer(*state, "[2001:db8:2::21]:1");

    fixture_say(*state, h2, "GET " CONNECT " HTTP/1.1\r\nPrefer: wait=9\r\n\r\n");
    fixture_pass(*state, 3000);
    bind_from(*state, V4, MINE);
    fixture_say(*state, bare, "GET " CONNECT " HTTP/1.1\r\n\r\n");
    fixture_pass(*state, 999);
    assert_int_equal(h2->output_len + bare->output_len, 0);
    fixture_pass(*state, 1);
    assert_int_equal(fixture_status(h2), 409);
    assert_int_equal(fixture_status(bare), 409);
}

static void who_waits_for_a_family_alone_gets_404_when_the_name_goes(void **state)
{
    struct fake_stream *v4 = bind_from(*state, V4, MINE), *h2 = fixture_ask(*state, H2_V6, CONNECT);

    fixture_close(*state, v4);
    assert_int_equal(fixture_status(h2), 404);
}

static void a_slow_connection_of_one_family_does_not_stop_the_other(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    struct fake_stream *v4 = bind_from(f, V4, MINE);
    struct fake_stream *v6 = bind_from(f, V6, MINE);
    v4->room = 0;
    for (int i = 0; i < 600; i++)
        fixture_ask(f, H2_V4, CONNECT);
    struct fake_stream *h2 = fixture_ask(f, H2_V6, CONNECT);
    assert_true(told(h2, V6) && told(v6, H2_V6));
    fixture_close(f, v6);
    v6 = bind_from(f, "[2001:db8:1::10]:40003", MINE);
    assert_true(told(v6, H2_V6));
}

static void a_session_that_is_malformed_or_there_twice_is_refused_where_it_counts(void **state)
{
    static const char twice[] = MINE MINE;
    const char *const bad[] = {"Bind-Session: \r\n", "Bind-Session: 0123456789abcdef0123456789abcde\r\n",
                               "Bind-Session: 0123456789abcdef0123456789abcdeg\r\n",
                               "Bind-Session: 0123456789abcdef0123456789abcdef0\r\n", twice};
    struct fake_stream *p;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        p = bind_from(*state, V4, bad[i]);
        assert_int_equal(fixture_status(p), 400);
        assert_true(p->closed);
    }
    p = fixture_peer(*state, V4);
    fixture_say(*state, p, "GET / HTTP/1.1\r\nBind-Session: x\r\nBind-Session: x\r\n\r\n");
    assert_int_equal(fixture_status(p), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_session_holds_a_name_over_both_families),
        TEST(the_name_lives_as_long_as_one_of_its_connections),
        TEST(the_same_session_from_a_new_address_takes_over_without_a_challenge),
        TEST(another_session_or_none_challenges_all_connections_and_one_answer_is_enough),
        TEST(a_silent_session_loses_all_of_its_connections),
        TEST(a_session_that_comes_back_within_a_challenge_keeps_its_name),
        TEST(a_session_is_forgotten_with_its_name),
        TEST(without_a_common_family_h2_is_told_at_once_and_h1_is_not_bothered),
        TEST(a_session_has_a_second_for_its_other_family),
        TEST(who_waits_for_a_name_waits_a_second_more_for_its_family),
        TEST(who_waits_for_a_family_alone_gets_404_when_the_name_goes),
        TEST(a_slow_connection_of_one_family_does_not_stop_the_other),
        TEST(a_session_that_is_malformed_or_there_twice_is_refused_where_it_counts),
    };

    return cmocka_run_group_tests_name("families", tests, NULL, NULL);
}
