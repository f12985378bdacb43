/* base/write_aside: files that are there whole or not at all. */
#include "base/write_aside.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

static char base[64], path[PATH_MAX], made[PATH_MAX];

static int begin(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/hx-aside.XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(path, sizeof path, "%s/a/b/file", base);
    return 0;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command);
}

static mode_t mode_of(const char *file)
{
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    return st.st_mode & 07777;
}

static void missing_directories_are_made_for_their_owner_alone(void **state)
{
    char above[PATH_MAX];
    (void)state;
    assert_true(write_aside_parents(path, made));
    assert_true(write_aside_parents(path, made)); /* they are there */
    snprintf(above, sizeof above, "%s/a/b", base);
    assert_int_equal(mode_of(above), 0700);
    assert_int_equal(access(path, F_OK), -1);
}

static void what_cannot_be_made_is_named(void **state)
{
    (void)state;
    assert_true(write_aside_parents(path, made));
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    strncat(path, "/c/d", sizeof path - strlen(path) - 1);
    assert_false(write_aside_parents(path, made));
    assert_int_equal(errno, ENOTDIR);
    assert_string_equal(strrchr(made, '/'), "/c");
}

static void all_pieces_are_in_a_file_beside_it(void **state)
{
    const struct iovec pieces[] = {{"one, ", 5}, {"", 0}, {"two", 3}};
    char text[16] = "";
    (void)state;
    for (int sync = 0; sync <= 1; sync++) {
        assert_true(write_aside_parents(path, made));
        assert_true(write_aside(made, path, pieces, 3, sync));
        assert_memory_equal(made, path, strlen(path));
        assert_int_equal(mode_of(made), 0600);
        int fd = open(made, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, text, sizeof text), 8);
        assert_memory_equal(text, "one, two", 8);
        close(fd);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void what_cannot_be_written_says_why(void **state)
{
    static char longer[PATH_MAX];
    const struct iovec piece = {"x", 1};
    (void)state;
    assert_false(write_aside(made, path, &piece, 1, false));
    assert_int_equal(errno, ENOENT);
    memset(longer, 'x', sizeof longer - 1);
    assert_false(write_aside(made, longer, &piece, 1, false));
    assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing_directories_are_made_for_their_owner_alone, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_made_is_named, begin, end),
        cmocka_unit_test_setup_teardown(all_pieces_are_in_a_file_beside_it, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_says_why, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
