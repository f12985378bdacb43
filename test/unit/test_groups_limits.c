/* Members of a session that read little, say much, come too often, or come by TCP or a tunnel. */
#include "base/error.h"
#include "server/conn.h"
#include "server/relay.h"
#include "server/relay_table.h"
#include "test/unit/group_fixture.h"

#define TCP    "192.0.2.50:50001"
#define TCP2   "192.0.2.51:50002"
#define TUNNEL "[100::2]:2"

static struct fake_stream *join_tcp_saying(struct fixture *f, const char *address, const char *name,
                                           const char *headers)
{
    struct fake_stream *p = fixture_peer_tcp(f, address);

    join_expecting(f, p, name, 3, headers);
    return p;
}

static struct fake_stream *join_tcp(struct fixture *f, const char *address, const char *name)
{
    return join_tcp_saying(f, address, name, TELLS);
}

/* Members n1 to nCOUNT. */
static void join_many(struct fixture *f, struct fake_stream *out[], int count)
{
    char name[16], address[32];

    for (int i = 1; i <= count; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(address, sizeof address, "198.51.100.%d:7", i);
        out[i] = join(f, address, name, TELLS);
        assert_int_equal(fixture_status(out[i]), 200);
    }
}

static void who_reads_late_is_told_what_is_true_then_and_nothing_of_who_came_and_went(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *b = join(f, BOB, "bob", TELLS TOKEN), *c;
    struct fake_stream *many[41];
    struct server_stats now;

    a->room = 0;
    join_many(f, many, 40);
    for (int i = 1; i < 40; i++)
        fixture_close(f, many[i]);
    c = join(f, CEC, "cec", TELLS);
    b = join(f, DAN, "bob", TELLS TOKEN);
    server_stats(f->server, &now);
    assert_true(now.queued < 2 * CONN_OUT_LOW);
    a->room = SIZE_MAX;
    fixture_ready(f, a);
    fixture_ready(f, a);
    assert_non_null(strstr(told(a), "bob moved 4/3 " DAN));
    assert_non_null(strstr(told(a), "n40 joined 4/3 "));
    assert_non_null(strstr(told(a), "cec joined 4/3 " CEC));
    assert_null(strstr(told(a), "n39"));
    assert_string_equal(session_with(a, "bob"), session_with(b, "ann"));
    assert_string_equal(session_with(a, "cec"), session_with(c, "ann"));
    check_totals(f, 1, 4);
}

static void who_does_not_read_who_has_left_is_ended_before_the_session_has_no_room(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a, *many[MEMBERS_MAX + 1], *b;

    f->config.max_queue_bytes = 2048;
    a = join(f, ANN, "ann", TELLS);
    join_many(f, many, MEMBERS_MAX - 2);
    assert_int_equal(fixture_count(told(a), " joined "), MEMBERS_MAX - 2);
    b = join(f, BOB, "bob", TELLS);
    a->room = 0;
    for (int i = 1; i <= MEMBERS_MAX - 2; i++)
        fixture_close(f, many[i]);
    check_totals(f, 1, 2);
    f->now_ms += 4000; /* its rate */
    join_many(f, many, 10);
    assert_false(a->closed);
    for (int i = 11; !a->closed; i++) {
        char name[16];
        assert_true(i < MEMBERS_MAX);
        snprintf(name, sizeof name, "m%d", i);
        assert_int_equal(fixture_status(join(f, CEC, name, TELLS)), 200);
    }
    assert_true(a->closed);
    assert_true(fixture_logged(f, "member=ann reason=\"does not read who has left\""));
    assert_non_null(strstr(told(b), "ann left "));
    assert_false(b->closed);
}

