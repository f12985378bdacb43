/* Who may ask the admin listener, what JSON it writes, and how its loop is measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/admin/access.h"
#include "server/admin/admin_state.h"
#include "server/admin/json.h"
#include "server/admin_address.h"
#include "server/loop_times.h"
#include <stdio.h>
#include <string.h>

#define TOKEN "0123456789abcdef"

static void addresses_are_paths_or_have_a_port(void **state)
{
    static const char *const good[] = {"127.0.0.1:7080", "[::1]:7080", ":0", "/run/x", "192.0.2.1:1"};
    static const char *const bad[] = {"",          "127.0.0.1", "::1",         "[::1]",
                                      "[::1]7080", "run/x",     "localhost:1", "1:2:3"};
    static const bool local[] = {true, true, false, true, false};
    struct admin_address a;
    char path[ADMIN_PATH_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(admin_address_parse(&a, good[i]), HX_OK);
        assert_int_equal(admin_address_local(&a), local[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(admin_address_parse(&a, bad[i]), HX_EINVAL);
    memset(path, 'x', ADMIN_PATH_MAX);
    path[0] = '/';
    path[ADMIN_PATH_MAX] = '\0';
    assert_int_equal(admin_address_parse(&a, path), HX_EINVAL);
    path[ADMIN_PATH_MAX - 1] = '\0';
    assert_int_equal(admin_address_parse(&a, path), HX_OK);
}

static enum access_answer asks(const struct access *a, const char *authorization, const char *cookie,
                               const char *host, const char *origin, bool changes)
{
    const struct access_request r = {
        .authorization = authorization, .cookie = cookie, .host = host, .origin = origin};

    return access_check(a, &r, changes);
}

static void without_a_token_loopback_names_alone_are_answered(void **state)
{
    static const char *const good[] = {"localhost", "localhost:7080", "127.0.0.1:7080",
                                       "127.9.9.9", "[::1]:7080",     "LOCALHOST:1"};
    static const char *const bad[] = {"evil.example",
                                      "evil.example:7080",
                                      "localhost.evil.example",
                                      "127.0.0.1.nip.io",
                                      "192.0.2.1:7080",
                                      "[::2]:7080",
                                      "",
                                      "[",
                                      "0.0.0.0"};
    struct access a = {.token = false};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(asks(&a, NULL, NULL, good[i], NULL, false), ACCESS_GRANTED);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(asks(&a, NULL, NULL, bad[i], NULL, false), ACCESS_STRANGE_HOST);
    assert_int_equal(asks(&a, NULL, NULL, NULL, NULL, false), ACCESS_GRANTED); /* HTTP/1.0 */
}

static void a_page_of_another_site_changes_nothing(void **state)
{
    struct access a = {.token = false};

    (void)state;
    assert_int_equal(asks(&a, NULL, NULL, "localhost:1", "http://localhost:1", true), ACCESS_GRANTED);
    assert_int_equal(asks(&a, NULL, NULL, "localhost:1", "http://localhost:2", true), ACCESS_STRANGE_ORIGIN);
    assert_int_equal(asks(&a, NULL, NULL, "localhost:1", "null", true), ACCESS_STRANGE_ORIGIN);
    assert_int_equal(asks(&a, NULL, NULL, "localhost:1", "https://evil.example", true),
                     ACCESS_STRANGE_ORIGIN);
    assert_int_equal(asks(&a, NULL, NULL, "localhost:1", NULL, true), ACCESS_GRANTED); /* no browser */
    assert_int_equal(asks(&a, NULL, NULL, NULL, "http://x", true), ACCESS_STRANGE_ORIGIN);
}

static void with_a_token_it_or_its_cookie_is_needed(void **state)
{
    struct access a = {.token = false}, again = {.token = false};

    (void)state;
    assert_int_equal(access_set_token(&a, TOKEN), HX_OK);
    assert_int_equal(asks(&a, "Bearer " TOKEN, NULL, "any.example", NULL, false), ACCESS_GRANTED);
    assert_int_equal(asks(&a, "bearer  " TOKEN, NULL, NULL, NULL, true), ACCESS_GRANTED);
    assert_int_equal(asks(&a, NULL, a.cookie, "any.example", NULL, false), ACCESS_GRANTED);
    assert_int_equal(asks(&a, NULL, a.cookie, "any.example", "http://evil.example", true),
                     ACCESS_STRANGE_ORIGIN);
    assert_int_equal(asks(&a, NULL, NULL, "localhost", NULL, false), ACCESS_NO_TOKEN);
    assert_int_equal(asks(&a, "Bearer " TOKEN "0", NULL, NULL, NULL, false), ACCESS_NO_TOKEN);
    assert_int_equal(asks(&a, "Bearer", NULL, NULL, NULL, false), ACCESS_NO_TOKEN);
    assert_int_equal(asks(&a, "Basic " TOKEN, NULL, NULL, NULL, false), ACCESS_NO_TOKEN);
    assert_int_equal(asks(&a, NULL, TOKEN, NULL, NULL, false), ACCESS_NO_TOKEN);
    assert_int_equal(asks(&a, NULL, "", NULL, NULL, false), ACCESS_NO_TOKEN);
    assert_int_equal(access_set_token(&again, TOKEN), HX_OK); /* after a restart */
    assert_string_equal(a.cookie, again.cookie);
    assert_null(strstr(a.cookie, TOKEN));
}

