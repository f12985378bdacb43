/* What is a flood, and what is not: budgets of frames that time, data and streams in order give back. */
#include "test/unit/mux_raw.h"
#include "test/unit/sanitized.h"

#define REFUSED (SANITIZED ? 10000 : 100000) /* connections */

static void set_time(struct pair *p, int64_t now_ms)
{
    mux_set_time(p->client.m, now_ms);
    mux_set_time(p->server.m, now_ms);
}

/* A CONNECT that is refused, as hx 0.1.0 ended it (a reset) or as hx does. */
static void refused_connect(struct pair *p, bool resets)
{
    struct end *c = request(p, "CONNECT", "127.0.0.1:9", false);

    run(p);
    respond(newest(p), "502", true);
    mux_stream_leave(newest(p)->s);
    newest(p)->s = NULL;
    run(p);
    assert_string_equal(c->status, "502");
    if (resets)
        mux_stream_reset(c->s, CANCEL);
    else
        mux_stream_leave(c->s);
    run(p);
    assert_int_equal(p->client.failed, HX_OK);
    assert_int_equal(p->server.failed, HX_OK);
    assert_int_equal(mux_stream_count(p->client.m), 0);
    assert_int_equal(mux_stream_count(p->server.m), 0);
    p->client.count = p->server.count = 0;
}

static void a_hundred_thousand_refused_connects_at_20_a_second_are_no_flood(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < REFUSED; i++) {
        set_time(&p, i * 1000LL / 20);
        refused_connect(&p, true);
    }
    pair_destroy(&p);
}

static void refused_connects_that_end_in_order_are_no_flood_however_fast(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < REFUSED / 4; i++)
        refused_connect(&p, false);
    pair_destroy(&p);
}

/* Requests that are given up at once, as many as mux_request() takes. */
static int ask_and_give_up(struct pair *p)
{
    struct end *e;
    int taken = 0;

    while (try_request(p, &e, "CONNECT", "127.0.0.1:22", false) == HX_OK) {
        run(p);
        mux_stream_reset(e->s, CANCEL);
        run(p);
        p->client.count = p->server.count = 0;
        assert_int_equal(p->server.failed, HX_OK);
        assert_in_range(++taken, 1, 10000);
    }
    p->client.count = p->server.count = 0;
    return taken;
}

static void a_side_holds_itself_to_less_than_the_other_takes(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    assert_in_range(ask_and_give_up(&p), 1000, 4000);
    for (int s = 1; s < 30; s++) {
        set_time(&p, s * 1000LL);
        assert_in_range(ask_and_give_up(&p), 400, 600); /* two frames each */
    }
    assert_int_equal(p.client.failed, HX_OK);
    pair_destroy(&p);
}

/* All that one side sends in 12 s of a stalled path arrives in one moment. */
static void what_meets_behind_a_stalled_path_is_no_flood(void **state)
{
    struct end *e;

    (void)state;
    struct pair p;
    pair_create(&p);
    for (int ms = 0; ms < 12000; ms++) {
        mux_set_time(p.client.m, ms);
        while (try_request(&p, &e, "CONNECT", "127.0.0.1:22", false) == HX_OK) {
            run(&p); /* the server's clock stands */
            mux_stream_reset(e->s, CANCEL);
            run(&p);
            p.client.count = p.server.count = 0;
        }
        p.client.count = p.server.count = 0;
    }
    assert_int_equal(p.server.failed, HX_OK);
    pair_destroy(&p);
}

static void pings_that_meet_in_one_read_are_answered(void **state)
{
    static uint8_t many[10000 * 17];

    (void)state;
    struct raw r;
    raw_create(&r, false);
    for (size_t at = 0; at < sizeof many; at += 17)
        memcpy(many + at, (const uint8_t[]){0, 0, 8, PING}, 4);
    for (int i = 1; i <= 20; i++) {
        mux_set_time(r.side.m, i * 4000LL);
        side_receive(&r.side, many, i % 2 ? 34 : sizeof many / 4);
        raw_hear(&r);
    }
    assert_int_equal(r.side.failed, HX_OK);
    assert_int_equal(r.heard[PING], 10 * 2 + 10 * 2500);
    raw_destroy(&r);
}

