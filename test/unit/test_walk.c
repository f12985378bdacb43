/* client/files/walk: a directory that breaks while it is read is not whole. The linker takes
 * this file's readdir(). */
#include "client/files/walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

static int breaks_at; /* the call that fails; 0: none does */
static int calls;

struct dirent *readdir(DIR *dir)
{
    static struct dirent names[2] = {{.d_name = "below"}, {.d_name = "file"}};

    (void)dir;
    calls++;
    if (calls == breaks_at) {
        errno = EIO;
        return NULL;
    }
    return calls == 1 ? &names[0] : calls == 2 ? &names[1] : NULL;
}

/* Of "below/file" in a directory of its own: what is told, as letters and paths. */
static void walk_all(char told[64])
{
    char top[] = "/tmp/hx_walk_XXXXXX";
    char below[64];

    assert_non_null(mkdtemp(top));
    snprintf(below, sizeof below, "%s/below", top);
    assert_int_equal(mkdir(below, 0700), 0);
    told[0] = '\0';
    calls = 0;
    struct walk *w;
    assert_int_equal(walk_create(&w, open(top, O_RDONLY | O_DIRECTORY)), HX_OK);
    struct file_entry e;
    while (walk_next(w, &e) == HX_OK)
        snprintf(told + strlen(told), 64 - strlen(told), "%c:%s ", e.type, e.path);
    walk_destroy(w);
    rmdir(below);
    rmdir(top);
}

static void a_directory_that_breaks_is_told_as_one_that_is_skipped(void **state)
{
    char told[64];

    (void)state;
    breaks_at = 0;
    walk_all(told);
    assert_string_equal(told, "d:below s:below/file ");
    breaks_at = 3;
    walk_all(told);
    assert_string_equal(told, "d:below s:below/file s:below ");
}

static void so_is_the_top(void **state)
{
    char told[64];

    (void)state;
    breaks_at = 1;
    walk_all(told);
    assert_string_equal(told, "s: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_that_breaks_is_told_as_one_that_is_skipped),
        cmocka_unit_test(so_is_the_top),
    };

    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
