/* One connection: what is answered to which bytes, and when it is ended. */
#include "server/log_limit.h"
#include "test/unit/server_fixture.h"

#define ROOT "GET / HTTP/1.1\r\n\r\n"

static void root_tells_the_external_address_and_the_version(void **state)
{
    struct fake_stream *p = fixture_ask(*state, H2, "/");

    assert_int_equal(fixture_status(p), 200);
    assert_non_null(strstr(p->output, "\r\nExternal-Address: 198.51.100.20:40002\r\n"));
    assert_string_equal(fixture_body(p),
                        "you are 198.51.100.20:40002, this is hx-nameserver " HX_VERSION "\r\n");
    assert_false(p->closed);
}

static void an_ipv4_mapped_peer_is_shown_as_ipv4(void **state)
{
    struct fake_stream *p = fixture_peer_unread(*state, H2);
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, H2, strlen(H2)), HX_OK);
    struct sockaddr_in6 mapped;
    endpoint_to_sockaddr6(&e, &mapped);
    memcpy(&p->peer, &mapped, sizeof mapped);
    p->peer_len = sizeof mapped;
    fixture_accept(*state, p);
    fixture_say(*state, p, ROOT);
    assert_non_null(strstr(p->output, "\r\nExternal-Address: 198.51.100.20:40002\r\n"));
}

static const struct row {
    const char *request;
    int status;
    bool closes;
    const char *header; /* must be there; NULL: none */
} rows[] = {
    {"GET / HTTP/1.1\r\n\r\n", 200, false, "External-Address: "},
    {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200, true, NULL},
    {"hello\r\n\r\n", 400, true, NULL},
    {"\x16\x03\x01\x02\r\n\r\n", 400, true, NULL},
    {"GET /bind HTTP/1.1\r\n\r\n", 400, false, NULL},
    {"GET /bind?host_id= HTTP/1.1\r\n\r\n", 400, false, NULL},
    {"GET /bind?host_id=a%3Ab HTTP/1.1\r\n\r\n", 400, false, NULL},
    {"GET /bind?host_id=a%zz HTTP/1.1\r\n\r\n", 400, false, NULL},
    {"GET /connect HTTP/1.1\r\n\r\n", 400, false, NULL},
    {"GET /connect?host_id=nobody HTTP/1.1\r\n\r\n", 404, false, NULL},
    {"GET /elsewhere HTTP/1.1\r\n\r\n", 404, false, NULL},
    {"DELETE /bind?host_id=a HTTP/1.1\r\n\r\n", 405, false, "Allow: GET, HEAD\r\n"},
    {"POST / HTTP/1.1\r\n\r\n", 405, false, "Allow: GET, HEAD\r\n"},
    {"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 501, true, NULL},
    {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501, true, NULL},
    {"GET / HTTP/2.0\r\n\r\n", 505, true, NULL},
};

static void check_row(struct fixture *f, const struct row *row)
{
    struct fake_stream *p = fixture_peer(f, H2);

    fixture_say(f, p, row->request);
    if (fixture_status(p) != row->status || p->closed != row->closes)
        fail_msg("%s gave %s", row->request, p->output);
    if (row->header)
        assert_non_null(strstr(p->output, row->header));
    const char *length = strstr(p->output, "\r\nContent-Length: ");
    assert_non_null(length);
    assert_int_equal(atoi(length + strlen("\r\nContent-Length: ")), strlen(fixture_body(p)));
    assert_int_equal(fixture_count(fixture_body(p), "\n"), 1); /* one line of text */
    if (row->status != 200)
        assert_true(fixture_logged(f, "event=refused"));
    fixture_forget_log(f);
    f->now_ms += LOG_LIMIT_MS; /* their lines are bounded */
    if (!row->closes) {        /* and the connection goes on as if nothing had been */
        fake_stream_forget(p);
        fixture_say(f, p, ROOT);
        assert_int_equal(fixture_status(p), 200);
    }
    fixture_close(f, p);
}

static void every_row_of_the_status_table_is_answered(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(*state, &rows[i]);
}

static void too_long_a_line_is_414_and_too_many_headers_431(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2), *q = fixture_peer(*state, H2);
    char text[16384], *at = text;

    snprintf(text, sizeof text, "GET /%04000d HTTP/1.1\r\n\r\n", 0);
    fixture_say(*state, p, text);
    assert_int_equal(fixture_status(p), 414);
    assert_true(p->closed);
    at += sprintf(at, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 65; i++)
        at += sprintf(at, "X-%d: y\r\n", i);
    strcpy(at, "\r\n");
    fixture_say(*state, q, text);
    assert_int_equal(fixture_status(q), 431);
    assert_true(q->closed);
}

