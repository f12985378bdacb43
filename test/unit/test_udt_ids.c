/* UDT's socket ids near their end, over real UDT on loopback. */
#include "shim/udt/udt_ids.h"
#include "test/unit/udt_fixture.h"

#define TOP  (1 << 30) /* UDT's highest id */
#define HELD 4

static void check_echo(struct udt_port *from, struct stream *a, struct udt_port *to, struct stream *b)
{
    char buf[4];

    assert_int_equal(stream_write(a, "ping", 4), 4);
    assert_int_equal(read_all(to, b, buf, 4), 4);
    assert_int_equal(stream_write(b, "pong", 4), 4);
    assert_int_equal(read_all(from, a, buf, 4), 4);
    assert_memory_equal(buf, "pong", 4);
}

/* Connects one after the other; each has two sockets. */
static void check_many(int count)
{
    for (int i = 0; i < count; i++) {
        struct stream *b, *a = connect_to(left, server, &b);

        check_echo(left, a, server, b);
        stream_close(a);
        stream_close(b);
    }
}

static void connections_are_made_and_accepted_after_the_last_id(void **state)
{
    (void)state;
    udt_ids_continue_at(6);
    check_many(20);
    udt_ids_continue_at(1);
    check_many(20);
    udt_ids_continue_at(0);
    check_many(3);
    udt_ids_continue_at(-5);
    check_many(3);
}

static struct udt_event accept_one(void)
{
    return await(server, UDT_EV_ACCEPTED);
}

static void an_id_that_is_in_use_is_not_given_again(void **state)
{
    struct stream *mine[HELD];
    struct udt_event theirs[HELD];
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);
    int highest = 0;

    (void)state;
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(udt_connect(&mine[i], left, address, len, 2000, NULL), HX_OK);
        assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, mine[i]);
        theirs[i] = accept_one();
        highest = theirs[i].id > highest ? theirs[i].id : highest;
    }
    for (int round = 0; round < 3;
         round++) { /* right above them each time: all are met, those just closed as well */
        udt_ids_continue_at(highest + 2);
        check_many(5);
    }
    for (int i = 0; i < HELD; i++) {
        check_echo(left, mine[i], server, theirs[i].stream);
        stream_close(mine[i]);
        stream_close(theirs[i].stream);
    }
}

/* Several wait for accept(), and the ids begin anew among them. */
static void the_oldest_is_accepted_first(void **state)
{
    enum { COUNT = 8 };
    struct stream *mine[COUNT];
    in_port_t ports[COUNT];
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);

    (void)state;
    udt_ids_continue_at(COUNT);
    for (int i = 0; i < COUNT; i++) { /* from a port of its own each, by which it is known again */
        struct udt_port *p = i % 2 ? left : right;

        assert_int_equal(udt_connect(&mine[i], p, address, len, 2000, NULL), HX_OK);
        assert_ptr_equal(await(p, UDT_EV_CONNECTED).stream, mine[i]);
        ports[i] = ((const struct sockaddr_in6 *)udt_port_local(p, &len))->sin6_port;
    }
    for (int i = 0; i < COUNT; i++) {
        struct udt_event ev = accept_one();

        assert_int_equal(((const struct sockaddr_in6 *)stream_peer(ev.stream, &len))->sin6_port, ports[i]);
        stream_close(ev.stream);
        stream_close(mine[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_made_and_accepted_after_the_last_id),
        cmocka_unit_test(an_id_that_is_in_use_is_not_given_again),
        cmocka_unit_test(the_oldest_is_accepted_first),
    };

    return cmocka_run_group_tests_name("udt ids", tests, open_all, close_all);
}
