/* udtcurl's --write-out. */
#include "base/buf.h"
#include "base/error.h"
#include "test/udtcurl/format.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct report sample(void)
{
    struct report r = {.status = 200,
                       .exit_code = 22,
                       .num_connects = 1,
                       .size_download = 12345678901,
                       .connect_us = 1234,
                       .starttransfer_us = 1000001,
                       .total_us = 61500000,
                       .url = "udt://h/",
                       .content_type = "text/plain",
                       .error_message = "oops"};
    assert_int_equal(endpoint_parse(&r.local, "192.0.2.1:5000", 14), HX_OK);
    assert_int_equal(endpoint_parse(&r.remote, "[2001:db8::1]:7000", 18), HX_OK);
    return r;
}

static void check_with(const struct report *r, const char *format, const char *expected, const char *warning)
{
    struct buf out, warnings;
    buf_init(&out, 0);
    buf_init(&warnings, 0);
    assert_int_equal(format_report(&out, &warnings, format, r), HX_OK);
    assert_int_equal(buf_append(&out, "", 1), HX_OK);
    assert_int_equal(buf_append(&warnings, "", 1), HX_OK);
    assert_string_equal(buf_data(&out), expected);
    assert_string_equal(buf_data(&warnings), warning);
    buf_free(&out);
    buf_free(&warnings);
}

static void check(const char *format, const char *expected)
{
    struct report r = sample();
    check_with(&r, format, expected, "");
}

static void every_variable_has_its_value(void **state)
{
    (void)state;
    check("%{http_code} %{response_code} %{exitcode} %{errormsg}", "200 200 22 oops");
    check("%{num_connects} %{size_download}", "1 12345678901");
    check("%{time_connect} %{time_starttransfer} %{time_total}", "0.001234 1.000001 61.500000");
    check("%{local_ip} %{local_port} %{remote_ip} %{remote_port}", "192.0.2.1 5000 2001:db8::1 7000");
    check("%{url_effective} %{content_type}", "udt://h/ text/plain");
}

static void what_is_not_known_is_empty_or_zero(void **state)
{
    struct report r = {.url = "", .content_type = "", .error_message = ""};
    (void)state;
    check_with(&r, "%{http_code}|%{local_ip}|%{local_port}|%{remote_ip}|%{content_type}|%{time_total}",
               "000||0|||0.000000", "");
}

static void escapes_and_percent_signs_are_expanded(void **state)
{
    (void)state;
    check("a\\nb\\tc\\rd\\\\e\\", "a\nb\tc\rd\\\\e\\");
    check("100%% %%{http_code} 5% %", "100% %{http_code} 5% %");
    check("%{http_code", "%{http_code");
    check("", "");
}

static void an_unknown_variable_is_left_out_and_named(void **state)
{
    struct report r = sample();
    (void)state;
    check_with(&r, "<%{bogus}%{http_codes}%{}>", "<>",
               "unknown --write-out variable: 'bogus'\nunknown --write-out variable: 'http_codes'\n"
               "unknown --write-out variable: ''\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variable_has_its_value),
        cmocka_unit_test(what_is_not_known_is_empty_or_zero),
        cmocka_unit_test(escapes_and_percent_signs_are_expanded),
        cmocka_unit_test(an_unknown_variable_is_left_out_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