static void resets_of_all_that_is_asked_only_slow_us_down(void **state)
{
    const struct mux_field fields[] = {{":method", "CONNECT"}, {":authority", "a:1"}};
    const struct mux_message m = {fields, 2, false};
    uint32_t n = 0;

    (void)state;
    struct raw r;
    raw_create(&r, true);
    for (int s = 0; s < 20; s++) {
        struct end *e = side_end(&r.side);
        mux_set_time(r.side.m, s * 1000LL);
        while (mux_request(r.side.m, &e->s, &m, &end_events, e) == HX_OK) {
            raw_hear(&r);
            raw_number(&r, RST_STREAM, 2 * n++ + 1, REFUSED_STREAM);
        }
        r.side.count = 0;
    }
    assert_int_equal(r.side.failed, HX_OK);
    assert_in_range(n, 20000, 26000);
    raw_destroy(&r);
}

/* CVE-2023-44487, with a code that says that all is well. */
static void requests_that_are_reset_without_an_error_have_not_ended_in_order(void **state)
{
    uint32_t n = 0;

    (void)state;
    struct raw r;
    raw_create(&r, false);
    while (r.side.failed == HX_OK && n < 100000) {
        raw_request(&r, 2 * n + 1, n % 2);
        raw_number(&r, RST_STREAM, 2 * n + 1, 0);
        raw_hear(&r);
        r.side.count = 0;
        n++;
    }
    check_flood(&r);
    assert_in_range(n, 4000, 10000); /* two frames each */
    raw_destroy(&r);
}

static void a_flood_that_goes_on_ends_it_though_time_gives_frames_back(void **state)
{
    const uint8_t p[8] = {0};
    int n = 0;

    (void)state;
    struct raw r;
    raw_create(&r, false);
    while (r.side.failed == HX_OK && n < 1000000) {
        mux_set_time(r.side.m, n / 8); /* 8,000 a second */
        raw_frame(&r, PING, 0, 0, p, sizeof p);
        raw_hear(&r);
        n++;
    }
    check_flood(&r);
    assert_in_range(n, 20000, 60000);
    raw_destroy(&r);
}

static void both_sides_say_flood(void **state)
{
    const uint8_t calm[8] = {0, 0, 0, 0, 0, 0, 0, ENHANCE_YOUR_CALM};

    (void)state;
    struct raw r;
    raw_create(&r, true);
    raw_frame(&r, GOAWAY, 0, 0, calm, sizeof calm);
    raw_hear(&r);
    assert_int_equal(r.side.failed, HX_EFLOOD);
    raw_destroy(&r);
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 20000 && p.server.failed == HX_OK; i++) {
        if (mux_ping(p.client.m, 1) != HX_OK)
            break;
        pass(&p.client, &p.server, 0);
        pass(&p.server, &p.client, 0);
    }
    assert_int_equal(p.server.failed, HX_EFLOOD);
    while (pass(&p.server, &p.client, 0))
        continue;
    assert_int_equal(p.client.failed, HX_EFLOOD);
    pair_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_refused_connects_at_20_a_second_are_no_flood),
        cmocka_unit_test(refused_connects_that_end_in_order_are_no_flood_however_fast),
        cmocka_unit_test(a_side_holds_itself_to_less_than_the_other_takes),
        cmocka_unit_test(what_meets_behind_a_stalled_path_is_no_flood),
        cmocka_unit_test(pings_that_meet_in_one_read_are_answered),
        cmocka_unit_test(resets_of_all_that_is_asked_only_slow_us_down),
        cmocka_unit_test(requests_that_are_reset_without_an_error_have_not_ended_in_order),
        cmocka_unit_test(a_flood_that_goes_on_ends_it_though_time_gives_frames_back),
        cmocka_unit_test(both_sides_say_flood),
    };

    return cmocka_run_group_tests_name("mux_budget", tests, NULL, NULL);
}
