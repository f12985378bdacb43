/* Which stream's bytes leave next, and how late that is decided. The server sends, the client reads. */
#include "test/unit/mux_pair.h"

#define ROOM 20000 /* bytes of the transport at once: a frame and a bit */
#define MUCH 200000

static struct end *sending(struct pair *p, struct end **server)
{
    struct end *c = open_stream(p, server);
    mux_set_room(p->server.m, ROOM);
    return c;
}

/* As much as it has room for, once, and what the client answers. */
static bool turn(struct pair *p)
{
    bool more = pass(&p->server, &p->client, 0);
    while (pass(&p->client, &p->server, 0))
        continue;
    return more;
}

/* Writes and sends until the client has `len` bytes of it. */
static void send_until(struct pair *p, const struct end *c, struct end *s, size_t len)
{
    while (c->got < len) {
        (void)write_body(s, 0, 7000, 1);
        assert_true(turn(p));
    }
}

/* A stream that has sent much, and beside it a new one, `q` of which is the client's end. */
struct beside {
    struct end *c, *s, *q, *quick;
};

static struct beside much_beside_a_new_one(struct pair *p)
{
    struct beside b;
    pair_create(p);
    b.c = sending(p, &b.s);
    send_until(p, b.c, b.s, MUCH);
    b.q = open_stream(p, &b.quick);
    while (turn(p))
        continue;
    return b;
}

static void no_more_leaves_at_once_than_there_is_room_for(void **state)
{
    (void)state;
    struct end *s;
    struct pair p;
    pair_create(&p);
    struct end *c = sending(&p, &s);
    assert_int_equal(write_body(s, 0, 50000, 1), 50000);
    for (size_t room = 1; c->got < 50000; room = room * 3 % 4099) {
        size_t before = p.server.sent, got = c->got;
        mux_set_room(p.server.m, room);
        (void)turn(&p);
        assert_in_range(p.server.sent - before, 0, room);
        assert_true(c->got > got || room < 1000);
    }
    assert_true(c->hash == body_hash(50000, 1));
    pair_destroy(&p);
}

static void without_room_the_connection_itself_still_speaks(void **state)
{
    (void)state;
    struct end *s;
    struct pair p;
    pair_create(&p);
    struct end *c = sending(&p, &s);
    mux_set_room(p.server.m, 0);
    assert_int_equal(write_body(s, 0, 1000, 1), 1000);
    assert_int_equal(mux_ping(p.server.m, 7), HX_OK);
    assert_true(turn(&p));
    assert_int_equal(p.server.pongs, 1);
    assert_false(turn(&p));
    assert_int_equal(c->got, 0);
    assert_true(mux_wants_send(p.server.m));
    mux_set_room(p.server.m, ROOM);
    run(&p);
    assert_int_equal(c->got, 1000);
    pair_destroy(&p);
}

/* A side that receives answers at once, but gives no bytes of streams for it: there may be no room. */
static void what_comes_makes_no_bytes_of_streams_leave(void **state)
{
    (void)state;
    struct pair p;
    struct beside b = much_beside_a_new_one(&p);
    (void)write_body(b.s, 0, MUCH, 1);
    assert_int_equal(mux_ping(p.client.m, 1), HX_OK);
    assert_true(pass(&p.client, &p.server, 0));
    assert_int_equal(write_body(b.quick, 0, 64, 1), 64);
    assert_true(turn(&p));
    assert_int_equal(p.client.pongs, 1);
    assert_int_equal(b.q->got, 64);
    pair_destroy(&p);
}

static void a_new_stream_goes_before_those_that_have_sent_much(void **state)
{
    (void)state;
    struct end *c[3], *s[3], *quick;
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 3; i++) {
        c[i] = sending(&p, &s[i]);
        send_until(&p, c[i], s[i], MUCH);
    }
    struct end *q = open_stream(&p, &quick);
    for (int i = 0; i < 3; i++)
        assert_true(write_body(s[i], 0, MUCH, 1) > 2 * ROOM);
    assert_true(turn(&p));
    assert_int_equal(write_body(quick, 0, 64, 1), 64);
    assert_true(turn(&p));
    assert_int_equal(q->got, 64);
    pair_destroy(&p);
}

