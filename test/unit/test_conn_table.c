/* shim/udt/conn_table where memory runs out: it is compiled into this test, with an allocator
 * that can fail. */
#include <stdbool.h>
#include <stdlib.h>

static int allocations_left; /* -1: all succeed */

static void *allocate(size_t count, size_t size, bool zeroed)
{
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return zeroed ? calloc(count, size) : malloc(count * size);
}
#define malloc(size)        allocate(1, size, false)
#define calloc(count, size) allocate(count, size, true)
#include "shim/udt/conn_table.c" // NOLINT(bugprone-suspicious-include)
#undef malloc
#undef calloc
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MANY 3000 /* enough for the tables to grow several times */

static struct readiness ready;
static struct conn_table table = {.ready = &ready};

static struct udt_conn *add(int32_t id, int32_t peer_id)
{
    struct udt_conn_peer peer = {.at.port = 1, .id = peer_id};

    return udt_conn_add(&table, id, &peer, UDT_CONN_OPEN, 32, 0);
}

static int forget_all(void **state)
{
    (void)state;
    allocations_left = -1;
    udt_conn_forget_all(&table);
    assert_null(table.by_id);
    assert_null(table.by_peer);
    return 0;
}

static void whatever_allocation_fails_a_connection_is_there_whole_or_not_at_all(void **state)
{
    struct net_address at = {.port = 1};
    int failed = 0;

    (void)state;
    for (int left = 0;; left++) {
        struct udt_conn *c;

        allocations_left = left;
        c = add(1, 2);
        allocations_left = -1;
        assert_ptr_equal(udt_conn_find(&table, 1), c);
        assert_ptr_equal(udt_conn_find_peer(&table, &at, 2), c);
        if (c)
            break;
        failed++;
    }
    assert_true(failed >= 5); /* the connection, and two tables with their buckets */
}

static void tables_that_cannot_grow_lose_nobody(void **state)
{
    (void)state;
    for (int i = 1; i <= MANY; i++) {
        allocations_left = i % 2 ? 1 : -1; /* itself, and nothing more */
        add(i, i);
    }
    allocations_left = -1;
    for (int i = 2; i <= MANY; i += 2)
        assert_non_null(udt_conn_find(&table, i));
}

static void a_peer_whose_id_cannot_be_noted_stays_unknown(void **state)
{
    struct udt_conn *c = add(1, 0);

    (void)state;
    assert_non_null(c);
    allocations_left = 0;
    assert_false(udt_conn_set_peer_id(&table, c, 7));
    assert_int_equal(c->peer.id, 0);
    allocations_left = -1;
    assert_true(udt_conn_set_peer_id(&table, c, 7));
    assert_ptr_equal(udt_conn_find_peer(&table, &c->peer.at, 7), c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whatever_allocation_fails_a_connection_is_there_whole_or_not_at_all,
                                  forget_all),
        cmocka_unit_test_teardown(tables_that_cannot_grow_lose_nobody, forget_all),
        cmocka_unit_test_teardown(a_peer_whose_id_cannot_be_noted_stays_unknown, forget_all),
    };

    return cmocka_run_group_tests_name("conn_table", tests, NULL, NULL);
}
