#include "client/forward/allow.h"
#include "client/forward/authority.h"
#include "client/forward/patterns.h"
#include "test/unit/cuts.h"

static struct allow *allowing(const char *first, const char *second)
{
    struct allow *a;
    assert_int_equal(allow_create(&a), HX_OK);
    if (first)
        assert_int_equal(allow_add(a, first), HX_OK);
    if (second)
        assert_int_equal(allow_add(a, second), HX_OK);
    return a;
}

static bool asked(const struct allow *a, const char *authority)
{
    struct authority target;
    return authority_parse(&target, authority) == HX_OK && allow_permits(a, &target);
}

static bool permits(const char *target, const char *authority)
{
    struct allow *a = allowing(target, NULL);
    bool result = asked(a, authority);
    allow_destroy(a);
    return result;
}

static void nothing_is_allowed_unless_it_was_named(void **state)
{
    (void)state;
    struct allow *a = allowing(NULL, NULL);
    assert_false(asked(a, "127.0.0.1:22"));
    assert_false(asked(NULL, "127.0.0.1:22"));
    allow_destroy(a);
    allow_destroy(NULL);
}

static void host_and_port_must_both_match(void **state)
{
    (void)state;
    assert_true(permits("127.0.0.1:22", "127.0.0.1:22"));
    assert_false(permits("127.0.0.1:22", "127.0.0.1:23"));
    assert_false(permits("127.0.0.1:22", "127.0.0.1:2"));
    assert_false(permits("127.0.0.1:22", "127.0.0.1:222"));
    assert_false(permits("127.0.0.1:22", "127.0.0.2:22"));
    assert_false(permits("web.example:80", "b.example:80"));
    assert_false(permits("web.example:80", "a.web.example:80"));
    assert_false(permits("web.example:80", "web.example.:80"));
}

static void each_target_of_several_is_allowed(void **state)
{
    (void)state;
    struct allow *a = allowing("127.0.0.1:22", "web:80");
    assert_true(asked(a, "127.0.0.1:22"));
    assert_true(asked(a, "web:80"));
    assert_false(asked(a, "web:22"));
    assert_false(asked(a, "127.0.0.1:80"));
    allow_destroy(a);
}

static void names_are_compared_without_regard_to_case(void **state)
{
    (void)state;
    assert_true(permits("Web.Example:80", "wEB.eXAMPLE:80"));
    assert_true(permits("web_1:80", "WEB_1:80"));
    assert_false(permits("web_1:80", "web\x7f"
                                     "1:80"));
}

static void an_ipv6_address_is_the_same_however_it_is_written(void **state)
{
    (void)state;
    assert_true(permits("[::1]:22", "[0:0::1]:22"));
    assert_true(permits("[0:0:0:0:0:0:0:1]:22", "[::1]:22"));
    assert_true(permits("[2001:DB8::A]:22", "[2001:db8:0:0::a]:22"));
    assert_false(permits("[::1]:22", "[::2]:22"));
}

static void one_address_does_not_stand_for_another(void **state)
{
    (void)state;
    assert_false(permits("localhost:22", "127.0.0.1:22"));
    assert_false(permits("127.0.0.1:22", "localhost:22"));
    assert_false(permits("127.0.0.1:22", "[::1]:22"));
    assert_false(permits("127.0.0.1:22", "[::ffff:127.0.0.1]:22"));
    assert_false(permits("127.0.0.1:22", "[127.0.0.1]:22"));
}

static void a_star_stands_for_any_host_or_any_port(void **state)
{
    (void)state;
    assert_true(permits("*:80", "web:80"));
    assert_true(permits("*:80", "127.0.0.1:80"));
    assert_true(permits("*:80", "[::1]:80"));
    assert_false(permits("*:80", "web:81"));
    assert_true(permits("web:*", "web:1"));
    assert_true(permits("web:*", "web:65535"));
    assert_false(permits("web:*", "wex:1"));
    assert_true(permits("[::1]:*", "[::1]:5"));
    assert_true(permits("*:*", "anything:9"));
}