static void a_token_is_long_enough_and_printable(void **state)
{
    char most[ACCESS_TOKEN_MAX + 2];
    struct access a = {.token = false};

    (void)state;
    assert_int_equal(access_set_token(&a, "0123456789abcde"), HX_EINVAL);
    assert_int_equal(access_set_token(&a, "0123456789abcde f"), HX_EINVAL);
    assert_int_equal(access_set_token(&a, "0123456789abcde\xff"
                                          "f"),
                     HX_EINVAL);
    memset(most, 'x', sizeof most);
    most[ACCESS_TOKEN_MAX + 1] = '\0';
    assert_int_equal(access_set_token(&a, most), HX_EINVAL);
    assert_false(a.token);
    most[ACCESS_TOKEN_MAX] = '\0';
    assert_int_equal(access_set_token(&a, most), HX_OK);
}

static void json_strings_are_escaped(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    struct json j = json_begin(&b);
    json_object(&j, NULL);
    json_text(&j, "a\"", "\\\"\n\x01\x7f</script>&\xc3\xa9\xff\xe2\x82.");
    json_text(&j, "b", NULL);
    json_array(&j, "c");
    json_number(&j, NULL, INT64_MIN);
    json_object(&j, NULL);
    json_end_object(&j);
    json_bool(&j, NULL, true);
    json_real(&j, NULL, 0.25);
    json_end_array(&j);
    json_text(&j, "d", "");
    json_end_object(&j);
    assert_int_equal(j.err, HX_OK);
    assert_int_equal(buf_append(&b, "", 1), HX_OK);
    assert_string_equal(
        buf_data(&b),
        "{\"a\\u0022\":\"\\u005c\\u0022\\u000a\\u0001\\u007f\\u003c/script\\u003e\\u0026\xc3\xa9"
        "\\ufffd\\ufffd\\ufffd.\",\"b\":null,\"c\":[-9223372036854775808,{},true,0.250],\"d\":\"\"}");
    buf_free(&b);
}

static void an_error_of_the_buffer_stays(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    struct json j = json_begin(&b);
    json_text(&j, NULL, "0123456789");
    json_number(&j, NULL, 1);
    assert_int_equal(j.err, HX_ETOOBIG);
    buf_free(&b);
}

static void quantiles_of_turns_lie_within_their_class(void **state)
{
    static const struct loop_times none;
    struct loop_times before = {.us = 0}, now = {.us = 0};

    (void)state;
    assert_true(loop_times_quantile_ms(&none, &none, 0.99) == 0);
    for (int i = 0; i < 1000; i++)
        loop_times_add(&before, 900000);
    now = before;
    for (int i = 0; i < 98; i++)
        loop_times_add(&now, 20);
    loop_times_add(&now, 21);
    loop_times_add(&now, 5000000);
    assert_int_equal(now.us - before.us, 98 * 20 + 21 + 5000000);
    assert_true(loop_times_quantile_ms(&before, &now, 0.5) <= 0.020);
    assert_true(loop_times_quantile_ms(&before, &now, 0.5) > 0);
    double p99 = loop_times_quantile_ms(&before, &now, 0.99);
    assert_true(p99 > 0.020 && p99 <= 0.050);
    assert_true(loop_times_quantile_ms(&before, &now, 1) >= 1000);
    assert_int_equal(now.of[0], 98);
    assert_int_equal(loop_times_most_us(LOOP_TIMES_CLASSES - 1), INT64_MAX);
}

static void paths_lead_to_names(void **state)
{
    char name[HOST_ID_MAX + 1], longest[HOST_ID_MAX + 32];

    (void)state;
    assert_non_null(api_find("/api/names/a%@b", name));
    assert_string_equal(name, "a%@b");
    assert_ptr_not_equal(api_find("/api/names/kick", name), api_find("/api/names/kick/kick", name));
    assert_string_equal(api_find("/api/names/x/kick", name)->allow, "POST ");
    assert_string_equal(name, "x");
    assert_null(api_find("/api/names/", name));
    assert_null(api_find("/api/names//kick", name));
    assert_null(api_find("/api/names/x/", name));
    assert_null(api_find("/api/names/x/kick/kick", name));
    assert_null(api_find("/metrics/", name));
    assert_null(api_find("", name));
    snprintf(longest, sizeof longest, "/api/names/%0*d", HOST_ID_MAX, 0);
    assert_non_null(api_find(longest, name));
    assert_int_equal(strlen(name), HOST_ID_MAX);
    snprintf(longest, sizeof longest, "/api/names/%0*d", HOST_ID_MAX + 1, 0);
    assert_null(api_find(longest, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_paths_or_have_a_port),
        cmocka_unit_test(without_a_token_loopback_names_alone_are_answered),
        cmocka_unit_test(a_page_of_another_site_changes_nothing),
        cmocka_unit_test(with_a_token_it_or_its_cookie_is_needed),
        cmocka_unit_test(a_token_is_long_enough_and_printable),
        cmocka_unit_test(paths_lead_to_names),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(an_error_of_the_buffer_stays),
        cmocka_unit_test(quantiles_of_turns_lie_within_their_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