/* Parts leave together: whatever those before it have left of the queue, the longest one has room in it. */
static void the_longest_part_fits_into_the_shortest_queue(void **state)
{
    struct fixture *f = *state;
    char lines[1024] = "Mapping: address-and-port-dependent; ports=sequential; step=-65535; last=65535\r\n";
    char name[HOST_ID_MAX + 1] = "";

    f->config.max_queue_bytes = 2048;
    f->config.rate_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    for (int i = 0; i < 8; i++)
        sprintf(lines + strlen(lines), "Candidate: [2001:db8:1111:2222:3333:4444:5555:%d]:65535 mapped\r\n",
                6661 + i);
    for (size_t len = 1; len < 200; len += 4) {
        struct fake_stream *all[5];
        for (int i = 0; i < 3; i++) {
            memset(name, 'a' + i, len);
            name[len] = '\0';
            all[i] = join(f, CEC, name, TELLS);
        }
        memset(name, 'z', HOST_ID_MAX);
        all[3] = join(f, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", name, lines);
        all[4] = join(f, ANN, "ann", TELLS);
        for (int i = 0; i < 5; i++)
            assert_int_equal(fixture_status(all[i]), 200);
        assert_int_equal(counted(f, COUNTER_LEFT_SLOW), 0);
        for (int i = 0; i < 5; i++)
            fixture_close(f, all[i]);
    }
}

static void who_takes_nothing_of_its_stream_is_dropped_as_a_holder_is(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", ""), *b;

    a->room = 0;
    b = join(f, BOB, "bob", "");
    fixture_pass(f, 9999);
    assert_false(a->closed);
    fixture_pass(f, 1);
    assert_true(a->closed);
    assert_non_null(strstr(told(b), "ann left 1/3"));
}

static void who_says_too_much_is_ended_and_the_others_are_told(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *b = join(f, BOB, "bob", TELLS);
    char noise[4097];

    memset(noise, 'x', sizeof noise - 1);
    noise[sizeof noise - 1] = '\0';
    for (int i = 0; i < CONN_IGNORED_MAX / 4096; i++)
        fixture_say(f, a, noise);
    assert_false(a->closed);
    fixture_say(f, a, "x");
    assert_true(a->closed);
    assert_int_equal(counted(f, COUNTER_LEFT_TALKATIVE), 1);
    assert_non_null(strstr(told(b), "ann left 1/3 " ANN));
}

static void who_falls_silent_is_told_of_as_one_that_has_left(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", ""), *b = join(f, BOB, "bob", "");

    a->silent = true;
    fixture_pass(f, f->config.idle_timeout_ms);
    assert_true(a->closed);
    assert_non_null(strstr(told(b), "ann left 1/3 " ANN));
}

static void whose_connection_breaks_while_it_is_told_is_told_of_to_the_others(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *b = join(f, BOB, "bob", TELLS), *c;

    b->gone = true; /* and no event has said so */
    c = join(f, CEC, "cec", TELLS);
    assert_true(b->closed);
    assert_non_null(strstr(told(a), "bob left "));
    assert_non_null(strstr(told(a), "cec joined "));
    assert_string_equal(session_with(a, "cec"), session_with(c, "ann"));
    assert_int_equal(fixture_count(told(c), "bob here"), fixture_count(told(c), "bob left"));
    check_totals(f, 1, 2);
}

/* As many as there may be in a session may come at once from behind one NAT; who goes on coming and going
 * does so within the rate. */
static void one_address_s_joins_have_a_rate(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *p;
    char name[16], address[32];

    for (int i = 0; i < MEMBERS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(address, sizeof address, "192.0.2.1:%d", 2000 + i);
        p = join(f, address, name, TELLS);
        assert_int_equal(fixture_status(p), 200);
    }
    fixture_close(f, p);
    p = join(f, ANN, "ann", TELLS);
    assert_int_equal(fixture_status(p), 429);
    assert_non_null(strstr(p->output, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(p->output, "--introductions-per-source"));
    fake_stream_forget(p);
    fixture_pass(f, 1000);
    join_expecting(f, p, "ann", 3, TELLS);
    assert_int_equal(fixture_status(p), 200);
    assert_int_equal(counted(f, COUNTER_REFUSED_JOINS_SOURCE), 1);
}

/* What it costs grows with those who are told. */
static void a_session_s_joins_have_a_rate_for_all_of_its_sources(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *p, *many[MEMBERS_MAX];
    char address[32];
    int taken = 0;

    join_many(f, many, MEMBERS_MAX - 1);
    for (; taken < 400; taken++) { /* each from another host */
        snprintf(address, sizeof address, "10.1.%d.1:9", taken);
        p = join(f, address, "late", TELLS);
        if (fixture_status(p) == 429)
            break;
        fixture_close(f, p);
    }
    assert_non_null(strstr(p->output, "--introductions-per-name"));
    assert_int_equal(counted(f, COUNTER_REFUSED_JOINS_SESSION), 1);
    assert_true(taken > 10 && taken < 100);
}

/* Of each pair the one with the smaller name calls, whoever it is that comes again and again. */
static void the_relay_s_sessions_count_for_who_has_come_and_not_for_whom_it_meets(void **state)
{
    struct fixture *f = *state;
    struct relay *relay;
    struct fake_stream *a, *p;
    char address[32];

    f->config.introductions_per_name = 0;
    assert_int_equal(relay_create(&relay, &f->config), HX_OK);
    assert_int_equal(server_create(&f->server, &f->config, relay), HX_OK);
    a = join(f, ANN, "ann", TELLS);
    for (int i = 0; i <= RELAY_KNOWN_HOST; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d:7", i / 200, i % 200);
        p = join(f, address, "zed", TELLS);
        assert_non_null(strstr(p->output, "\r\nRelay: "));
        fixture_close(f, p);
        fake_stream_forget(a);
    }
    p = join(f, BOB, "bob", TELLS);
    assert_non_null(strstr(p->output, "\r\nRelay: "));
    assert_non_null(strstr(a->output, "\r\nRelay: "));
    server_destroy(f->server);
    f->server = NULL;
    relay_destroy(relay);
}

static void who_looks_over_tcp_sees_all_and_counts_for_nobody_over_udp(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *t = join_tcp(f, TCP, "t"), *b, *u;

    assert_string_equal(told(t), "t self 2/3 " TCP "\nann here 2/3 " ANN "\n");
    b = join(f, BOB, "bob", TELLS);
    assert_string_equal(session_with(a, "bob"), session_with(b, "ann"));
    assert_null(strstr(told(a), "t joined"));
    assert_non_null(strstr(told(a), "bob joined 2/3"));
    assert_int_equal(fixture_count(told(b), "\n"), 2);
    assert_non_null(strstr(told(t), "bob joined 3/3 " BOB "\n"));
    u = join_tcp(f, TCP2, "u");
    assert_non_null(strstr(t->output, "u: 192.0.2.51:0\r\nMembers: 4/3\r\nMember: joined\r\n"));
    fixture_close(f, t);
    assert_null(strstr(told(a), "t left"));
    assert_non_null(strstr(u->output, "t: 192.0.2.50:0\r\nMembers: 3/3\r\nMember: left\r\n"));
}

static void who_moves_to_tcp_has_left_for_those_who_cannot_reach_it_there(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *t = join_tcp(f, TCP, "t"), *b;

    b = join(f, BOB, "bob", TELLS TOKEN);
    join_tcp_saying(f, TCP2, "bob", TELLS TOKEN);
    assert_true(b->closed);
    assert_null(strstr(told(a), "moved"));
    assert_non_null(strstr(told(a), "\nbob left 1/3 " TCP2 "\n"));
    assert_non_null(strstr(t->output, "bob: 192.0.2.51:0\r\nMembers: 3/3\r\nMember: moved\r\n"));
    b = join(f, CEC, "bob", TELLS TOKEN);
    assert_non_null(strstr(told(a), "\nbob joined 2/3 " CEC " "));
    assert_string_equal(session_with(a, "bob"), session_with(b, "ann"));
    a->room = 0;
    fixture_close(f, join_tcp_saying(f, TCP2, "bob", TELLS TOKEN));
    a->room = SIZE_MAX;
    fixture_ready(f, a);
    assert_int_equal(fixture_count(told(a), "\nbob left 1/3 " TCP2 "\n"), 2);
}

static void who_has_the_place_of_one_that_went_untold_is_not_told_of_instead(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *many[41];

    a->room = 0;
    join_many(f, many, 40); /* of some of them there is no room to tell */
    for (int i = 1; i <= 40; i++)
        fixture_close(f, many[i]);
    for (int i = 1; i <= 40; i++) {
        char name[16], address[32];
        snprintf(name, sizeof name, "t%d", i);
        snprintf(address, sizeof address, "192.0.2.60:%d", 2000 + i);
        join_tcp(f, address, name);
    }
    a->room = SIZE_MAX;
    fixture_ready(f, a);
    fixture_ready(f, a);
    assert_non_null(strstr(told(a), "\nn1 left "));
    assert_null(strstr(told(a), "n40 "));
    assert_null(strstr(told(a), "\nt"));
}

static void one_by_a_tunnel_counts_for_those_who_tell_candidates(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *t = join(f, TUNNEL, "t", TELLS), *a = join(f, ANN, "ann", ""),
                       *b = join(f, BOB, "bob", TELLS);

    assert_string_equal(told(a), "ann self 1/3 " ANN "\nbob joined 2/3 " BOB "\n");
    assert_non_null(strstr(told(b), "t here 3/3 [100::2]:2 "));
    assert_string_equal(session_with(b, "t"), session_with(t, "bob"));
    assert_null(strstr(told(t), "ann"));
}

static void head_says_what_a_get_would_get_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", ""), *h = fixture_peer(f, BOB);

    fixture_say(f, h, "HEAD /join?session=room&expect=3&name=bob HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(h), 200);
    fake_stream_forget(h);
    fixture_say(f, h, "HEAD /join?session=nowhere&expect=3&name=bob HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(h), 200);
    fake_stream_forget(h);
    fixture_say(f, h, "HEAD /join?session=room&expect=3&name=ann HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(h), 409);
    assert_null(strstr(h->output, "living"));
    assert_string_equal(told(a), "ann self 1/3 " ANN "\n");
    check_totals(f, 1, 1);
}

static void who_speaks_http_1_0_gets_the_parts_without_chunks(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *a = fixture_peer(f, ANN);

    fixture_say(f, a, "GET /join?session=room&expect=3&name=ann HTTP/1.0\r\n\r\n");
    join(f, BOB, "bob", "");
    assert_string_equal(fixture_body(a),
                        "--hx_hole_punching\r\nann: " ANN "\r\nMembers: 1/3\r\nMember: self\r\n"
                        "\r\n--hx_hole_punching\r\nbob: " BOB "\r\nMembers: 2/3\r\nMember: joined\r\n\r\n");
}

static void each_pair_s_attempt_may_be_told_of_by_both(void **state)
{
    static const char direct[] = "GET /report?outcome=direct&session=00c0ffee&ms=12 HTTP/1.1\r\n\r\n";
    struct fixture *f = *state;
    struct fake_stream *a = join(f, ANN, "ann", TELLS), *b = join(f, BOB, "bob", TELLS);

    assert_non_null(strstr(a->output, "\r\nReport: /report\r\n"));
    fixture_say(f, a, direct);
    fixture_say(f, b, direct);
    fixture_say(f, b, direct); /* it has met one alone */
    assert_int_equal(counted(f, COUNTER_MEMBER_DIRECT), 2);
    assert_int_equal(counted(f, COUNTER_MEMBER_WITHIN_30_MS), 2);
    assert_true(fixture_logged(f, "by=member name=room session=00c0ffee outcome=direct ms=12"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_reads_late_is_told_what_is_true_then_and_nothing_of_who_came_and_went),
        TEST(who_does_not_read_who_has_left_is_ended_before_the_session_has_no_room),
        TEST(the_longest_part_fits_into_the_shortest_queue),
        TEST(who_takes_nothing_of_its_stream_is_dropped_as_a_holder_is),
        TEST(who_says_too_much_is_ended_and_the_others_are_told),
        TEST(who_falls_silent_is_told_of_as_one_that_has_left),
        TEST(whose_connection_breaks_while_it_is_told_is_told_of_to_the_others),
        TEST(one_address_s_joins_have_a_rate),
        TEST(a_session_s_joins_have_a_rate_for_all_of_its_sources),
        TEST(the_relay_s_sessions_count_for_who_has_come_and_not_for_whom_it_meets),
        TEST(who_looks_over_tcp_sees_all_and_counts_for_nobody_over_udp),
        TEST(who_moves_to_tcp_has_left_for_those_who_cannot_reach_it_there),
        TEST(who_has_the_place_of_one_that_went_untold_is_not_told_of_instead),
        TEST(one_by_a_tunnel_counts_for_those_who_tell_candidates),
        TEST(head_says_what_a_get_would_get_and_changes_nothing),
        TEST(who_speaks_http_1_0_gets_the_parts_without_chunks),
        TEST(each_pair_s_attempt_may_be_told_of_by_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