static void a_star_in_a_request_is_no_target(void **state)
{
    (void)state;
    assert_false(permits("*:*", "*:80"));
    assert_false(permits("*:*", "web:*"));
    assert_false(permits("*:*", "*:*"));
    assert_false(permits("*:*", "[*]:80"));
}

static void a_path_is_allowed_as_it_is_written(void **state)
{
    (void)state;
    assert_true(permits("/run/docker.sock", "/run/docker.sock"));
    assert_false(permits("/run/docker.sock", "/run/docker.soc"));
    assert_false(permits("/run/docker.sock", "/run/docker.sock2"));
    assert_false(permits("/run/docker.sock", "/run//docker.sock"));
    assert_false(permits("/run/docker.sock", "/run/./docker.sock"));
    assert_false(permits("/run/docker.sock", "/run/x/../docker.sock"));
    assert_false(permits("/run/docker.sock", "/RUN/docker.sock"));
    assert_false(permits("/run/docker.sock", "docker.sock:80"));
}

static void no_star_stands_for_a_path(void **state)
{
    (void)state;
    assert_false(permits("*:*", "/run/docker.sock"));
    assert_false(permits("/*", "/run"));
    assert_false(permits("/run/*", "/run/docker.sock"));
}

/* "wire -> text", or "-" */
static void check_wire(const char *wire, const char *expected)
{
    struct authority a;
    char text[AUTHORITY_TEXT_MAX] = "-", again[AUTHORITY_WIRE_MAX];
    struct authority back;
    if (authority_from_wire(&a, wire) == HX_OK) {
        authority_format(&a, text);
        authority_to_wire(&a, again);
        assert_int_equal(authority_from_wire(&back, again), HX_OK);
        assert_true(authority_matches(&a, &back));
    }
    assert_string_equal(text, expected);
}

static void a_connect_names_a_path_percent_encoded(void **state)
{
    struct authority a;
    char wire[AUTHORITY_WIRE_MAX];
    (void)state;
    check_wire("%2Frun%2Fdocker.sock", "/run/docker.sock");
    check_wire("%2frun%2fa%20b%3A%25", "/run/a b:%");
    check_wire("web:80", "web:80");
    check_wire("[0::1]:80", "[::1]:80");
    check_wire("/run/docker.sock", "-");
    check_wire("%2Frun%00", "-");
    check_wire("%2Frun%2", "-");
    check_wire("%41:80", "-");
    check_wire("", "-");
    char *path = repeated('\xff', AUTHORITY_PATH_MAX + 1);
    path[0] = '/';
    assert_int_equal(authority_from_path(&a, path), HX_EINVAL);
    path[AUTHORITY_PATH_MAX] = '\0';
    assert_int_equal(authority_from_path(&a, path), HX_OK);
    assert_int_equal(authority_to_wire(&a, wire), 3 * AUTHORITY_PATH_MAX);
    check_wire(wire, path);
    free(path);
    path = repeated('a', 5000);
    path[0] = '%';
    check_wire(path, "-");
    memcpy(path, "%2F", 3);
    check_wire(path, "-");
    free(path);
}

static void what_is_no_target_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        "web",
        "web:",
        ":80",
        "web:0",
        "web:65536",
        "web:080",
        "web:+1",
        "web: 80",
        "web:80 ",
        " web:80",
        "web:8a",
        "web:99999999999",
        "web:-1",
        "we b:80",
        "web/:80",
        "u@web:80",
        "we%62:80",
        "[::1:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1]]:80",
        "[[::1]]:80",
        "[]:80",
        "[web]:80",
        "[127.0.0.1]:80",
        "[::1%lo]:80",
        ".web:80",
        "a..b:80",
        "-web:80",
        "w*b:80",
        "*.web:80",
        "web:80:90",
        "web\n:80",
        "\xc3\xa4:80",
        "a,b:80",
        "http://a:80",
        "127.0.0.1:80/",
        "w\te:80",
        "[::g]:80",
    };
    (void)state;
    struct allow *a = allowing(NULL, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (allow_add(a, texts[i]) != HX_EINVAL)
            fail_msg("taken as a target: %s", texts[i]);
        if (permits("*:*", texts[i]))
            fail_msg("permitted: %s", texts[i]);
    }
    allow_destroy(a);
}

