/* Parties over UDP, through tunnels and over TCP: who is told of whom. */
#include "server/counters.h"
#include "server/reach.h"
#include "test/unit/meeting_fixture.h"

#define TCP1      "192.0.2.1:50001"
#define TCP2      "192.0.2.2:50002"
#define TCP_V6    "[2001:db8:3::3]:50003"
#define H1_V6     "[2001:db8:1::10]:40001"
#define H2_V6     "[2001:db8:2::20]:40002"
#define TUNNEL1   "[100::1:1]:1"
#define TUNNEL2   "[100::2]:2"
#define CANDIDATE "Candidate: 192.168.1.2:40001 host\r\n"
#define MINE      "Bind-Session: 0123456789abcdef0123456789abcdef\r\n"

static struct fake_stream *ask_tcp(struct fixture *f, const char *address, const char *target,
                                   const char *headers)
{
    struct fake_stream *p = fixture_peer_tcp(f, address);

    say(f, p, target, headers);
    return p;
}

/* Whether a part of the body is of this line. */
static bool told(const struct fake_stream *p, const char *line)
{
    char part[256];

    snprintf(part, sizeof part, "--hx_hole_punching\r\n%s\r\n", line);
    return strstr(fixture_body(p), part) != NULL;
}

static void counted(struct fixture *f, enum counter which, uint64_t times)
{
    assert_int_equal(server_counters(f->server)->of[which], times);
}

static void the_address_tells_the_reach_of_who_came_by_udp(void **state)
{
    static const struct {
        const char *address;
        enum reach reach;
    } rows[] = {
        {H1, REACH_IPV4}, {H1_V6, REACH_IPV6}, {TUNNEL1, REACH_TUNNEL}, {"[100:0:0:1::1]:1", REACH_IPV6}};
    struct endpoint e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(endpoint_parse(&e, rows[i].address, strlen(rows[i].address)), 0);
        assert_int_equal(reach_of(&e, false), rows[i].reach);
        assert_int_equal(reach_of(&e, true), REACH_TCP);
    }
}

static void each_two_meet_as_the_table_says(void **state)
{
    /* holder, asker, without candidates, with */
    static const enum meeting table[REACHES][REACHES][2] = {[REACH_IPV4] = {{MEETING_BOTH, MEETING_BOTH},
                                                                            {MEETING_NONE, MEETING_NONE},
                                                                            {MEETING_NONE, MEETING_BOTH},
                                                                            {MEETING_ASKER, MEETING_ASKER}},
                                                            [REACH_IPV6] = {{MEETING_NONE, MEETING_NONE},
                                                                            {MEETING_BOTH, MEETING_BOTH},
                                                                            {MEETING_NONE, MEETING_BOTH},
                                                                            {MEETING_ASKER, MEETING_ASKER}},
                                                            [REACH_TUNNEL] = {{MEETING_NONE, MEETING_BOTH},
                                                                              {MEETING_NONE, MEETING_BOTH},
                                                                              {MEETING_NONE, MEETING_BOTH},
                                                                              {MEETING_NONE, MEETING_NONE}},
                                                            [REACH_TCP] = {{MEETING_HOLDER, MEETING_HOLDER},
                                                                           {MEETING_HOLDER, MEETING_HOLDER},
                                                                           {MEETING_HOLDER, MEETING_HOLDER},
                                                                           {MEETING_BOTH, MEETING_BOTH}}};

    (void)state;
    for (int h = 0; h < REACHES; h++)
        for (int a = 0; a < REACHES; a++)
            for (int lines = 0; lines < 2; lines++)
                assert_int_equal(reach_meeting((enum reach)h, (enum reach)a, lines, false),
                                 table[h][a][lines]);
}

static void a_relay_leads_from_one_family_to_the_other(void **state)
{
    (void)state;
    for (int h = 0; h < REACHES; h++)
        for (int a = 0; a < REACHES; a++)
            for (int lines = 0; lines < 2; lines++)
                if (lines && h != a && h <= REACH_IPV6 && a <= REACH_IPV6)
                    assert_int_equal(reach_meeting((enum reach)h, (enum reach)a, lines, true), MEETING_BOTH);
                else
                    assert_int_equal(reach_meeting((enum reach)h, (enum reach)a, lines, true),
                                     reach_meeting((enum reach)h, (enum reach)a, lines, false));
}

