/* What hx says on standard error: a bounded number of lines of each kind, and the rest is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/forward/say.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int reader, writer, kept;

static int begin(void **state)
{
    int fds[2];

    (void)state;
    if (pipe(fds) < 0)
        return -1;
    reader = fds[0];
    writer = fds[1];
    fcntl(reader, F_SETFL, O_NONBLOCK);
    kept = dup(STDERR_FILENO);
    say_init(true, false);
    return kept < 0 ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    close(reader);
    close(writer);
    close(kept);
    return 0;
}

/* All that has been said since the last call. */
static const char *said(void)
{
    static char text[1 << 16];
    ssize_t n = read(reader, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static int lines_with(const char *text, const char *needle)
{
    int count = 0;

    for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
        count++;
    return count;
}

/* The sum of the numbers between `before` and `behind`. */
static int numbers_between(const char *text, const char *before, const char *behind)
{
    int sum = 0;

    for (const char *at = text; (at = strstr(at, before)) != NULL; at += strlen(before))
        if (strstr(at, behind))
            sum += atoi(at + strlen(before));
    return sum;
}

static void say_to_pipe(void (*what)(void))
{
    dup2(writer, STDERR_FILENO);
    what();
    dup2(kept, STDERR_FILENO);
}

static void many_notes(void)
{
    for (int i = 0; i < 300; i++) {
        say_note("peer %d at somewhere", i);
        say_often(SAY_REQUEST, i % 2 ? "%d: echo" : "%d: pipe", i);
    }
    say_note("external address %s", "192.0.2.1:7");
    say_error("it ends");
}

static void one_note(void)
{
    say_note("peer %d at somewhere", -1);
}

/* The time that 300 of them take refills the budget a little. */
static void notes_of_one_kind_are_few_and_the_next_one_tells_how_many_were_left_out(void **state)
{
    int64_t begun_ms = clock_now_ms(), took_ms;
    int shown, left_out = 0;

    (void)state;
    say_to_pipe(many_notes);
    took_ms = clock_now_ms() - begun_ms;
    const char *text = said();
    assert_in_range(lines_with(text, "at somewhere"), SAY_OFTEN,
                    SAY_OFTEN + SAY_OFTEN * (took_ms + 1) / 1000 + 1);
    assert_in_range(lines_with(text, ": echo") + lines_with(text, ": pipe"), SAY_OFTEN,
                    SAY_OFTEN + SAY_OFTEN * (took_ms + 1) / 1000 + 1);
    assert_int_equal(lines_with(text, "external address 192.0.2.1:7\n"), 1);
    assert_int_equal(lines_with(text, "hx: it ends\n"), 1);
    shown = lines_with(text, "at somewhere");
    dup2(writer, STDERR_FILENO); /* some are told by a thread */
    one_note();
    for (int tries = 0; shown + left_out < 301 && tries < 2000; tries++) {
        usleep(10000);
        text = said();
        shown += lines_with(text, "at somewhere");
        left_out += numbers_between(text, "at somewhere (", " lines like this were left out)\n");
    }
    dup2(kept, STDERR_FILENO);
    assert_int_equal(shown + left_out, 301);
    assert_true(left_out > 0);
}

/* `line` tells of it though no further line of the kind comes. */
static void how_many_were_left_out_is_told_in_any_case(void **state)
{
    struct pollfd fd = {.fd = reader, .events = POLLIN};
    int shown = 0, left_out = 0;

    (void)state;
    dup2(writer, STDERR_FILENO);
    for (int i = 0; i < 100; i++)
        say_error_often(SAY_UNKNOWN, "refused %d", i);
    while (shown + left_out < 100) { /* another test's lines may be told, too */
        assert_int_equal(poll(&fd, 1, 20000), 1);
        const char *text = said();
        shown += lines_with(text, "hx: refused");
        left_out += numbers_between(text, "hx: refused 99 (", " lines like this were left out)\n");
    }
    dup2(kept, STDERR_FILENO);
    assert_int_equal(shown + left_out, 100);
    assert_true(left_out > 0);
}

static void nothing_is_noted_when_quiet(void **state)
{
    (void)state;
    say_init(true, true);
    say_to_pipe(many_notes);
    const char *text = said();
    assert_int_equal(lines_with(text, "hx: it ends\n"), 1);
    assert_int_equal(lines_with(text, "external address"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            notes_of_one_kind_are_few_and_the_next_one_tells_how_many_were_left_out, begin, end),
        cmocka_unit_test_setup_teardown(how_many_were_left_out_is_told_in_any_case, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_noted_when_quiet, begin, end),
    };

    return cmocka_run_group_tests_name("say", tests, NULL, NULL);
}