/* inet_aton(), which resolvers ask first, would take each of them for 127.0.0.1 or another address. */
static void numbers_that_are_no_dotted_quad_are_refused(void **state)
{
    static const char *const texts[] = {"127.1:22",      "2130706433:22", "0x7f000001:22", "0X7F.1:22",
                                        "127.0.0.01:22", "0177.0.0.1:22", "127.0.0.1.:22", "1.2.3.4.5:22",
                                        "256.1.1.1:22",  "web.1:22",      "0x:22",         "7:22"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (permits("*:*", texts[i]))
            fail_msg("permitted: %s", texts[i]);
    }
    assert_true(permits("*:*", "web1:22"));
    assert_true(permits("*:*", "1.web:22"));
    assert_true(permits("*:*", "x0x1:22"));
    assert_true(permits("*:*", "3com.example:22"));
}

static void names_have_255_bytes_at_most(void **state)
{
    (void)state;
    for (size_t len = 254; len <= 257; len++) {
        char *name = repeated('a', len);
        char authority[300];
        snprintf(authority, sizeof authority, "%s:80", name);
        assert_int_equal(permits("*:*", authority), len <= AUTHORITY_HOST_MAX);
        free(name);
    }
}

static void there_are_at_most_256_targets(void **state)
{
    char target[32];
    (void)state;
    struct allow *a = allowing(NULL, NULL);
    for (int i = 1; i <= PATTERNS_MAX; i++) {
        snprintf(target, sizeof target, "web:%d", i);
        assert_int_equal(allow_add(a, target), HX_OK);
    }
    assert_int_equal(allow_add(a, "web:9999"), HX_ELIMIT);
    assert_true(asked(a, "web:1"));
    assert_true(asked(a, "web:256"));
    assert_false(asked(a, "web:9999"));
    allow_destroy(a);
}

static void what_is_parsed_is_formatted_as_one_text(void **state)
{
    static const char *const texts[][2] = {{"WEB:80", "web:80"},
                                           {"192.0.2.1:65535", "192.0.2.1:65535"},
                                           {"[0:0::1]:1", "[::1]:1"},
                                           {"[::FFFF:127.0.0.1]:1", "[::ffff:127.0.0.1]:1"}};
    struct authority a, again;
    char text[AUTHORITY_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(authority_parse(&a, texts[i][0]), HX_OK);
        assert_int_equal(authority_format(&a, text), strlen(texts[i][1]));
        assert_string_equal(text, texts[i][1]);
        assert_int_equal(authority_parse(&again, text), HX_OK);
        assert_true(authority_matches(&a, &again));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allowed_unless_it_was_named),
        cmocka_unit_test(host_and_port_must_both_match),
        cmocka_unit_test(each_target_of_several_is_allowed),
        cmocka_unit_test(names_are_compared_without_regard_to_case),
        cmocka_unit_test(an_ipv6_address_is_the_same_however_it_is_written),
        cmocka_unit_test(one_address_does_not_stand_for_another),
        cmocka_unit_test(a_star_stands_for_any_host_or_any_port),
        cmocka_unit_test(a_star_in_a_request_is_no_target),
        cmocka_unit_test(a_path_is_allowed_as_it_is_written),
        cmocka_unit_test(no_star_stands_for_a_path),
        cmocka_unit_test(a_connect_names_a_path_percent_encoded),
        cmocka_unit_test(what_is_no_target_is_refused),
        cmocka_unit_test(numbers_that_are_no_dotted_quad_are_refused),
        cmocka_unit_test(names_have_255_bytes_at_most),
        cmocka_unit_test(there_are_at_most_256_targets),
        cmocka_unit_test(what_is_parsed_is_formatted_as_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
