#include "base/error.h"
#include "client/resolve.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void numeric_addresses_of_both_families_resolve_without_asking(void **state)
{
    (void)state;
    struct resolve_list list;
    assert_int_equal(resolve_lookup(&list, "192.0.2.1:7001", 7000), HX_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.address[0].sa.ss_family, AF_INET);
    assert_int_equal(resolve_lookup(&list, "[2001:db8::1]:7001", 7000), HX_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.address[0].sa.ss_family, AF_INET6);
}

static void a_host_name_that_cannot_exist_is_not_resolved(void **state)
{
    (void)state;
    struct resolve_list list;
    assert_int_equal(resolve_lookup(&list, "a..b", 7000), HX_ERESOLVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_addresses_of_both_families_resolve_without_asking),
        cmocka_unit_test(a_host_name_that_cannot_exist_is_not_resolved),
    };
    return cmocka_run_group_tests_name("client resolve", tests, NULL, NULL);
}
