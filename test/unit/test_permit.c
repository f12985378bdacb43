#include "client/forward/patterns.h"
#include "client/forward/permit.h"
#include "test/unit/cuts.h"

static bool permits_spec(const char *pattern, enum forward_kind kind, const char *text)
{
    struct permit *p;
    struct forward_spec spec;
    char error[FORWARD_ERROR_MAX];
    assert_int_equal(permit_create(&p), HX_OK);
    if (permit_add(p, pattern) != HX_OK)
        fail_msg("no pattern: %s", pattern);
    if (forward_spec_parse(&spec, kind, text, error) != HX_OK)
        fail_msg("%s", error);
    bool result = permit_allows(p, &spec);
    permit_destroy(p);
    return result;
}

static bool permits(const char *pattern, const char *listen)
{
    return permits_spec(pattern, FORWARD_SOCKS, listen);
}

static void nothing_is_permitted_unless_it_was_named(void **state)
{
    struct permit *p;
    struct forward_spec spec = {.port = 8080};
    (void)state;
    assert_int_equal(permit_create(&p), HX_OK);
    assert_false(permit_allows(p, &spec));
    assert_false(permit_allows(NULL, &spec));
    permit_destroy(p);
    permit_destroy(NULL);
}

static void a_port_alone_is_one_on_loopback(void **state)
{
    (void)state;
    assert_true(permits("8080", "8080"));
    assert_true(permits("8080", "localhost:8080"));
    assert_true(permits("8080", "127.0.0.1:8080"));
    assert_true(permits("8080", "127.9.9.9:8080"));
    assert_true(permits("8080", "[::1]:8080"));
    assert_false(permits("8080", "8081"));
    assert_false(permits("8080", "*:8080"));
    assert_false(permits("8080", "0.0.0.0:8080"));
    assert_false(permits("8080", "[::]:8080"));
    assert_false(permits("8080", "[::ffff:192.0.2.1]:8080"));
    assert_false(permits("8080", "192.0.2.1:8080"));
    assert_false(permits("8080", "localhost.example:8080"));
}

static void an_address_is_meant_as_it_is_written(void **state)
{
    (void)state;
    assert_true(permits("192.0.2.1:80", "192.0.2.1:80"));
    assert_false(permits("192.0.2.1:80", "80"));
    assert_false(permits("192.0.2.1:80", "*:80"));
    assert_true(permits("[0::1]:80", "[::1]:80"));
    assert_false(permits("127.0.0.1:80", "80")); /* that would be [::1], too */
    assert_false(permits("localhost:80", "127.0.0.1:80"));
}

static void a_star_is_any_address_or_any_port(void **state)
{
    (void)state;
    assert_true(permits("*", "1"));
    assert_true(permits("*", "0"));
    assert_false(permits("*", "*:1"));
    assert_true(permits("*:80", "80"));
    assert_true(permits("*:80", "*:80"));
    assert_true(permits("*:80", "192.0.2.1:80"));
    assert_true(permits("*:80", "[2001:db8::1]:80"));
    assert_true(permits("*:80", "localhost:80"));
    assert_false(permits("*:80", "81"));
    assert_false(permits("*:80", "0"));
    assert_true(permits("*:*", "*:0"));
    assert_true(permits("127.0.0.1:*", "127.0.0.1:0"));
    assert_false(permits("127.0.0.1:*", "0"));
}

/* Whoever looks a name up tells its owner. */
static void a_peer_may_not_name_a_name_unless_that_is_permitted(void **state)
{
    (void)state;
    assert_false(permits("*:80", "host.example:80"));
    assert_false(permits("*:*", "localhost.example:80"));
    assert_false(permits("*", "host.example:80"));
    assert_true(permits("host.example:80", "host.example:80"));
}

static bool permits_udp(const char *pattern, const char *listen)
{
    char text[128];
    snprintf(text, sizeof text, "%s:192.0.2.9:1", listen);
    return permits_spec(pattern, FORWARD_REMOTE, text);
}

static void datagrams_and_connections_are_permitted_each_by_itself(void **state)
{
    (void)state;
    assert_true(permits_udp("udp:80", "udp:80"));
    assert_true(permits_udp("udp:80", "udp:127.0.0.1:80"));
    assert_true(permits_udp("udp:*:80", "udp:*:80"));
    assert_true(permits_udp("udp:*", "udp:0"));
    assert_true(permits_udp("udp:192.0.2.1:80", "udp:192.0.2.1:80"));
    assert_true(permits_udp("80", "80"));
    assert_false(permits_udp("80", "udp:80"));
    assert_false(permits_udp("*:*", "udp:80"));
    assert_false(permits_udp("udp:80", "80"));
    assert_false(permits_udp("udp:80", "udp:*:80"));
    assert_false(permits_udp("udp:*:80", "udp:host.example:80"));
}

static void a_path_is_permitted_by_itself_alone(void **state)
{
    (void)state;
    assert_true(permits("/run/x", "/run/x"));
    assert_false(permits("/run/x", "/run/./x"));
    assert_false(permits("/run/x", "80"));
    assert_false(permits("*:*", "/run/x"));
    assert_false(permits("*", "/run/x"));
}

static void what_is_no_place_is_refused(void **state)
{
    static const char *const texts[] = {"",      "0",     "65536", "080",    "h",  "*:0", "h:0",  ":1",
                                        "1:2:3", "::1:1", "x/y",   "[::1]1", "**", " 1",  "udp:", "udp:/x"};
    struct permit *p;
    (void)state;
    assert_int_equal(permit_create(&p), HX_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (permit_add(p, texts[i]) != HX_EINVAL)
            fail_msg("taken: %s", texts[i]);
    }
    for (int i = 0; i < PATTERNS_MAX; i++)
        assert_int_equal(permit_add(p, "1"), HX_OK);
    assert_int_equal(permit_add(p, "1"), HX_ELIMIT);
    permit_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_permitted_unless_it_was_named),
        cmocka_unit_test(a_port_alone_is_one_on_loopback),
        cmocka_unit_test(an_address_is_meant_as_it_is_written),
        cmocka_unit_test(a_star_is_any_address_or_any_port),
        cmocka_unit_test(a_peer_may_not_name_a_name_unless_that_is_permitted),
        cmocka_unit_test(datagrams_and_connections_are_permitted_each_by_itself),
        cmocka_unit_test(a_path_is_permitted_by_itself_alone),
        cmocka_unit_test(what_is_no_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
