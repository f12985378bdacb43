/* Nothing that a terminal obeys or hides leaves as it came. The locale of this test is C.UTF-8. */
#include "base/printable.h"
#include "client/forward/say.h"
#include "test/unit/cuts.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

static void check_name(const char *name, const char *expected)
{
    char out[256];

    size_t len = printable_name(out, sizeof out, name);
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

/* As ls(1) of coreutils 9.1 does, but for format characters, which it lets pass. */
static void names_are_quoted_as_ls_does(void **state)
{
    (void)state;
    check_name("plain-name_1.tar,v@x+y%41:", "plain-name_1.tar,v@x+y%41:");
    check_name("", "''");
    check_name("a b", "'a b'");
    check_name("it's", "\"it's\"");
    check_name("a'b$c", "'a'\\''b$c'");
    check_name("\"q'", "'\"q'\\'''");
    check_name("a\nb", "'a'$'\\n''b'");
    check_name("\x1b[1A\r", "''$'\\033''[1A'$'\\r'");
    check_name("\x01\x02\x7f", "''$'\\001\\002\\177'");
    check_name("~root", "'~root'");
    check_name("a~b", "a~b");
    check_name("#h", "'#h'");
    check_name("a#h", "a#h");
    check_name("{", "'{'");
    check_name("a{b}", "a{b}");
    check_name("a?", "'a?'");
    check_name("back\\slash", "'back\\slash'");
    check_name("-rf", "-rf");
    check_name("\xff\xfe", "''$'\\377\\376'");
    check_name("\xc3\xa4\xe5\xb1\xb1", "\xc3\xa4\xe5\xb1\xb1");
    check_name("\xe2\x80\xaegpj.exe", "''$'\\342\\200\\256''gpj.exe'"); /* U+202E: what follows turns round */
}

static void text_shows_what_a_terminal_would_obey_or_hide(void **state)
{
    static const char *const evil[] = {"\x1b[2J",
                                       "\x9b[m",
                                       "\xc2\x9b[m",
                                       "\r",
                                       "\n",
                                       "\b",
                                       "\x7f",
                                       "\xe2\x80\x8b",
                                       "\xe2\x80\x8f",
                                       "\xe2\x80\xa8",
                                       "\xe2\x81\xa6",
                                       "\xef\xbb\xbf",
                                       "\xd8\x9c",
                                       "\xf3\xa0\x81\x81",
                                       "\xc2\xad",
                                       "\xed\xa0\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xe3\x85\xa4"};
    char text[64];
    char out[256];

    (void)state;
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        snprintf(text, sizeof text, "a%sb", evil[i]);
        printable_text(out, sizeof out, text);
        assert_true(out[0] == 'a' && out[1] == '\\' && strchr(out, 'b'));
        for (const char *c = out; *c; c++)
            assert_in_range((unsigned char)*c, ' ', '~');
        printable_name(out, sizeof out, text);
        for (const char *c = out; *c; c++)
            assert_in_range((unsigned char)*c, ' ', '~');
    }
    printable_text(out, sizeof out, "nothing 'wrong' \\ with \xc3\xa4");
    assert_string_equal(out, "nothing 'wrong' \\ with \xc3\xa4");
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
    static const char evil[] = "\xe5\xb1\xb1\n\xe5\xb1\xb1'\x1b"
                               "abc\xff\xe2\x80\xae";
    char *out = malloc(sizeof evil * PRINTABLE_TIMES + 3);

    (void)state;
    assert_non_null(out);
    for (size_t size = 1; size < sizeof evil * PRINTABLE_TIMES + 3; size++) {
        char *exact = malloc(size); /* one byte further would be seen */
        assert_non_null(exact);
        assert_true(printable_text(exact, size, evil) < size);
        assert_true(printable_name(exact, size, evil) < size);
        free(exact);
    }
    printable_name(out, 16, "abcdefghijklmnopqrstuvwxyz");
    assert_string_equal(out, "abcdefghijk...");
    printable_name(out, 20, "a b c d e f g h i j k l");
    assert_string_equal(out, "'a b c d e f g '...");
    free(out);
}

static void the_end_of_a_name_fits_into_columns(void **state)
{
    (void)state;
    assert_int_equal(printable_columns("abc"), 3);
    assert_int_equal(printable_columns("\xe5\xb1\xb1"), 2);
    assert_string_equal(printable_tail("abc", 3), "abc");
    assert_string_equal(printable_tail("abc", 2), "bc");
    assert_string_equal(printable_tail("\xe5\xb1\xb1\xe5\xb1\xb1", 3), "\xe5\xb1\xb1");
    assert_string_equal(printable_tail("abc", 0), "");
    assert_string_equal(printable_tail("e\xcc\x81", -1), "");
}

static void said(char *out, size_t size, int fd)
{
    ssize_t got = read(fd, out, size - 1);

    assert_true(got > 0);
    out[got] = '\0';
}

static void whatever_is_said_is_one_line_that_harms_no_terminal(void **state)
{
    int fds[2];
    char out[8192];
    char many[6000];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int before = dup(STDERR_FILENO);
    assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    say_error("nameserver S: %s", "no\r\n\x1b]0;owned\x07hx: all is well");
    said(out, sizeof out, fds[0]);
    assert_string_equal(out, "hx: nameserver S: no\\r\\n\\033]0;owned\\ahx: all is well\n");
    memset(many, '\n', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    say_always("%s", many);
    said(out, sizeof out, fds[0]);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    say_init(true, false);
    for (int i = 0; i < 1000; i++)
        say_often(SAY_REQUEST, "again");
    say_always("end");
    said(out, sizeof out, fds[0]);
    dup2(before, STDERR_FILENO);
    close(before);
    close(fds[0]);
    close(fds[1]);
    size_t lines = 0;
    for (const char *c = out; *c; c++)
        lines += *c == '\n';
    assert_in_range(lines, SAY_OFTEN + 1,
                    5 * SAY_OFTEN); /* some more on a machine that takes seconds for it */
    assert_non_null(strstr(out, "end\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_quoted_as_ls_does),
        cmocka_unit_test(text_shows_what_a_terminal_would_obey_or_hide),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(the_end_of_a_name_fits_into_columns),
        cmocka_unit_test(whatever_is_said_is_one_line_that_harms_no_terminal),
    };

    setenv("LC_ALL", "C.UTF-8", 1);
    return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
