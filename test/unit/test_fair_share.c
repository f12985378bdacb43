/* base/fair_share: neither one host nor one network keeps others out of a table. */
#include "base/fair_share.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MAX      24
#define HOST_MAX 8
#define MANY     1000

static struct fair_share_member members[MANY];
static struct fair_share table;
static int evicted; /* how often */

static struct fair_share_source source(const char *text)
{
    struct fair_share_source s;
    uint8_t address[16];
    sa_family_t family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(family, text, address), 1);
    fair_share_source(&s, family, address);
    return s;
}

static int begin(void **state)
{
    (void)state;
    memset(members, 0, sizeof members);
    fair_share_init(&table, MAX, HOST_MAX);
    evicted = 0;
    return 0;
}

/* Number i enters, and who must give way does. */
static struct fair_share_member *enter(int i, const char *from)
{
    struct fair_share_member *victim;
    members[i].source = source(from);
    while ((victim = fair_share_victim(&table, &members[i].source))) {
        fair_share_remove(&table, victim);
        evicted++;
    }
    fair_share_add(&table, &members[i]);
    return &members[i];
}

static void one_host_evicts_its_own_oldest(void **state)
{
    (void)state;
    struct fair_share_member *other = enter(0, "198.51.100.1");
    for (int i = 1; i < MANY; i++)
        enter(i, "192.0.2.1");
    assert_true(other->listed);
    assert_int_equal(table.count, HOST_MAX + 1);
    assert_true(members[MANY - 1].listed && members[MANY - HOST_MAX].listed);
    assert_false(members[MANY - HOST_MAX - 1].listed);
}

static void in_a_full_table_the_host_with_the_most_gives_way(void **state)
{
    (void)state;
    char from[64];
    struct fair_share_member *other = enter(0, "198.51.100.1");
    for (int i = 1; i < MAX; i++) { /* three hosts of one network, eight each, but one */
        snprintf(from, sizeof from, "192.0.2.%d", i % 3);
        enter(i, from);
    }
    assert_int_equal(evicted, 0);
    assert_int_equal(table.count, MAX);
    struct fair_share_member *newcomer = enter(MAX, "203.0.113.1");
    assert_true(other->listed && newcomer->listed);
    assert_int_equal(evicted, 1);
    assert_false(members[1].listed); /* the oldest of those that have eight */
}

static void many_hosts_of_one_network_leave_others_in(void **state)
{
    (void)state;
    char from[64];
    struct fair_share_member *a = enter(0, "2001:db8:1::1");
    struct fair_share_member *b = enter(1, "192.0.2.77");
    for (int i = 2; i < MANY; i++) { /* each /64 of a /48 once */
        snprintf(from, sizeof from, "2001:db8:bad:%x::1", i);
        enter(i, from);
    }
    assert_true(a->listed && b->listed);
    assert_int_equal(table.count, MAX);
    struct fair_share_member *c = enter(2, "198.51.100.9");
    assert_true(a->listed && b->listed && c->listed);
}

static void many_networks_evict_the_oldest(void **state)
{
    (void)state;
    char from[64];
    struct fair_share_member *mine = enter(0, "192.0.2.77");
    for (int i = 1; i < MAX; i++) {
        snprintf(from, sizeof from, "10.%d.0.1", i);
        enter(i, from);
    }
    assert_true(mine->listed); /* as long as the table takes to be filled */
    enter(MAX, "10.100.0.1");
    assert_false(mine->listed);
    assert_true(enter(0, "192.0.2.77")->listed);
}

static void whoever_left_counts_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < HOST_MAX; i++)
        enter(i, "192.0.2.1");
    fair_share_remove(&table, &members[3]);
    fair_share_remove(&table, &members[3]);
    enter(100, "192.0.2.1");
    assert_int_equal(evicted, 0);
    assert_int_equal(table.count, HOST_MAX);
    assert_int_equal(members[0].of_host, HOST_MAX);
    assert_int_equal(members[0].of_network, HOST_MAX);
}

static void a_host_is_an_ipv4_address_or_an_ipv6_prefix_of_64_bits(void **state)
{
    (void)state;
    struct fair_share_source a = source("192.0.2.1"), b = source("::ffff:192.0.2.1");
    assert_memory_equal(&a, &b, sizeof a);
    b = source("192.0.2.2");
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_equal(a.host, b.host, FAIR_SHARE_NETWORK);
    b = source("192.0.3.1");
    assert_memory_not_equal(a.host, b.host, FAIR_SHARE_NETWORK);
    a = source("2001:db8:1:2:3:4:5:6");
    b = source("2001:db8:1:2:ffff::1");
    assert_memory_equal(&a, &b, sizeof a);
    b = source("2001:db8:1:3::1");
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_equal(a.host, b.host, FAIR_SHARE_NETWORK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_host_evicts_its_own_oldest, begin),
        cmocka_unit_test_setup(in_a_full_table_the_host_with_the_most_gives_way, begin),
        cmocka_unit_test_setup(many_hosts_of_one_network_leave_others_in, begin),
        cmocka_unit_test_setup(many_networks_evict_the_oldest, begin),
        cmocka_unit_test_setup(whoever_left_counts_no_more, begin),
        cmocka_unit_test(a_host_is_an_ipv4_address_or_an_ipv6_prefix_of_64_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
