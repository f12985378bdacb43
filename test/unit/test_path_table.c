/* shim/net/path_table: what memos hold, what is kept, and how much there may be of each. */
#include "shim/net/path_table.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define NOW_MS 1000

static struct path_table *table;

static int open_table(void **state)
{
    (void)state;
    table = path_table_create();
    return table ? 0 : -1;
}

static int close_table(void **state)
{
    (void)state;
    path_table_destroy(table);
    return 0;
}

static struct net_path path_to(uint16_t port)
{
    struct net_path p = {.remote = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1}}};

    p.remote.port = htons(port);
    return p;
}

static struct net_peer *peer_with(const struct net_path *paths, int count)
{
    uint8_t kept[NET_SMALL_BYTES];
    struct net_peer *peer;
    size_t len;

    assert_int_equal(path_table_add_peer(table, NULL, &peer), HX_OK);
    for (int i = 0; i < count; i++)
        assert_int_equal(path_table_add(peer, &paths[i], kept, &len), HX_OK);
    return peer;
}

/* The table's memo of what leaves must follow what comes. */
static void what_is_large_follows_the_path_that_is_heard_while_none_is_in_use(void **state)
{
    struct net_path paths[2] = {path_to(1), path_to(2)};
    struct net_peer *peer = peer_with(paths, 2);
    const struct net_address *canonical = net_peer_address(peer);
    struct net_route from = {.to = paths[1].remote};
    struct path_memo out = {.peer = NULL}, in = {.peer = NULL};

    (void)state;
    assert_memory_equal(&path_memo_way(table, &out, canonical)->to, &paths[0].remote, sizeof from.to);
    assert_true(path_memo_has(table, &in, canonical, &from));
    path_memo_heard(table, &in, NOW_MS);
    assert_memory_equal(&path_memo_way(table, &out, canonical)->to, &paths[1].remote, sizeof from.to);
    assert_int_equal(path_table_use(peer, &paths[0], 0), HX_OK);
    path_memo_heard(table, &in, NOW_MS);
    assert_memory_equal(&path_memo_way(table, &out, canonical)->to, &paths[0].remote, sizeof from.to);
    net_peer_remove(peer, &paths[0]);
    assert_memory_equal(&path_memo_way(table, &out, canonical)->to, &paths[1].remote, sizeof from.to);
    path_table_remove_peer(peer);
    assert_null(path_memo_way(table, &out, canonical));
    assert_false(path_memo_has(table, &in, canonical, &from));
    path_memo_end(&out);
    path_memo_end(&in);
}

static void what_was_kept_for_later_paths_is_forgotten_once_a_path_is_in_use(void **state)
{
    struct net_path paths[3] = {path_to(1), path_to(2), path_to(3)};
    struct net_peer *peer = peer_with(paths, 1);
    struct net_route ways[NET_PATHS_MAX], to = {.to = *net_peer_address(peer)};
    struct iovec part = {.iov_base = (char[]){"small"}, .iov_len = 5};
    uint8_t kept[NET_SMALL_BYTES];
    size_t len;

    (void)state;
    assert_int_equal(path_table_ways(table, &to, &part, 1, ways), 1);
    assert_int_equal(path_table_add(peer, &paths[1], kept, &len), HX_OK);
    assert_int_equal(len, 5);
    assert_int_equal(path_table_use(peer, &paths[0], 0), HX_OK);
    net_peer_seek(peer);
    assert_int_equal(path_table_add(peer, &paths[2], kept, &len), HX_OK);
    assert_int_equal(len, 0);
}

static void a_port_has_so_many_peers_and_an_ended_one_makes_room(void **state)
{
    static struct net_peer *peers[NET_PEERS_MAX];
    struct net_peer *more = NULL;

    (void)state;
    for (int i = 0; i < NET_PEERS_MAX; i++)
        assert_int_equal(path_table_add_peer(table, NULL, &peers[i]), HX_OK);
    assert_int_equal(path_table_add_peer(table, NULL, &more), HX_ELIMIT);
    assert_null(more);
    path_table_remove_peer(peers[7]);
    assert_int_equal(path_table_add_peer(table, NULL, &more), HX_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_table, close_table)
    const struct CMUnitTest tests[] = {
        TEST(what_is_large_follows_the_path_that_is_heard_while_none_is_in_use),
        TEST(what_was_kept_for_later_paths_is_forgotten_once_a_path_is_in_use),
        TEST(a_port_has_so_many_peers_and_an_ended_one_makes_room),
    };

    return cmocka_run_group_tests_name("path table", tests, NULL, NULL);
}
