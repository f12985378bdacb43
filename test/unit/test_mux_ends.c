/* How streams and connections end, also from within callbacks. */
#include "test/unit/mux_pair.h"

#define REFUSED 7

static void a_reset_arrives_with_its_code_and_is_not_told_to_who_made_it(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    write_body(s, 0, 1000, 0);
    mux_stream_reset(c->s, MUX_CANCEL);
    run(&p);
    assert_int_equal(c->closed, 0);
    assert_int_equal(s->closed, 1);
    assert_int_equal(s->error, HX_ECLOSED);
    assert_int_equal(s->code, MUX_CANCEL);
    c = open_stream(&p, &s);
    mux_stream_reset(s->s, MUX_CANCEL);
    run(&p);
    assert_int_equal(c->error, HX_ECLOSED);
    assert_int_equal(c->code, MUX_CANCEL);
    assert_int_equal(s->closed, 0);
    assert_int_equal(mux_stream_count(p.client.m) + mux_stream_count(p.server.m), 0);
    pair_destroy(&p);
}

static void a_request_may_be_reset_before_it_left(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 1000; i++) {
        struct end *c = request(&p, "POST", "/echo", false);
        write_body(c, 0, 10000, 0);
        mux_stream_reset(c->s, MUX_CANCEL);
        if (i % 200 == 0)
            run(&p);
    }
    run(&p);
    assert_int_equal(p.server.count, 0);
    request(&p, "GET", "/echo", true);
    run(&p);
    assert_int_equal(p.server.count, 1);
    pair_destroy(&p);
}

static void a_request_that_nobody_owns_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    p.server.refuse = true;
    struct end *c = request(&p, "POST", "/echo", false);
    run(&p);
    assert_int_equal(c->error, HX_ECLOSED);
    assert_int_equal(c->code, REFUSED);
    assert_int_equal(mux_stream_count(p.server.m), 0);
    pair_destroy(&p);
}

static void a_stream_that_is_over_waits_until_it_was_read(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    c->stalled = true;
    write_body(s, 0, 5000, 1);
    mux_stream_end(s->s);
    mux_stream_end(c->s);
    run(&p);
    assert_int_equal(s->closed, 1);
    assert_int_equal(c->closed, 0);
    end_read(c);
    assert_int_equal(c->closed, 0); /* never from within a call of the owner's */
    assert_true(mux_wants_send(p.client.m));
    run(&p);
    assert_int_equal(c->closed, 1);
    assert_int_equal(c->error, HX_OK);
    assert_true(c->hash == body_hash(5000, 1));
    pair_destroy(&p);
}

static void an_owner_may_keep_its_stream_until_it_has_read_the_end(void **state)
{
    struct mux_stream_events events = end_events;
    uint8_t data[5000];

    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    events.reads_end = true;
    mux_stream_own(c->s, &events, c);
    c->stalled = true;
    write_body(s, 0, 5000, 1);
    mux_stream_end(s->s);
    mux_stream_end(c->s);
    run(&p);
    assert_int_equal(mux_stream_read(c->s, data, sizeof data), 5000);
    run(&p);
    assert_int_equal(c->closed, 0);
    assert_int_equal(mux_stream_count(p.client.m), 1);
    assert_int_equal(mux_stream_read(c->s, data, sizeof data), HX_EEOF);
    run(&p);
    assert_int_equal(c->closed, 1);
    assert_int_equal(c->error, HX_OK);
    pair_destroy(&p);
}

static void who_owns_a_stream_later_is_told_what_came_before(void **state)
{
    struct end *s, later = {0};

    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *c = open_stream(&p, &s);
    s->stalled = true;
    write_body(c, 0, 5000, 1);
    run(&p);
    later.s = s->s;
    mux_stream_own(s->s, &end_events, &later);
    run(&p);
    assert_int_equal(later.got, 5000);
    pair_destroy(&p);
}

static void reset_self(struct end *e)
{
    mux_stream_reset(e->s, MUX_CANCEL);
    assert_int_equal(mux_stream_write(e->s, "x", 1), HX_ECLOSED); /* its memory is there until we return */
    e->s = NULL;
}

static void a_stream_may_be_reset_from_within_each_of_its_callbacks(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    p.server.on_request = reset_self;
    struct end *c = request(&p, "POST", "/echo", false);
    write_body(c, 0, 100000, 0);
    run(&p);
    assert_int_equal(c->code, MUX_CANCEL);
    p.server.on_request = NULL;
    c = request(&p, "POST", "/echo", false);
    c->on_headers = reset_self;
    run(&p);
    respond(newest(&p), "200", true);
    run(&p);
    assert_int_equal(newest(&p)->error, HX_ECLOSED);
    struct end *s;
    c = open_stream(&p, &s);
    s->on_readable = reset_self;
    write_body(c, 0, 100000, 0);
    mux_stream_end(c->s);
    run(&p);
    assert_int_equal(c->error, HX_ECLOSED);
    c = open_stream(&p, &s);
    c->on_closed = reset_self;
    mux_stream_reset(s->s, MUX_INTERNAL_ERROR);
    run(&p);
    assert_int_equal(c->closed, 1);
    assert_int_equal(mux_stream_count(p.client.m) + mux_stream_count(p.server.m), 0);
    pair_destroy(&p);
}

