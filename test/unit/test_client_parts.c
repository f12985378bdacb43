#include "base/error.h"
#include "client/parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct multipart_part part(const char *name, const char *address)
{
    struct multipart_part p = {.name = ""};
    strncpy(p.name, name, HOST_ID_MAX);
    assert_int_equal(endpoint_parse(&p.peer.list[0].at, address, strlen(address)), HX_OK);
    p.peer.count = 1;
    return p;
}

static enum part_kind take(struct parts *p, const char *name, const char *address)
{
    struct multipart_part taken = part(name, address);
    return parts_take(p, &taken);
}

static void assert_own(const struct parts *p, const char *address)
{
    char text[ENDPOINT_TEXT_MAX];
    endpoint_format(&p->own, text);
    assert_string_equal(text, address);
}

static void the_parts_of_the_specification_are_target_and_own_address(void **state)
{
    (void)state;
    struct parts p;
    parts_init(&p, "host_sweet_host", "");
    assert_int_equal(take(&p, "host_sweet_host", "192.0.2.1:7001"), PART_TARGET);
    assert_int_equal(p.own.family, AF_UNSPEC);
    assert_int_equal(take(&p, "", "198.51.100.2:4000"), PART_OWN);
    assert_own(&p, "198.51.100.2:4000");
}

static void a_newer_part_for_the_name_is_a_target_again(void **state)
{
    (void)state;
    struct parts p;
    parts_init(&p, "h1", "h2");
    assert_int_equal(take(&p, "h1", "192.0.2.1:7001"), PART_TARGET);
    assert_int_equal(take(&p, "h2", "198.51.100.2:4000"), PART_OWN);
    assert_int_equal(take(&p, "h1", "192.0.2.1:7002"), PART_TARGET);
    assert_own(&p, "198.51.100.2:4000");
}

static void the_order_of_the_parts_does_not_matter_where_names_differ(void **state)
{
    (void)state;
    struct parts p;
    parts_init(&p, "h1", "h2");
    assert_int_equal(take(&p, "h2", "198.51.100.2:4000"), PART_OWN);
    assert_int_equal(take(&p, "h1", "192.0.2.1:7001"), PART_TARGET);
}

static void where_both_have_one_name_the_second_part_is_the_own_address(void **state)
{
    (void)state;
    struct parts p;
    parts_init(&p, "same", "same");
    assert_int_equal(take(&p, "same", "192.0.2.1:7001"), PART_TARGET);
    assert_int_equal(take(&p, "same", "198.51.100.2:4000"), PART_OWN);
    assert_int_equal(take(&p, "same", "192.0.2.1:7002"), PART_TARGET);
    assert_int_equal(take(&p, "same", "198.51.100.2:4000"), PART_OWN);
    assert_own(&p, "198.51.100.2:4000");
}

static void with_one_name_and_a_known_own_address_the_address_decides(void **state)
{
    (void)state;
    struct parts p;
    struct multipart_part known = part("x", "198.51.100.2:4000");
    parts_init(&p, "same", "same");
    p.own = known.peer.list[0].at;
    assert_int_equal(take(&p, "same", "192.0.2.1:7001"), PART_TARGET);
    assert_int_equal(take(&p, "same", "192.0.2.1:7002"), PART_TARGET);
    assert_int_equal(take(&p, "same", "198.51.100.2:4000"), PART_OWN);
}

static void parts_with_other_names_are_ignored(void **state)
{
    (void)state;
    struct parts p;
    parts_init(&p, "h1", "h2");
    assert_int_equal(take(&p, "h3", "192.0.2.1:7001"), PART_OTHER);
    assert_int_equal(take(&p, "", "192.0.2.1:7001"), PART_OTHER);
    assert_int_equal(p.own.family, AF_UNSPEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_the_specification_are_target_and_own_address),
        cmocka_unit_test(a_newer_part_for_the_name_is_a_target_again),
        cmocka_unit_test(the_order_of_the_parts_does_not_matter_where_names_differ),
        cmocka_unit_test(where_both_have_one_name_the_second_part_is_the_own_address),
        cmocka_unit_test(with_one_name_and_a_known_own_address_the_address_decides),
        cmocka_unit_test(parts_with_other_names_are_ignored),
    };
    return cmocka_run_group_tests_name("client parts", tests, NULL, NULL);
}
