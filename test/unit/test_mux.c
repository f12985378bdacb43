/* Streams between two that keep to the rules. */
#include "test/unit/mux_pair.h"

static void a_request_and_its_response_arrive_with_their_fields(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *c = request(&p, "GET", "/files/a%20b?list", true);
    run(&p);
    struct end *s = newest(&p);
    assert_string_equal(s->method, "GET");
    assert_string_equal(s->target, "/files/a%20b?list");
    assert_int_equal(s->fields, 4);
    assert_true(s->headers_ended);
    respond(s, "404", true);
    run(&p);
    assert_string_equal(c->status, "404");
    assert_true(c->headers_ended);
    assert_int_equal(c->headers, 1);
    assert_int_equal(c->closed, 1);
    assert_int_equal(s->closed, 1);
    assert_int_equal(c->error, HX_OK);
    assert_int_equal(s->error, HX_OK);
    assert_int_equal(mux_stream_count(p.client.m) + mux_stream_count(p.server.m), 0);
    pair_destroy(&p);
}

static void a_connect_request_names_its_target(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *c = request(&p, "CONNECT", "[2001:db8::1]:443", false);
    run(&p);
    struct end *s = newest(&p);
    assert_string_equal(s->method, "CONNECT");
    assert_string_equal(s->target, "[2001:db8::1]:443");
    assert_false(s->headers_ended);
    respond(s, "200", false);
    assert_int_equal(write_body(c, 0, 100, 1), 100);
    assert_int_equal(write_body(s, 0, 100, 2), 100);
    run(&p);
    assert_true(s->hash == body_hash(100, 1));
    assert_true(c->hash == body_hash(100, 2));
    pair_destroy(&p);
}

/* Both at once, each as fast as the other side's window lets it. */
static void check_bodies(size_t step, size_t len)
{
    struct pair p;
    size_t up = 0, down = 0;

    pair_create(&p);
    p.step = step;
    struct end *s;
    struct end *c = open_stream(&p, &s);
    while (up < len || down < len) {
        up += write_body(c, up, len - up, 1);
        down += write_body(s, down, len - down, 2);
        pass(&p.client, &p.server, step);
        pass(&p.server, &p.client, step);
    }
    mux_stream_end(c->s);
    mux_stream_end(s->s);
    run(&p);
    assert_int_equal(s->got, len);
    assert_int_equal(c->got, len);
    assert_true(s->hash == body_hash(len, 1));
    assert_true(c->hash == body_hash(len, 2));
    assert_true(s->eof && c->eof);
    assert_int_equal(c->closed + s->closed, 2);
    assert_int_equal(c->error, HX_OK);
    assert_int_equal(s->error, HX_OK);
    pair_destroy(&p);
}

static void bodies_both_ways_are_whole_and_in_order_however_they_are_cut(void **state)
{
    static const size_t steps[] = {2, 3, 8, 9, 10, 1000, 16384, 16393, 0};

    (void)state;
    check_bodies(1, 200000);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        check_bodies(steps[i], steps[i] == 0 || steps[i] > 100 ? 1500000 : 300000);
}

static void an_empty_body_is_an_end_and_no_bytes(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    mux_stream_end(c->s);
    run(&p);
    assert_true(s->eof);
    assert_int_equal(s->got, 0);
    pair_destroy(&p);
}

static void the_server_still_answers_after_the_clients_end(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    write_body(c, 0, 5000, 1);
    mux_stream_end(c->s);
    run(&p);
    assert_true(s->eof);
    assert_int_equal(s->closed + c->closed, 0);
    assert_int_equal(mux_stream_write(c->s, "x", 1), HX_ECLOSED);
    assert_int_equal(write_body(s, 0, 50000, 2), 50000);
    run(&p);
    assert_int_equal(c->got, 50000);
    assert_false(c->eof);
    mux_stream_end(s->s);
    run(&p);
    assert_true(c->eof);
    assert_int_equal(s->closed + c->closed, 2);
    pair_destroy(&p);
}

static void the_client_still_writes_after_the_servers_end(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    mux_stream_end(s->s);
    run(&p);
    assert_true(c->eof);
    assert_int_equal(c->closed + s->closed, 0);
    assert_int_equal(write_body(c, 0, 50000, 1), 50000);
    run(&p);
    mux_stream_end(c->s);
    run(&p);
    assert_true(s->hash == body_hash(50000, 1));
    assert_int_equal(c->error, HX_OK);
    assert_int_equal(s->closed + c->closed, 2);
    pair_destroy(&p);
}