static void requests_cut_at_every_byte_get_the_same_answers(void **state)
{
    static const char requests[] =
        "GET / HTTP/1.1\r\nHost: s\r\n\r\nGET /connect?host_id=nobody HTTP/1.1\r\n\r\n"
        "HEAD / HTTP/1.1\r\n\r\nGET /bind?host_id=h1 HTTP/1.1\r\n\r\n";
    struct fake_stream *whole = fixture_peer(*state, H1);

    fixture_say(*state, whole, requests);
    assert_int_equal(fixture_count(whole->output, "HTTP/1.1 "), 4);
    fixture_close(*state, whole);
    for (size_t cut = 1; cut < sizeof requests - 1; cut++) {
        struct fake_stream *p = fixture_peer(*state, H1);

        p->write_max = cut;
        fake_stream_say_bytes(p, requests, cut);
        fixture_ready(*state, p);
        fixture_say(*state, p, requests + cut);
        assert_string_equal(p->output, whole->output);
        fixture_close(*state, p);
    }
}

static void head_of_root_and_of_errors_has_no_body(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    fixture_say(*state, p, "HEAD / HTTP/1.1\r\n\r\nHEAD /elsewhere HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_count(p->output, "HTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(fixture_count(p->output, "HTTP/1.1 404 Not Found\r\n"), 1);
    assert_int_equal(fixture_count(p->output, "\r\n\r\nHTTP/1.1"), 1);
    assert_string_equal(p->output + p->output_len - 4, "\r\n\r\n");
}

static void who_says_nothing_gets_408(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    fixture_pass(*state, 9999);
    assert_string_equal(p->output, "");
    fixture_pass(*state, 1);
    assert_int_equal(fixture_status(p), 408);
    assert_true(p->closed);
    assert_true(fixture_logged(*state, "status=408"));
}

static void who_says_one_byte_a_second_gets_408_ten_seconds_after_the_connection_began(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    for (int s = 0; s < 10; s++) {
        assert_false(p->closed);
        fixture_say(*state, p, (char[]){ROOT[s], '\0'});
        fixture_pass(*state, 1000);
    }
    assert_int_equal(fixture_status(p), 408);
    assert_true(p->closed);
}

static void the_time_of_a_later_request_runs_from_its_first_byte(void **state)
{
    struct fake_stream *p = fixture_ask(*state, H2, "/");

    fixture_pass(*state, 9000);
    fake_stream_forget(p);
    fixture_say(*state, p, "GET /");
    fixture_pass(*state, 9999);
    assert_string_equal(p->output, "");
    fixture_pass(*state, 1);
    assert_int_equal(fixture_status(p), 408);
}

static void a_connection_idle_after_its_answer_is_closed_silently(void **state)
{
    struct fake_stream *p = fixture_ask(*state, H2, "/");

    fake_stream_forget(p);
    fixture_pass(*state, 10000);
    assert_string_equal(p->output, "");
    assert_true(p->closed);
}

static void a_last_answer_is_acknowledged_before_the_close_but_not_awaited_for_ever(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2), *q = fixture_peer(*state, H2);

    p->acks = q->acks = false;
    fixture_say(*state, p, "nonsense\r\n\r\n");
    fixture_say(*state, q, "nonsense\r\n\r\n");
    assert_int_equal(fixture_status(p), 400);
    assert_false(p->closed);
    p->unacked = 0;
    fixture_ready(*state, p);
    assert_true(p->closed);
    fixture_pass(*state, 1999);
    assert_false(q->closed);
    fixture_pass(*state, 1);
    assert_true(q->closed);
}

