#include "client/run/escape.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What passes of `in`, typed at once or byte by byte. */
static void check(const char *in, const char *out, bool leaves)
{
    for (size_t step = 1; step <= strlen(in); step += strlen(in) > 1 ? strlen(in) - 1 : 1) {
        struct escape e = {0};
        char passed[64];
        size_t len = 0;
        bool leave = false;
        for (size_t i = 0; i < strlen(in) && !leave; i += step) {
            size_t n = strlen(in) - i < step ? strlen(in) - i : step;
            len += escape_filter(&e, passed + len, in + i, n, &leave);
        }
        assert_int_equal(leave, leaves);
        assert_int_equal(len, strlen(out));
        assert_memory_equal(passed, out, len);
    }
}

static void a_tilde_and_a_dot_at_the_beginning_of_a_line_leave(void **state)
{
    (void)state;
    check("~.", "", true);
    check("ls\r~.more", "ls\r", true);
    check("ls\n~.", "ls\n", true);
}

static void anywhere_else_they_are_what_they_are(void **state)
{
    (void)state;
    check("a~.", "a~.", false);
    check("cd ~/.x\r", "cd ~/.x\r", false);
    check("~/x", "~/x", false);
    check("\r~\r~a.", "\r~\r~a.", false);
}

static void two_tildes_are_one(void **state)
{
    (void)state;
    check("~~.", "~.", false);
    check("~~~.", "~~.", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tilde_and_a_dot_at_the_beginning_of_a_line_leave),
        cmocka_unit_test(anywhere_else_they_are_what_they_are),
        cmocka_unit_test(two_tildes_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