static void reset_all(struct end *e)
{
    for (size_t i = 0; i < e->side->count; i++)
        if (e->side->ends[i].s) {
            mux_stream_reset(e->side->ends[i].s, MUX_CANCEL);
            e->side->ends[i].s = NULL;
        }
}

static void a_callback_may_reset_other_streams_that_have_something_to_tell(void **state)
{
    struct end *s;

    (void)state;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 50; i++) {
        open_stream(&p, &s);
        s->on_readable = reset_all;
    }
    for (size_t i = 0; i < 50; i++)
        write_body(&p.client.ends[i], 0, 100, 0);
    run(&p);
    int told = 0;
    for (size_t i = 0; i < 50; i++)
        told += p.server.ends[i].readable;
    assert_int_equal(told, 1);
    assert_int_equal(mux_stream_count(p.server.m), 0);
    pair_destroy(&p);
}

static void destroy_mux(struct end *e)
{
    e->on_closed = NULL;
    mux_destroy(e->side->m);
}

static void the_mux_may_be_destroyed_from_within_a_callback(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        struct pair p;
        struct end *s;
        pair_create(&p);
        struct end *c = open_stream(&p, &s);
        p.server.on_request = which == 0 ? destroy_mux : NULL;
        s->on_readable = which == 1 ? destroy_mux : NULL;
        s->on_closed = which == 2 ? destroy_mux : NULL;
        if (which == 0)
            request(&p, "POST", "/echo", false);
        write_body(c, 0, 1000, 0);
        if (which == 2)
            mux_stream_reset(c->s, MUX_CANCEL);
        if (which == 3) { /* from mux_send(), when the last byte was read */
            s->stalled = true;
            mux_stream_end(c->s);
            mux_stream_end(s->s);
            run(&p);
            s->on_closed = destroy_mux;
            end_read(s);
            pass(&p.server, &p.client, 0);
        } else {
            pass(&p.client, &p.server, 0);
        }
        assert_int_equal(p.server.failed, HX_ECLOSED);
        assert_int_equal(s->closed, 1);
        free(p.server.ends);
        side_destroy(&p.client);
    }
}

static void destroying_tells_every_stream(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    mux_destroy(p.client.m);
    assert_int_equal(c->closed, 1);
    assert_int_equal(c->error, HX_ECLOSED);
    mux_destroy(p.server.m);
    assert_int_equal(s->error, HX_ECLOSED);
    mux_destroy(NULL);
    free(p.client.ends);
    free(p.server.ends);
}

static void after_a_goaway_what_runs_goes_on_and_nothing_new_begins(void **state)
{
    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    mux_goaway(p.server.m);
    mux_goaway(p.server.m);
    run(&p);
    assert_int_equal(p.client.goaways, 1);
    struct end *e;
    assert_int_equal(try_request(&p, &e, "GET", "/x", true), HX_ECLOSED);
    assert_false(mux_finished(p.client.m) || mux_finished(p.server.m));
    write_body(c, 0, 50000, 1);
    mux_stream_end(c->s);
    mux_stream_end(s->s);
    assert_int_equal(mux_ping(p.client.m, 1), HX_OK);
    run(&p);
    assert_true(s->hash == body_hash(50000, 1));
    assert_int_equal(c->error, HX_OK);
    assert_int_equal(p.client.pongs, 1);
    assert_true(mux_finished(p.client.m) && mux_finished(p.server.m));
    pair_destroy(&p);
}

static void a_request_that_crosses_a_goaway_is_refused_and_not_served(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++) {
        uint8_t flight[1000] = {0};
        const uint8_t *data;
        struct pair p;
        pair_create(&p);
        mux_goaway(p.server.m);
        ssize_t n = left ? mux_send(p.server.m, &data) : 0;
        if (n > 0)
            memcpy(flight, data, (size_t)n);
        struct end *c = request(&p, "GET", "/x", true);
        pass(&p.client, &p.server, 0);
        if (n > 0)
            side_receive(&p.client, flight, (size_t)n);
        run(&p);
        assert_int_equal(p.server.count, 0);
        assert_int_equal(c->closed, 1);
        assert_int_equal(c->code, REFUSED);
        assert_true(mux_finished(p.client.m) && mux_finished(p.server.m));
        pair_destroy(&p);
    }
}