static void what_goes_first_leaves_by_itself(void **state)
{
    (void)state;
    struct pair p;
    struct beside b = much_beside_a_new_one(&p);
    size_t before = b.c->got;
    (void)write_body(b.s, 0, MUCH, 1);
    assert_int_equal(write_body(b.quick, 0, 64, 1), 64);
    assert_true(turn(&p));
    assert_int_equal(b.q->got, 64);
    assert_int_equal(b.c->got, before);
    assert_true(turn(&p));
    assert_true(b.c->got > before);
    pair_destroy(&p);
}

static void a_stream_that_was_quiet_goes_first_again(void **state)
{
    (void)state;
    struct end *s, *quiet;
    struct pair p;
    pair_create(&p);
    struct end *c = sending(&p, &s), *q = sending(&p, &quiet);
    send_until(&p, q, quiet, MUCH);
    send_until(&p, c, s, MUCH);
    run(&p);
    size_t before = q->got;
    mux_set_time(p.server.m, 1000);
    send_until(&p, c, s, c->got + MUCH); /* it stays as it was */
    (void)write_body(s, 0, MUCH, 1);
    assert_int_equal(write_body(quiet, 0, 64, 1), 64);
    assert_true(turn(&p));
    assert_int_equal(q->got, before + 64);
    pair_destroy(&p);
}

static void those_that_send_much_take_turns(void **state)
{
    (void)state;
    struct end *c[2], *s[2];
    struct pair p;
    pair_create(&p);
    for (int i = 0; i < 2; i++) {
        c[i] = sending(&p, &s[i]);
        send_until(&p, c[i], s[i], MUCH);
    }
    run(&p);
    size_t before[2] = {c[0]->got, c[1]->got};
    for (int i = 0; i < 20; i++) {
        (void)write_body(s[0], 0, MUCH, 1);
        (void)write_body(s[1], 0, MUCH, 1);
        assert_true(turn(&p));
    }
    size_t got[2] = {c[0]->got - before[0], c[1]->got - before[1]};
    assert_in_range(got[0] + got[1], 19 * ROOM, 20 * ROOM);
    assert_in_range(got[0], got[1] - got[1] / 4, got[1] + got[1] / 4);
    pair_destroy(&p);
}

static void favoured_streams_leave_something_to_the_others(void **state)
{
    (void)state;
    struct end *s, *others[8];
    struct pair p;
    pair_create(&p);
    struct end *c = sending(&p, &s);
    send_until(&p, c, s, MUCH);
    run(&p);
    size_t before = c->got;
    for (int i = 0; i < 8; i++)
        (void)sending(&p, &others[i]);
    (void)write_body(s, 0, MUCH, 1);
    for (int i = 0; i < 8; i++)
        (void)write_body(others[i], 0, 60000, 1);
    for (int i = 0; i < 8; i++)
        assert_true(turn(&p));
    assert_true(c->got > before);
    assert_in_range(c->got - before, 1, 8 * ROOM / 2);
    pair_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_leaves_at_once_than_there_is_room_for),
        cmocka_unit_test(without_room_the_connection_itself_still_speaks),
        cmocka_unit_test(what_comes_makes_no_bytes_of_streams_leave),
        cmocka_unit_test(a_new_stream_goes_before_those_that_have_sent_much),
        cmocka_unit_test(what_goes_first_leaves_by_itself),
        cmocka_unit_test(a_stream_that_was_quiet_goes_first_again),
        cmocka_unit_test(those_that_send_much_take_turns),
        cmocka_unit_test(favoured_streams_leave_something_to_the_others),
    };

    return cmocka_run_group_tests_name("mux_turn", tests, NULL, NULL);
}
