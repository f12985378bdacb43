#include "client/tool/coming.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct coming coming;
static char top[] = "/tmp/hx-coming.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    strcpy(top, "/tmp/hx-coming.XXXXXX");
    assert_non_null(mkdtemp(top));
    coming = (struct coming){.root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    return coming.root < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    close(coming.root);
    snprintf(command, sizeof command, "rm -r %s", top);
    return system(command); /* NOLINT(cert-env33-c): a path that we made */
}

static void add(char type, int64_t size, const char *path)
{
    const struct file_entry e = {.type = type, .size = size, .mtime_ns = 1000000000, .path = path};
    coming_add(&coming, &e);
}

/* A file of that size and time in seconds is here. */
static void put(const char *name, int64_t size, time_t time)
{
    struct timespec times[2] = {{.tv_sec = time}, {.tv_sec = time}};
    int dir = open(top, O_RDONLY | O_DIRECTORY);
    int fd = openat(dir, name, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
    close(dir);
}

/* What coming_say() writes on standard error. */
static const char *said(const char *from)
{
    static char text[65536];
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    coming_say(&coming, from);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void names_at_the_top_are_told_with_what_is_in_them(void **state)
{
    (void)state;
    add('f', 3000000, "a.jpg");
    add('d', 0, "pics");
    add('f', 10, "pics/x");
    add('d', 0, "pics/sub");
    add('f', 5, "pics/sub/y");
    add('d', 0, "empty");
    assert_string_equal(said("somebody"), "somebody offers 3 files, 3.0 MB:\n"
                                          "  a.jpg  3.0 MB\n"
                                          "  pics/  2 files, 15 B\n"
                                          "  empty/  0 files, 0 B\n");
}

static void what_a_terminal_would_obey_is_shown(void **state)
{
    (void)state;
    add('f', 1, "a\033[31m\n\xe2\x80\xae.jpg");
    const char *text = said("somebody");
    assert_null(strchr(text, '\033'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_non_null(strstr(text, "'a'$'\\033'"));
}

static void a_million_names_take_a_few_lines_and_hidden_ones_are_counted(void **state)
{
    char name[32];
    int lines = 0;
    (void)state;
    for (int i = 0; i < 1000000; i++) {
        snprintf(name, sizeof name, "%s%d", i % 1000 == 999 ? "." : "", i);
        add('f', 1, name);
    }
    assert_int_equal(coming.files, 1000000);
    const char *text = said("somebody");
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 2 + COMING_SHOWN);
    assert_non_null(strstr(text, "  and 999980 more, 1000 of them hidden (they begin with '.')\n"));
}

static void what_would_be_replaced_is_told_unless_it_is_an_earlier_copy(void **state)
{
    (void)state;
    put("same", 5, 1);
    put("longer", 6, 1);
    put("later", 5, 2);
    add('f', 5, "same");
    add('f', 5, "longer");
    add('f', 5, "later");
    add('f', 5, "new");
    assert_int_equal(coming.replaced, 2);
    const char *text = said("somebody");
    assert_non_null(strstr(text, "2 of them would replace what is here with another size or time:\n"
                                 "  longer\n  later\n"));
    coming_add(&coming, NULL); /* told anew */
    assert_int_equal(coming.replaced, 0);
    assert_int_equal(coming.files, 0);
    assert_int_equal(coming.tops, 0);
}

static void many_that_would_be_replaced_are_counted(void **state)
{
    char name[32];
    (void)state;
    for (int i = 0; i < 3 * COMING_REPLACED; i++) {
        snprintf(name, sizeof name, "f%d", i);
        put(name, 1, 5);
        add('f', 7, name);
    }
    assert_int_equal(coming.replaced, 3 * COMING_REPLACED);
    assert_non_null(strstr(said("somebody"), "  f4\n  and 10 more\n"));
}

static void nothing_can_be_replaced_where_there_is_no_directory_yet(void **state)
{
    int root = coming.root;
    (void)state;
    put("f", 1, 5);
    coming.root = -1;
    add('f', 7, "f");
    assert_int_equal(coming.replaced, 0);
    coming.root = root;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_at_the_top_are_told_with_what_is_in_them),
        TEST(what_a_terminal_would_obey_is_shown),
        TEST(a_million_names_take_a_few_lines_and_hidden_ones_are_counted),
        TEST(what_would_be_replaced_is_told_unless_it_is_an_earlier_copy),
        TEST(many_that_would_be_replaced_are_counted),
        TEST(nothing_can_be_replaced_where_there_is_no_directory_yet),
    };
    return cmocka_run_group_tests_name("coming", tests, NULL, NULL);
}