static void who_looks_over_tcp_sees_the_holder_and_the_holder_hears_nothing(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, ""), *person = ask_tcp(*state, TCP1, CONNECT, "");

    assert_string_equal(person->output, HEAD "External-Address: " TCP1 "\r\n\r\n" PART_H1
                                             "29\r\n--hx_hole_punching\r\n: " TCP1 "\r\n\r\n\r\n");
    assert_string_equal(fixture_body(h1), "");
    counted(*state, COUNTER_LOOKED_UP, 1);
    counted(*state, COUNTER_CONNECTED, 0);
    assert_true(fixture_logged(*state, "event=looked_up conn=2 peer=" TCP1 " transport=tcp"));
}

static void who_looks_sees_where_the_name_moves_to(void **state)
{
    struct fake_stream *old = ask(*state, H1, BIND, MINE), *person = ask_tcp(*state, TCP1, CONNECT, ""),
                       *anew;

    fake_stream_forget(person);
    anew = ask(*state, "203.0.113.77:7", BIND, MINE);
    assert_string_equal(person->output,
                        "37\r\n--hx_hole_punching\r\nhost_sweet_host: 203.0.113.77:7\r\n\r\n\r\n");
    assert_string_equal(fixture_body(anew), "");
    assert_true(old->closed);
}

static void who_looks_over_ipv6_sees_the_holders_ipv6_first(void **state)
{
    struct fake_stream *person, *other;

    ask(*state, H1, BIND, MINE);
    other = ask_tcp(*state, TCP_V6, CONNECT, "");
    assert_true(told(other, "host_sweet_host: " H1));
    ask(*state, H1_V6, BIND, MINE);
    assert_true(told(other, "host_sweet_host: " H1_V6)); /* that is the better one */
    person = ask_tcp(*state, TCP1, CONNECT, "");
    assert_true(told(person, "host_sweet_host: " H1));
    assert_false(told(person, "host_sweet_host: " H1_V6));
}

static void looking_is_not_limited_by_what_the_holder_may_be_told(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1;

    f->config.introductions_per_name = 1;
    h1 = ask(f, H1, BIND, "");
    for (int i = 0; i < 20; i++)
        assert_int_equal(fixture_status(ask_tcp(f, TCP1, CONNECT, "")), 200);
    assert_int_equal(fixture_status(ask(f, H2, CONNECT, "")), 200);
    assert_true(told(h1, ": " H2));
}

static void who_asks_for_a_name_that_tcp_alone_holds_is_refused_and_the_holder_sees_it(void **state)
{
    struct fake_stream *person = ask_tcp(*state, TCP1, BIND, ""), *h2 = ask(*state, H2, CONNECT, "");

    assert_int_equal(fixture_status(h2), 409);
    assert_non_null(strstr(h2->output, "the holder is there over TCP alone: nothing to punch"));
    assert_null(strstr(h2->output, "Peer-Family"));
    assert_string_equal(fixture_body(person), PART_H2);
    counted(*state, COUNTER_REFUSED_ONLY_TCP, 1);
    counted(*state, COUNTER_CONNECTED, 0);
    fake_stream_forget(h2);
    fixture_say(*state, h2, "GET / HTTP/1.1\r\n\r\n"); /* the connection goes on */
    assert_int_equal(fixture_status(h2), 200);
}

static void a_tunnel_to_a_name_that_tcp_holds_is_refused_like_udp(void **state)
{
    struct fake_stream *person = ask_tcp(*state, TCP1, BIND, CANDIDATE),
                       *h2 = ask(*state, TUNNEL2, CONNECT, CANDIDATE);

    assert_non_null(strstr(h2->output, "over TCP alone: nothing to punch; ask it"));
    assert_true(told(person, ": " TUNNEL2));
    assert_null(strstr(person->output, "Session"));
}

static void a_holder_over_tcp_that_does_not_read_keeps_nobody_waiting(void **state)
{
    struct fake_stream *person = ask_tcp(*state, TCP1, BIND, "");
    struct fixture *f = *state;

    person->room = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fixture_status(ask(f, H2, CONNECT, "")), 409);
        fixture_close(f, f->peers[f->peer_count - 1]);
    }
}

static void who_waits_is_refused_when_the_name_comes_over_tcp_and_is_seen(void **state)
{
    struct fake_stream *h2 = ask(*state, H2, CONNECT, "Prefer: wait=30\r\n"), *person;

    assert_int_equal(h2->output_len, 0);
    person = ask_tcp(*state, TCP1, BIND, "");
    assert_int_equal(fixture_status(h2), 409);
    assert_string_equal(fixture_body(person), PART_H2);
}

static void who_waits_over_tcp_looks_up_who_comes(void **state)
{
    struct fake_stream *person = ask_tcp(*state, TCP1, CONNECT, "Prefer: wait=30\r\n"), *h1;

    h1 = ask(*state, H1, BIND, "");
    assert_true(told(person, "host_sweet_host: " H1));
    assert_string_equal(fixture_body(h1), "");
}

