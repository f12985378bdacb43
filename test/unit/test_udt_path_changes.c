/* A connection under UDT goes on whatever path carries it, as paths change under it. */
#include "test/unit/path_transfer.h"

struct switcher {
    struct net_path path[2][3]; /* left's, right's */
    atomic_bool done;
    atomic_int switches;
};

#define SWITCHES       16 /* in a transfer, at least: each side takes each path and seeks, twice */
#define SWITCHED_BYTES (3u << 20)

/* Both sides change their path without telling the other, in a thread of its own. */
static void *keep_switching(void *arg)
{
    struct switcher *s = arg;

    while (!atomic_load(&s->done)) {
        int switches = atomic_load(&s->switches), side = switches % 2, which = switches / 2 % 4;
        struct net_peer *peer = side ? to_left : to_right;

        if (which == 3)
            net_peer_seek(peer);
        else
            (void)net_peer_use(peer, &s->path[side][which], 0);
        atomic_fetch_add(&s->switches, 1);
        poll(NULL, 0, 3);
    }
    return NULL;
}

/* The transfer waits for the switches: on a busy machine it would be over before the other thread has had
 * a processor often enough. All are made while half of the bytes are still to come. */
static void await_switches(uint32_t got, void *context)
{
    struct switcher *s = context;
    uint32_t due = got / (SWITCHED_BYTES / 2 / SWITCHES);

    while (atomic_load(&s->switches) < (int)(due < SWITCHES ? due : SWITCHES))
        poll(NULL, 0, 1);
}

static void a_path_that_changes_every_few_milliseconds_loses_no_byte(void **state)
{
    static const char *const ways[] = {"127.0.0.1", "127.0.0.2", "::1"};
    struct switcher s = {.switches = 0};
    struct stream *a, *b;
    pthread_t thread;

    (void)state;
    for (int i = 0; i < 3; i++) {
        add_over(ways[i]);
        s.path[0][i] = path_over(ways[i], right);
        s.path[1][i] = path_over(ways[i], left);
    }
    meet(&a, &b);
    assert_int_equal(pthread_create(&thread, NULL, keep_switching, &s), 0);
    transfer(a, b, SWITCHED_BYTES, await_switches, &s);
    atomic_store(&s.done, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&s.switches) >= SWITCHES);
    stream_close(a);
    stream_close(b);
}

struct cutter {
    struct relay relays[2];
    struct net_path path[2][2]; /* [relay], left's and right's */
    int64_t cut_ms;
    bool sought, switched;
};

/* As an agent does: the path is cut, is taken for lost, and the one by which the peer is heard takes its
 * place. */
static void cut_seek_and_switch(uint32_t got, void *context)
{
    struct cutter *c = context;
    struct net_peer_view view;

    if (!c->cut_ms && got > 1 << 19) {
        atomic_store(&c->relays[0].cut, true);
        c->cut_ms = clock_now_ms();
    } else if (c->cut_ms && !c->sought && clock_now_ms() - c->cut_ms > 100) {
        net_peer_view(to_right, &view);
        if (view.unanswered_ms == 0) /* UDT's sender has not had a processor since */
            return;
        net_peer_seek(to_right);
        net_peer_seek(to_left);
        c->sought = true;
    } else if (c->sought && !c->switched) {
        net_peer_view(to_right, &view);
        if (memcmp(&view.heard, &c->path[1][0], sizeof view.heard) != 0)
            return;
        use(&c->path[1][0], &c->path[1][1]);
        c->switched = true;
    }
}

static void a_connection_outlives_its_path(void **state)
{
    struct cutter c = {.cut_ms = 0};
    struct stream *a, *b;

    (void)state;
    for (int i = 0; i < 2; i++) {
        relay_start(&c.relays[i], left, right, &c.path[i][0], &c.path[i][1]);
        add(&c.path[i][0], &c.path[i][1]);
    }
    meet(&a, &b);
    use(&c.path[0][0], &c.path[0][1]);
    transfer(a, b, 2 << 20, cut_seek_and_switch, &c);
    assert_true(c.switched);
    check_pair(left, a, right, b);
    stream_close(a);
    stream_close(b);
    for (int i = 0; i < 2; i++)
        relay_stop(&c.relays[i]);
}

static void a_path_may_have_a_socket_of_its_own(void **state)
{
    struct net_port *net = udt_port_net(left);
    struct net_path of_left = {.remote = at("127.0.0.1", port_of(right))}, of_right = {.socket = 0};
    struct net_address local;
    struct stream *a, *b;
    int others[16];

    (void)state;
    for (int i = 0; i < 16; i++)
        assert_int_equal(net_port_extra_open(net, &others[i]), HX_OK);
    of_left.socket = others[5];
    assert_true(net_port_extra_local(net, others[5], &local));
    of_right.remote = at("127.0.0.1", local.port);
    add(&of_left, &of_right);
    meet(&a, &b);
    use(&of_left, &of_right);
    for (int i = 0; i < 16; i++) {
        if (i != 5)
            net_port_extra_close(net, others[i]);
    }
    transfer(a, b, 2 << 20, NULL, NULL);
    add_over("127.0.0.2");
    struct net_path second[2] = {path_over("127.0.0.2", right), path_over("127.0.0.2", left)};
    use(&second[0], &second[1]);
    net_port_extra_close(net, others[5]);
    transfer(a, b, 1 << 20, NULL, NULL);
    stream_close(a);
    stream_close(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_peers, end_peers)
    const struct CMUnitTest tests[] = {
        TEST(a_path_that_changes_every_few_milliseconds_loses_no_byte),
        TEST(a_connection_outlives_its_path),
        TEST(a_path_may_have_a_socket_of_its_own),
    };

    return cmocka_run_group_tests_name("udt_path_changes", tests, open_ports, close_all);
}