static void a_peer_runs_256_streams_at_once_and_no_more(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < MUX_STREAMS_MAX; i++)
        request(&p, "POST", "/echo", false);
    struct end *e;
    assert_int_equal(try_request(&p, &e, "POST", "/echo", false), HX_ELIMIT);
    run(&p);
    assert_int_equal(p.server.count, MUX_STREAMS_MAX);
    for (size_t i = 0; i < MUX_STREAMS_MAX; i++) {
        respond(&p.server.ends[i], "200", false);
        write_body(&p.client.ends[i], 0, 10000, (unsigned)i);
        write_body(&p.server.ends[i], 0, 10000, (unsigned)i + 1);
    }
    run(&p);
    for (size_t i = 0; i < MUX_STREAMS_MAX; i++) {
        assert_true(p.server.ends[i].hash == body_hash(10000, (unsigned)i));
        assert_true(p.client.ends[i].hash == body_hash(10000, (unsigned)i + 1));
    }
    assert_int_equal(try_request(&p, &e, "POST", "/echo", false), HX_ELIMIT);
    mux_stream_reset(p.client.ends[7].s, MUX_CANCEL);
    run(&p);
    request(&p, "POST", "/echo", false);
    run(&p);
    assert_int_equal(p.server.count, MUX_STREAMS_MAX + 1);
    assert_int_equal(mux_stream_count(p.server.m), MUX_STREAMS_MAX);
    pair_destroy(&p);
}

/* Writes until neither the window nor our own buffer takes more. */
static size_t fill(struct pair *p, struct end *e, unsigned salt)
{
    size_t all = 0, n;

    do {
        n = write_body(e, all, MUX_UNSENT_MAX, salt);
        all += n;
        run(p);
    } while (n > 0);
    return all;
}

static void a_stalled_stream_holds_a_bounded_amount_and_then_all_arrives(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    s->stalled = true;
    size_t all = fill(&p, c, 3);
    assert_int_equal(all, MUX_WINDOW_FIRST + MUX_UNSENT_MAX);
    assert_int_equal(mux_stream_unsent(c->s), MUX_UNSENT_MAX);
    assert_int_equal(c->writable, 0);
    s->stalled = false;
    end_read(s);
    run(&p);
    assert_int_equal(s->got, all);
    assert_true(s->hash == body_hash(all, 3));
    assert_int_equal(c->writable, 1);
    pair_destroy(&p);
}

/* Bytes that nobody looks at. */
static size_t write_zeros(struct end *e, size_t len)
{
    static const uint8_t zeros[MUX_UNSENT_MAX];
    ssize_t n = mux_stream_write(e->s, zeros, len < sizeof zeros ? len : sizeof zeros);

    assert_true(n > 0);
    return (size_t)n;
}

static void throw_away(struct end *e)
{
    static uint8_t data[65536];
    ssize_t n;

    while ((n = mux_stream_read(e->s, data, sizeof data)) > 0)
        e->got += (size_t)n;
}

#define GROWN 6 /* streams whose windows grow before they stall: more than there is to lend */

static void streams_that_nobody_reads_do_not_stall_another_one(void **state)
{
    struct end *s, *ends[MUX_STREAMS_MAX];

    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < MUX_STREAMS_MAX - 1; i++) {
        ends[i] = open_stream(&p, &s);
        s->on_readable = throw_away;
        for (size_t at = 0; i < GROWN && at < (size_t)MUX_WINDOW; run(&p))
            at += write_zeros(ends[i], MUX_UNSENT_MAX);
        s->on_readable = NULL;
        s->stalled = true;
        fill(&p, ends[i], 0);
    }
    struct end *c = open_stream(&p, &s);
    size_t at = 0;
    while (at < 3000000) {
        size_t n = write_body(c, at, 3000000 - at, 9);
        assert_true(n > 0);
        at += n;
        run(&p);
    }
    assert_int_equal(s->got, 3000000);
    assert_true(s->hash == body_hash(3000000, 9));
    pair_destroy(&p);
}