static void a_session_has_a_second_to_come_over_udp_too(void **state)
{
    struct fake_stream *person = ask_tcp(*state, TCP1, BIND, MINE), *h2 = ask(*state, H2, CONNECT, ""), *h1,
                       *late;

    assert_int_equal(h2->output_len, 0);
    h1 = ask(*state, H1, BIND, MINE);
    assert_true(told(h2, "host_sweet_host: " H1) && told(h1, ": " H2));
    assert_string_equal(fixture_body(person), "");
    fixture_close(*state, h1);
    fixture_pass(*state, 1000);
    late = ask(*state, "198.51.100.21:5", CONNECT, "");
    assert_int_equal(fixture_status(late), 409);
    assert_true(told(person, ": 198.51.100.21:5"));
}

static void two_over_tcp_are_told_of_each_other_without_a_port(void **state)
{
    struct fake_stream *h1 = ask_tcp(*state, TCP1, BIND, CANDIDATE),
                       *h2 = ask_tcp(*state, TCP2, CONNECT, CANDIDATE);

    assert_string_equal(fixture_body(h1), "25\r\n--hx_hole_punching\r\n: 192.0.2.2:0\r\n\r\n\r\n");
    assert_true(told(h2, "host_sweet_host: 192.0.2.1:0"));
    assert_true(told(h2, ": " TCP2)); /* its own, which it knows */
    assert_null(strstr(h2->output, TCP1));
    assert_null(strstr(h1->output, "Session"));
    assert_null(strstr(h2->output, "Session"));
    counted(*state, COUNTER_CONNECTED, 1);
}

static void who_looks_is_not_told_of_tcp_while_the_session_has_udp(void **state)
{
    struct fake_stream *person, *by_tcp = ask_tcp(*state, TCP1, BIND, MINE),
                                *by_udp = ask(*state, H1, BIND, MINE);

    person = ask_tcp(*state, TCP2, CONNECT, "");
    assert_true(told(person, "host_sweet_host: " H1));
    assert_string_equal(fixture_body(by_tcp), "");
    fixture_close(*state, by_udp);
    assert_false(told(person, "host_sweet_host: 192.0.2.1:0"));
}

static void the_same_address_and_port_over_the_other_transport_is_somebody_else(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, ""), *thief;

    h1->silent = true;
    thief = ask_tcp(*state, H1, BIND, "");
    assert_int_equal(thief->output_len, 0); /* challenged, not replaced */
    assert_string_equal(fixture_body(h1), PROBE);
    fixture_pass(*state, 100);
    fixture_hear(*state, h1);
    assert_int_equal(fixture_status(thief), 409);
}

static void tunnels_meet_udp_where_both_tell_candidates(void **state)
{
    static const struct {
        const char *h1, *h2;
    } rows[] = {{H1, TUNNEL2}, {TUNNEL1, H2}, {TUNNEL1, H2_V6}, {H1_V6, TUNNEL2}, {TUNNEL1, TUNNEL2}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake_stream *h1 = ask(*state, rows[i].h1, BIND, CANDIDATE),
                           *h2 = ask(*state, rows[i].h2, CONNECT, CANDIDATE);
        char line[128];

        snprintf(line, sizeof line, "\r\n: %s\r\nSession: ", rows[i].h2);
        assert_non_null(strstr(fixture_body(h1), line));
        snprintf(line, sizeof line, "\r\nhost_sweet_host: %s\r\nSession: ", rows[i].h1);
        assert_non_null(strstr(fixture_body(h2), line));
        fixture_close(*state, h2);
        fixture_close(*state, h1);
    }
}

static void without_candidates_of_both_a_tunnel_meets_nobody(void **state)
{
    static const struct {
        const char *h1, *of_h1, *h2, *of_h2;
    } rows[] = {{TUNNEL1, "", H2, ""},
                {TUNNEL1, CANDIDATE, H2, ""},
                {TUNNEL1, "", H2, CANDIDATE},
                {H1, "", TUNNEL2, CANDIDATE},
                {H1, CANDIDATE, TUNNEL2, ""},
                {H1_V6, "", TUNNEL2, CANDIDATE},
                {TUNNEL1, CANDIDATE, TUNNEL2, ""}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake_stream *h1 = ask(*state, rows[i].h1, BIND, rows[i].of_h1),
                           *h2 = ask(*state, rows[i].h2, CONNECT, rows[i].of_h2);

        assert_int_equal(fixture_status(h2), 409);
        assert_non_null(strstr(h2->output, "one of you two reaches the nameserver over TCP alone"));
        assert_string_equal(fixture_body(h1), "");
        fixture_close(*state, h2);
        fixture_close(*state, h1);
    }
    counted(*state, COUNTER_REFUSED_ONLY_TUNNEL, sizeof rows / sizeof *rows);
}