static void a_silent_peer_is_dropped_after_the_idle_timeout(void **state)
{
    struct fake_stream *p = fixture_ask(*state, H1, "/bind?host_id=a");
    struct fixture *f = *state;

    fixture_pass(f, 29000); /* heard */
    f->now_ms += 29999;
    fixture_turns(f);
    assert_false(p->closed);
    f->now_ms += 1;
    fixture_turns(f);
    assert_true(p->closed);
    assert_true(fixture_logged(f, "event=left"));
    assert_true(fixture_logged(f, "name=a reason=\"fell silent\""));
}

static void a_peer_that_vanishes_within_a_request_is_noted(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    fixture_say(*state, p, "GET /bi");
    fixture_close(*state, p);
    assert_true(p->closed);
    assert_true(fixture_logged(*state, "reason=\"vanished within a request\""));
}

static void a_bind_whose_peer_has_closed_already_is_not_carried_out(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    fake_stream_say(p, "GET /bind?host_id=a HTTP/1.1\r\n\r\n");
    fixture_close(*state, p);
    assert_true(p->closed);
    assert_false(fixture_logged(*state, "event=bound"));
}

static void a_direction_that_ends_within_a_request_is_400(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2), *q = fixture_peer(*state, H2);

    p->input_ends = q->input_ends = true;
    fixture_say(*state, p, ROOT "GET ");
    assert_int_equal(fixture_count(p->output, "HTTP/1.1 200 OK"), 1);
    assert_int_equal(fixture_count(p->output, "HTTP/1.1 400 Bad Request"), 1);
    fixture_say(*state, q, ROOT);
    assert_int_equal(fixture_status(q), 200);
    assert_true(p->closed && q->closed);
}

static void a_flood_without_reading_is_held_back_then_dropped(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    p->room = 0;
    for (int i = 0; i < 1000; i++)
        fake_stream_say(p, ROOT);
    fixture_ready(*state, p);
    assert_true(p->input_len > 700 * strlen(ROOT)); /* most of it stays where flow control sees it */
    assert_false(p->closed);
    fixture_pass(*state, 10000);
    assert_true(p->closed);
    assert_true(fixture_logged(*state, "does not read its answer"));
}

static void a_flood_that_reads_later_gets_every_answer(void **state)
{
    struct fake_stream *p = fixture_peer(*state, H2);

    p->room = 0;
    for (int i = 0; i < 1000; i++)
        fake_stream_say(p, ROOT);
    fixture_ready(*state, p);
    p->room = SIZE_MAX;
    fixture_ready(*state, p);
    assert_int_equal(fixture_count(p->output, "HTTP/1.1 200 OK"), 1000);
}

static void a_flood_does_not_keep_others_waiting(void **state)
{
    struct fake_stream *flood = fixture_peer(*state, H2), *other = fixture_peer(*state, H1);
    struct fixture *f = *state;

    for (int i = 0; i < 5000; i++)
        fake_stream_say(flood, ROOT);
    fake_stream_say(other, ROOT);
    server_stream_ready(f->server, &flood->stream, f->now_ms);
    server_stream_ready(f->server, &other->stream, f->now_ms);
    assert_int_equal(fixture_status(other), 200);
    assert_int_equal(fixture_count(flood->output, "HTTP/1.1 200 OK"), 16);
    server_turn(f->server, f->now_ms);
    assert_int_equal(fixture_count(flood->output, "HTTP/1.1 200 OK"), 32);
    assert_int_equal(server_timeout_ms(f->server, f->now_ms), 0);
}

static void above_max_per_address_is_429_and_others_are_served(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = 2;
    struct fake_stream *first = fixture_peer(f, "192.0.2.1:1");
    fixture_peer(f, "192.0.2.1:2");
    struct fake_stream *p = fixture_ask(f, "192.0.2.1:3", "/bind?host_id=a");
    assert_int_equal(fixture_status(p), 429);
    assert_non_null(strstr(p->output, "\r\nRetry-After: "));
    assert_true(p->closed);
    assert_true(fixture_logged(f, "status=429"));
    assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.2:3", "/")), 200);
    fixture_close(f, first);
    assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.1:4", "/")), 200);
}