static void the_window_grows_for_an_owner_who_keeps_up(void **state)
{
    struct end *s;

    (void)state;
    struct pair p;
    pair_create(&p);
    /* What was lent comes back: each has half a window at least, and all of them more than there is. */
    for (int round = 0; round < MUX_WINDOW_TOTAL / MUX_WINDOW + 2; round++) {
        struct end *c = open_stream(&p, &s);
        s->on_readable = throw_away;
        for (size_t at = 0; at < (size_t)MUX_WINDOW; run(&p))
            at += write_zeros(c, MUX_UNSENT_MAX);
        s->on_readable = NULL;
        s->stalled = true;
        size_t held = fill(&p, c, 0) - MUX_UNSENT_MAX;
        assert_in_range(held, MUX_WINDOW / 2, MUX_WINDOW);
        mux_stream_reset(c->s, MUX_CANCEL);
        run(&p);
    }
    pair_destroy(&p);
}

static void unread_bytes_of_a_reset_stream_open_the_connections_window_again(void **state)
{
    struct end *s;

    (void)state;
    struct pair p;
    pair_create(&p);
    for (size_t sum = 0, n = 0; sum < 3 * (size_t)MUX_WINDOW_TOTAL; n++) {
        struct end *c = open_stream(&p, &s);
        s->stalled = true;
        sum += write_zeros(c, MUX_WINDOW_FIRST);
        run(&p);
        assert_int_equal(mux_stream_unsent(c->s), 0);
        mux_stream_reset(n % 8 ? s->s : c->s, MUX_CANCEL); /* nghttp2 has a limit for the client's */
        run(&p);
        p.client.count = p.server.count = 0;
    }
    assert_int_equal(p.server.failed, HX_OK);
    pair_destroy(&p);
}

static void a_ping_comes_back_with_its_value(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    assert_int_equal(mux_ping(p.client.m, 0x0123456789abcdefu), HX_OK);
    assert_int_equal(mux_ping(p.server.m, 7), HX_OK);
    run(&p);
    assert_int_equal(p.client.pongs, 1);
    assert_true(p.client.pong == 0x0123456789abcdefu);
    assert_int_equal(p.server.pongs, 1);
    assert_true(p.server.pong == 7);
    int taken = 0;
    while (mux_ping(p.client.m, 1) == HX_OK)
        taken++;
    assert_in_range(taken, 4, 64);
    assert_int_equal(mux_ping(p.client.m, 1), HX_ELIMIT);
    run(&p);
    assert_int_equal(p.client.pongs, 1 + taken);
    pair_destroy(&p);
}

static void a_ping_every_now_and_then_is_no_flood(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 20000; i++) { /* more than three days of keepalive from one side alone */
        mux_set_time(p.client.m, i * 15000LL);
        mux_set_time(p.server.m, i * 15000LL);
        assert_int_equal(mux_ping(p.client.m, 1), HX_OK);
        run(&p);
    }
    assert_int_equal(p.client.pongs, 20000);
    assert_int_equal(p.server.failed, HX_OK);
    pair_destroy(&p);
}

static void thousands_of_short_streams_are_no_flood(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 20000; i++) {
        struct end *c = request(&p, "GET", "/files/x", true);
        run(&p);
        respond(newest(&p), "200", true);
        run(&p);
        assert_int_equal(c->closed, 1);
        assert_int_equal(c->error, HX_OK);
        p.client.count = p.server.count = 0;
    }
    pair_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_response_arrive_with_their_fields),
        cmocka_unit_test(a_connect_request_names_its_target),
        cmocka_unit_test(bodies_both_ways_are_whole_and_in_order_however_they_are_cut),
        cmocka_unit_test(an_empty_body_is_an_end_and_no_bytes),
        cmocka_unit_test(the_server_still_answers_after_the_clients_end),
        cmocka_unit_test(the_client_still_writes_after_the_servers_end),
        cmocka_unit_test(a_peer_runs_256_streams_at_once_and_no_more),
        cmocka_unit_test(a_stalled_stream_holds_a_bounded_amount_and_then_all_arrives),
        cmocka_unit_test(streams_that_nobody_reads_do_not_stall_another_one),
        cmocka_unit_test(the_window_grows_for_an_owner_who_keeps_up),
        cmocka_unit_test(unread_bytes_of_a_reset_stream_open_the_connections_window_again),
        cmocka_unit_test(a_ping_comes_back_with_its_value),
        cmocka_unit_test(a_ping_every_now_and_then_is_no_flood),
        cmocka_unit_test(thousands_of_short_streams_are_no_flood),
    };

    return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