static void who_looks_over_tcp_does_not_see_a_tunnel(void **state)
{
    struct fake_stream *h1 = ask(*state, TUNNEL1, BIND, CANDIDATE),
                       *person = ask_tcp(*state, TCP1, CONNECT, "");

    assert_int_equal(fixture_status(person), 409);
    assert_string_equal(fixture_body(h1), "");
}

static void udp_is_told_before_a_tunnel_of_the_same_session(void **state)
{
    struct fake_stream *tunnel = ask(*state, TUNNEL1, BIND, MINE CANDIDATE),
                       *udp = ask(*state, H1, BIND, MINE CANDIDATE),
                       *h2 = ask(*state, H2, CONNECT, CANDIDATE);

    assert_non_null(strstr(fixture_body(udp), ": " H2 "\r\nSession: "));
    assert_non_null(strstr(fixture_body(h2), "host_sweet_host: " H1 "\r\nSession: "));
    assert_string_equal(fixture_body(tunnel), "");
}

static void a_watcher_follows_the_name_from_udp_into_a_tunnel(void **state)
{
    struct fake_stream *udp = ask(*state, H1, BIND, MINE CANDIDATE),
                       *h2 = ask(*state, H2, CONNECT, CANDIDATE),
                       *stock = ask(*state, "198.51.100.21:5", CONNECT, ""), *tunnel;

    fixture_close(*state, udp);
    fake_stream_forget(h2);
    fake_stream_forget(stock);
    tunnel = ask(*state, TUNNEL1, BIND, MINE CANDIDATE);
    assert_non_null(strstr(h2->output, "host_sweet_host: " TUNNEL1 "\r\nSession: "));
    assert_non_null(strstr(fixture_body(tunnel), ": " H2 "\r\nSession: "));
    assert_int_equal(stock->output_len, 0);
    assert_null(strstr(tunnel->output, "198.51.100.21"));
}

static void who_ends_its_direction_over_tcp_is_asked_whether_it_reads_on(void **state)
{
    struct fake_stream *person = ask_tcp(*state, TCP1, BIND, ""),
                       *h1 = ask(*state, H1, "/bind?host_id=other", "");

    person->input_ends = h1->input_ends = true;
    fixture_hear(*state, person);
    fixture_hear(*state, h1);
    assert_string_equal(fixture_body(person), PROBE);
    assert_string_equal(fixture_body(h1), ""); /* UDT says when a program ends */
    fixture_hear(*state, person);
    assert_string_equal(fixture_body(person), PROBE); /* once */
    assert_false(person->closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_tells_the_reach_of_who_came_by_udp),
        cmocka_unit_test(each_two_meet_as_the_table_says),
        cmocka_unit_test(a_relay_leads_from_one_family_to_the_other),
        TEST(who_looks_over_tcp_sees_the_holder_and_the_holder_hears_nothing),
        TEST(who_looks_sees_where_the_name_moves_to),
        TEST(who_looks_over_ipv6_sees_the_holders_ipv6_first),
        TEST(looking_is_not_limited_by_what_the_holder_may_be_told),
        TEST(who_asks_for_a_name_that_tcp_alone_holds_is_refused_and_the_holder_sees_it),
        TEST(a_tunnel_to_a_name_that_tcp_holds_is_refused_like_udp),
        TEST(a_holder_over_tcp_that_does_not_read_keeps_nobody_waiting),
        TEST(who_waits_is_refused_when_the_name_comes_over_tcp_and_is_seen),
        TEST(who_waits_over_tcp_looks_up_who_comes),
        TEST(a_session_has_a_second_to_come_over_udp_too),
        TEST(two_over_tcp_are_told_of_each_other_without_a_port),
        TEST(who_looks_is_not_told_of_tcp_while_the_session_has_udp),
        TEST(the_same_address_and_port_over_the_other_transport_is_somebody_else),
        TEST(tunnels_meet_udp_where_both_tell_candidates),
        TEST(without_candidates_of_both_a_tunnel_meets_nobody),
        TEST(who_looks_over_tcp_does_not_see_a_tunnel),
        TEST(udp_is_told_before_a_tunnel_of_the_same_session),
        TEST(a_watcher_follows_the_name_from_udp_into_a_tunnel),
        TEST(who_ends_its_direction_over_tcp_is_asked_whether_it_reads_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
