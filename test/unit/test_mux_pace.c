#include "test/unit/mux_pair.h"

#define RATE 100000 /* bytes a second: 10000 at once */
#define BODY 60000
#define MORE 2000

/* Reads as a relay does: what it sees it takes, and when it sees nothing it asks why. */
static void peek_and_skip(struct end *e)
{
    uint8_t none;
    for (;;) {
        size_t len;
        const uint8_t *data = mux_stream_peek(e->s, &len);
        if (len == 0) {
            ssize_t why = mux_stream_read(e->s, &none, 1);
            assert_true(why == HX_EAGAIN || why == HX_EEOF);
            e->eof = why == HX_EEOF;
            return;
        }
        e->got += len;
        e->hash = hash_add(e->hash, data, len);
        mux_stream_skip(e->s, len);
    }
}

/* A body of which some comes at once, the rest in between, read at that pace, a step of the clock after
 * the other. */
static void check_pace(void (*on_readable)(struct end *e), int64_t step_ms)
{
    struct pair p;
    struct pace pace;
    struct end *s;
    int64_t now_ms = 1000;
    pair_create(&p);
    pace_init(&pace, RATE);
    mux_set_time(p.server.m, now_ms);
    mux_set_pace(p.server.m, &pace);
    struct end *c = open_stream(&p, &s);
    s->on_readable = on_readable;
    size_t at = write_body(c, 0, BODY / 2, 5);
    run(&p);
    assert_in_range(s->got, 1, RATE / 10);
    while (!s->eof) {
        at += write_body(c, at, BODY - at < MORE ? BODY - at : MORE, 5);
        if (at == BODY)
            mux_stream_end(c->s);
        now_ms += step_ms;
        mux_set_time(p.server.m, now_ms);
        run(&p);
        assert_true(s->got <= RATE / 10 + (size_t)(now_ms - 1000) * RATE / 1000);
        assert_true(now_ms < 10000);
    }
    assert_in_range(now_ms - 1000, 490, 600 + 20 * step_ms);
    assert_int_equal(s->got, BODY);
    assert_true(s->hash == body_hash(BODY, 5));
    pair_destroy(&p);
    pace_free(&pace);
}

static void a_stream_is_read_at_the_pace_and_whole(void **state)
{
    (void)state;
    for (int64_t step_ms = 1; step_ms < 100; step_ms += 3)
        check_pace(NULL, step_ms);
}

static void so_is_one_that_is_looked_at(void **state)
{
    (void)state;
    for (int64_t step_ms = 1; step_ms < 100; step_ms += 3)
        check_pace(peek_and_skip, step_ms);
}

static void what_the_pace_keeps_back_is_kept_from_every_read(void **state)
{
    enum { SIZE = 3000, NOW_MS = 1000 };
    uint8_t data[SIZE];
    struct pace pace;
    struct pair p;

    (void)state;
    pace_init(&pace, 10000); /* 1000 at once, then 10 each millisecond */
    pair_create(&p);
    mux_set_pace(p.server.m, &pace);
    mux_set_time(p.server.m, NOW_MS);
    struct end *c = request(&p, "PUT", "/files/x", false);
    run(&p);
    struct end *s = newest(&p);
    s->on_readable = peek_and_skip;
    body_fill(data, 0, SIZE, 0);
    assert_int_equal(mux_stream_write(c->s, data, SIZE), SIZE);
    run(&p);
    assert_int_equal(s->got, 1000);
    for (int ms = 1; s->got < SIZE; ms++) {
        assert_in_range(ms, 1, 1000);
        mux_set_time(p.server.m, NOW_MS + ms);
        if (mux_is_paced(p.server.m)) /* a turn in which something else was told */
            peek_and_skip(s);
        run(&p);
    }
    assert_true(s->hash == body_hash(SIZE, 0));
    pair_destroy(&p);
    pace_free(&pace);
}

static void without_a_pace_nothing_waits(void **state)
{
    struct pair p;
    struct end *s;
    (void)state;
    pair_create(&p);
    struct end *c = open_stream(&p, &s);
    assert_int_equal(write_body(c, 0, BODY, 5), BODY);
    run(&p);
    assert_int_equal(s->got, BODY);
    assert_false(mux_is_paced(p.server.m));
    pair_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_read_at_the_pace_and_whole),
        cmocka_unit_test(so_is_one_that_is_looked_at),
        cmocka_unit_test(what_the_pace_keeps_back_is_kept_from_every_read),
        cmocka_unit_test(without_a_pace_nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