static void messages_that_http_forbids_do_not_leave(void **state)
{
    static const struct mux_field bad[][2] = {
        {{":method", "GET"}, {"x", "a\r\nb"}},   {{":method", "GET"}, {"X", "upper"}},
        {{":method", "G ET"}, {"x", "a"}},       {{"x", "a"}, {":method", "GET"}},
        {{":method", "GET"}, {":path", "/a b"}}, {{":method", "CONNECT"}, {":authority", "a/b"}},
    };
    struct mux_field many[MUX_FIELDS_MAX + 1];
    struct end e;

    (void)state;
    struct pair p;
    pair_create(&p);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mux_message m = {bad[i], 2, true};
        assert_int_equal(mux_request(p.client.m, &e.s, &m, &end_events, &e), HX_EINVAL);
    }
    for (size_t i = 0; i <= MUX_FIELDS_MAX; i++)
        many[i] = (struct mux_field){"x", "y"};
    struct mux_message m = {many, MUX_FIELDS_MAX + 1, true};
    assert_int_equal(mux_request(p.client.m, &e.s, &m, &end_events, &e), HX_EINVAL);
    char value[MUX_VALUE_MAX + 2];
    memset(value, 'a', sizeof value);
    value[sizeof value - 1] = '\0';
    many[0].value = value;
    m.count = 1;
    assert_int_equal(mux_request(p.client.m, &e.s, &m, &end_events, &e), HX_EINVAL);
    assert_int_equal(mux_stream_count(p.client.m), 0);
    pair_destroy(&p);
}

static void a_message_as_large_as_may_be_arrives(void **state)
{
    char value[MUX_VALUE_MAX + 1], rest[MUX_VALUE_MAX];

    (void)state;
    memset(value, 'a', sizeof value);
    value[0] = '/';
    value[MUX_VALUE_MAX] = '\0';
    memset(rest, 'b', sizeof rest);
    struct pair p;
    pair_create(&p);
    struct mux_field fields[MUX_FIELDS_MAX] = {
        {":method", "GET"}, {":scheme", "hx"}, {":authority", "p"}, {":path", value}, {"x", rest}};
    size_t used = strlen(":methodGET:schemehx:authorityp:path") + MUX_VALUE_MAX + 1;
    for (size_t i = 5; i < MUX_FIELDS_MAX; i++, used += 2)
        fields[i] = (struct mux_field){"y", "z"};
    rest[MUX_HEADERS_MAX - used] = '\0';
    struct mux_message m = {fields, MUX_FIELDS_MAX, true};
    struct end *c = side_end(&p.client);
    assert_int_equal(mux_request(p.client.m, &c->s, &m, &end_events, c), HX_OK);
    run(&p);
    assert_int_equal(newest(&p)->fields, MUX_FIELDS_MAX);
    rest[MUX_HEADERS_MAX - used] = 'b';
    rest[MUX_HEADERS_MAX - used + 1] = '\0';
    assert_int_equal(mux_request(p.client.m, &c->s, &m, &end_events, c), HX_EINVAL);
    pair_destroy(&p);
}

static void a_stream_is_answered_once_and_by_the_server(void **state)
{
    const struct mux_field field = {":status", "200"};
    const struct mux_message m = {&field, 1, true};

    (void)state;
    struct pair p;
    pair_create(&p);
    struct end *s;
    struct end *c = open_stream(&p, &s);
    assert_int_equal(mux_respond(s->s, &m), HX_EINVAL);
    assert_int_equal(mux_respond(c->s, &m), HX_EINVAL);
    assert_int_equal(mux_request(p.server.m, &c->s, &m, &end_events, c), HX_EINVAL);
    pair_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_arrives_with_its_code_and_is_not_told_to_who_made_it),
        cmocka_unit_test(a_request_may_be_reset_before_it_left),
        cmocka_unit_test(a_request_that_nobody_owns_is_refused),
        cmocka_unit_test(a_stream_that_is_over_waits_until_it_was_read),
        cmocka_unit_test(an_owner_may_keep_its_stream_until_it_has_read_the_end),
        cmocka_unit_test(who_owns_a_stream_later_is_told_what_came_before),
        cmocka_unit_test(a_stream_may_be_reset_from_within_each_of_its_callbacks),
        cmocka_unit_test(a_callback_may_reset_other_streams_that_have_something_to_tell),
        cmocka_unit_test(the_mux_may_be_destroyed_from_within_a_callback),
        cmocka_unit_test(destroying_tells_every_stream),
        cmocka_unit_test(after_a_goaway_what_runs_goes_on_and_nothing_new_begins),
        cmocka_unit_test(a_request_that_crosses_a_goaway_is_refused_and_not_served),
        cmocka_unit_test(messages_that_http_forbids_do_not_leave),
        cmocka_unit_test(a_message_as_large_as_may_be_arrives),
        cmocka_unit_test(a_stream_is_answered_once_and_by_the_server),
    };

    return cmocka_run_group_tests_name("mux_ends", tests, NULL, NULL);
}