static void above_max_connections_is_503(void **state)
{
    struct fixture *f = *state;

    f->config.max_connections = 1;
    fixture_peer(f, "192.0.2.1:1");
    struct fake_stream *p = fixture_ask(f, "192.0.2.2:1", "/");
    assert_int_equal(fixture_status(p), 503);
    assert_non_null(strstr(p->output, "\r\nRetry-After: "));
    assert_true(p->closed);
}

static void a_source_that_collects_refusals_is_sent_away(void **state)
{
    struct fixture *f = *state;

    f->config.rate_per_address = 2; /* and bursts of four seconds' worth */
    for (int i = 0; i < 8; i++)
        assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.1:1", "/nothing")), 404);
    struct fake_stream *p = fixture_ask(f, "192.0.2.1:1", "/nothing");
    assert_int_equal(fixture_status(p), 429);
    assert_non_null(strstr(p->output, "\r\nRetry-After: "));
    assert_true(p->closed);
    assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.1:2", "/")),
                     200); /* what is in order is served */
    assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.2:1", "/nothing")), 404);
    fixture_pass(f, 1000);
    assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.1:3", "/nothing")), 404);
}

static void those_above_a_limit_are_bounded_in_number_and_time(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *p;

    f->config.max_connections = 1;
    fixture_peer(f, "192.0.2.1:1");
    struct fake_stream *silent = fixture_peer(f, "192.0.2.2:1");
    for (int i = 1; i < SERVER_REFUSED_MAX; i++)
        p = fixture_peer(f, "192.0.2.2:1");
    assert_false(p->closed);
    p = fixture_peer(f, "192.0.2.2:1");
    assert_true(p->closed);
    assert_true(fixture_logged(f, "event=turned_away"));
    fixture_pass(f, 2000);
    assert_int_equal(fixture_status(silent), 503);
    assert_int_equal(server_connections(f->server), 1);
}

static void zero_means_unlimited(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *p = NULL;

    f->config.max_connections = f->config.max_per_address = f->config.max_queue_bytes = 0;
    f->config.request_timeout_ms = f->config.idle_timeout_ms = 0;
    for (int i = 0; i < 400; i++)
        p = fixture_peer(f, H2);
    f->now_ms += 1000000000;
    fixture_turns(f);
    fixture_say(f, p, ROOT);
    assert_int_equal(fixture_status(p), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(root_tells_the_external_address_and_the_version),
        TEST(an_ipv4_mapped_peer_is_shown_as_ipv4),
        TEST(every_row_of_the_status_table_is_answered),
        TEST(too_long_a_line_is_414_and_too_many_headers_431),
        TEST(requests_cut_at_every_byte_get_the_same_answers),
        TEST(head_of_root_and_of_errors_has_no_body),
        TEST(who_says_nothing_gets_408),
        TEST(who_says_one_byte_a_second_gets_408_ten_seconds_after_the_connection_began),
        TEST(the_time_of_a_later_request_runs_from_its_first_byte),
        TEST(a_connection_idle_after_its_answer_is_closed_silently),
        TEST(a_last_answer_is_acknowledged_before_the_close_but_not_awaited_for_ever),
        TEST(a_silent_peer_is_dropped_after_the_idle_timeout),
        TEST(a_peer_that_vanishes_within_a_request_is_noted),
        TEST(a_bind_whose_peer_has_closed_already_is_not_carried_out),
        TEST(a_direction_that_ends_within_a_request_is_400),
        TEST(a_flood_without_reading_is_held_back_then_dropped),
        TEST(a_flood_that_reads_later_gets_every_answer),
        TEST(a_flood_does_not_keep_others_waiting),
        TEST(above_max_per_address_is_429_and_others_are_served),
        TEST(a_source_that_collects_refusals_is_sent_away),
        TEST(above_max_connections_is_503),
        TEST(those_above_a_limit_are_bounded_in_number_and_time),
        TEST(zero_means_unlimited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
