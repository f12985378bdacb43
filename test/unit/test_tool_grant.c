#include "client/tool/grant.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct grant grant;
static char error[GRANT_ERROR_MAX];

static void an_entry_has_a_label_and_what_its_key_may_do(void **state)
{
    (void)state;
    assert_int_equal(
        grant_parse(&grant, "laptop:share=ro,allow=[::1]:22,allow=/run/x,allow-listen=8080,exec,echo", error),
        HX_OK);
    assert_string_equal(grant.label, "laptop");
    assert_int_equal(grant.count, 6);
    assert_int_equal(grant.whats[0].kind, GRANT_SHARE);
    assert_string_equal(grant.whats[0].value, "ro");
    assert_int_equal(grant.whats[1].kind, GRANT_ALLOW);
    assert_string_equal(grant.whats[1].value, "[::1]:22");
    assert_int_equal(grant.whats[4].kind, GRANT_EXEC);
    assert_null(grant.whats[4].value);
    assert_int_equal(grant_parse(&grant, "guest:", error), HX_OK); /* may do nothing */
    assert_int_equal(grant.count, 0);
}

static void what_is_no_entry_is_refused_with_the_reason(void **state)
{
    static const char *const bad[][2] = {{"", "label"},
                                         {"laptop", "label"},
                                         {":echo", "label"},
                                         {"two words:echo", "label"},
                                         {"a:fly", "'fly' is none of"},
                                         {"a:echo,", NULL},
                                         {"a:,echo", "'' is none of"},
                                         {"a:share", "share takes a value"},
                                         {"a:share=", "is no value of share"},
                                         {"a:exec=ls", "exec takes no value"},
                                         {"a:allow=here", "'here' is no value of allow"},
                                         {"a:allow-listen=x", "is no value of allow-listen"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int err = grant_parse(&grant, bad[i][0], error);
        assert_int_equal(err, bad[i][1] ? HX_EINVAL : HX_OK);
        if (bad[i][1] && !strstr(error, bad[i][1]))
            fail_msg("'%s': %s", bad[i][0], error);
    }
    char text[GRANT_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    text[GRANT_TEXT_MAX] = '\0';
    assert_int_equal(grant_parse(&grant, text, error), HX_EINVAL);
}

static void only_labels_of_the_keyring_are_known(void **state)
{
    static const char keys[] = "# KEY comment\nhx-a\n  hx-b\tlaptop \r\nhx-c phone";
    (void)state;
    assert_true(grant_is_label_of("laptop", keys));
    assert_true(grant_is_label_of("phone", keys));
    assert_false(grant_is_label_of("lap", keys));
    assert_false(grant_is_label_of("phones", keys));
    assert_false(grant_is_label_of("comment", keys));
    assert_false(grant_is_label_of("hx-a", keys));
    assert_false(grant_is_label_of("hx-c", keys));
    assert_false(grant_is_label_of("x", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_has_a_label_and_what_its_key_may_do),
        cmocka_unit_test(what_is_no_entry_is_refused_with_the_reason),
        cmocka_unit_test(only_labels_of_the_keyring_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
