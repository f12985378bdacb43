#include "client/tool/keyfile.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Two keys whose checksums are right: hx_key_generate() made them for nobody. */
#define KEY   "hx-eq32-e6kt-sr7c-53xf-fhpp-vbi2-bn7h-mmy4-a7cv"
#define OTHER "hx-qj3x-lvd3-x4dn-k7tn-w4h6-reki-fxrv-qsw5-7orp"

static char home[64];
static char error[KEYFILE_ERROR_MAX];
static struct args args; /* nothing given */

static int begin(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/hx-keyfile.XXXXXX");
    if (!mkdtemp(home))
        return -1;
    setenv("HOME", home, 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("HX_KEY");
    args = (struct args){0};
    error[0] = '\0';
    return 0;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command);
}

static const char *inside(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

static const char *put(const char *name, const char *text, mode_t mode)
{
    const char *path = inside(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void holds(const char *path, const char *expected)
{
    char *text = NULL;
    assert_int_equal(keyfile_read(&text, path, error), HX_OK);
    assert_string_equal(text, expected);
    keyfile_wipe(text);
}

static void loads(const char *expected)
{
    char *text = keyfile_load(&args, error);
    assert_non_null(text);
    assert_string_equal(text, expected);
    keyfile_wipe(text);
}

static void the_file_that_is_given_wins_over_the_environment(void **state)
{
    (void)state;
    args.key_file = put("given", KEY "\n", 0600);
    setenv("HX_KEY", OTHER, 1);
    loads(KEY "\n");
}

static void the_environment_wins_over_the_default_file(void **state)
{
    (void)state;
    assert_int_equal(keyfile_create(inside(".config/hx/key"), KEY "\n", error), HX_OK);
    loads(KEY "\n");
    setenv("HX_KEY", OTHER, 1);
    loads(OTHER);
}

static void the_key_leaves_the_environment_when_it_is_read(void **state)
{
    (void)state;
    char variable[] = "HX_KEY=" KEY;
    putenv(variable);
    loads(KEY);
    assert_null(getenv("HX_KEY"));
    for (size_t i = strlen("HX_KEY="); i < sizeof variable; i++)
        assert_int_equal(variable[i], 0);
}

static void an_empty_variable_is_none(void **state)
{
    (void)state;
    setenv("HX_KEY", "", 1);
    assert_null(keyfile_load(&args, error));
    assert_non_null(strstr(error, "there is no key yet"));
}

static void without_any_key_the_error_says_how_to_get_one(void **state)
{
    (void)state;
    assert_null(keyfile_load(&args, error));
    assert_non_null(strstr(error, "`hx key`"));
    assert_non_null(strstr(error, "--set"));
}

static void a_given_file_that_is_missing_is_named(void **state)
{
    (void)state;
    setenv("HX_KEY", "", 1);
    args.key_file = "/nonexistent/k";
    assert_null(keyfile_load(&args, error));
    assert_non_null(strstr(error, "/nonexistent/k"));
}

static void a_mistyped_key_is_told_with_its_line(void **state)
{
    (void)state;
    args.key_file =
        put("typed", "# ours\n" KEY "\nhx-eq32-e6kt-sr7c-53xf-fhpp-vbi2-bn7h-mmy4-a7cw bob\n", 0600);
    assert_null(keyfile_load(&args, error));
    assert_non_null(strstr(error, "typed, line 3"));
    assert_null(strstr(error, "bn7h")); /* a key that is almost right is a secret, too */
    args.key_file = NULL;
    setenv("HX_KEY", "words", 1);
    assert_null(keyfile_load(&args, error));
    assert_non_null(strstr(error, "$HX_KEY, line 1"));
}

static void a_file_without_a_key_is_refused(void **state)
{
    (void)state;
    args.key_file = put("empty", "# none\n\n", 0600);
    assert_null(keyfile_load(&args, error));
    assert_non_null(strstr(error, "holds no key"));
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    static const mode_t bad[] = {0640, 0604, 0660, 0602, 0610, 0777};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        args.key_file = put("loose", KEY "\n", bad[i]);
        assert_null(keyfile_load(&args, error));
        assert_non_null(strstr(error, "chmod 600"));
    }
    args.key_file = put("loose", KEY "\n", 0400);
    loads(KEY "\n");
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(mkfifo(inside("fifo"), 0600), 0);
    assert_int_equal(keyfile_read(&text, inside("fifo"), error), HX_EINVAL);
    assert_int_equal(keyfile_read(&text, home, error), HX_EINVAL);
    assert_int_equal(keyfile_read(&text, "/dev/null", error), HX_EINVAL);
    assert_non_null(strstr(error, "no regular file"));
}

static void a_file_above_64_kilobytes_is_refused(void **state)
{
    (void)state;
    char *text = NULL;
    const char *path = put("large", "", 0600);
    assert_int_equal(truncate(path, KEYFILE_TEXT_MAX + 1), 0);
    assert_int_equal(keyfile_read(&text, path, error), HX_EINVAL);
    assert_non_null(strstr(error, "65536"));
}

static void a_file_with_a_nul_byte_is_refused(void **state)
{
    (void)state;
    char *text = NULL;
    const char *path = put("binary", "key", 0600);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(keyfile_read(&text, path, error), HX_EINVAL);
    assert_non_null(strstr(error, "no text"));
}

static void the_default_path_follows_xdg_if_it_is_absolute(void **state)
{
    (void)state;
    char path[PATH_MAX];
    setenv("XDG_CONFIG_HOME", "/elsewhere", 1);
    assert_int_equal(keyfile_path(path, &args, error), HX_OK);
    assert_string_equal(path, "/elsewhere/hx/key");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    assert_int_equal(keyfile_path(path, &args, error), HX_OK);
    assert_string_equal(path, inside(".config/hx/key"));
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("HOME");
    assert_int_equal(keyfile_path(path, &args, error), HX_EINVAL);
    assert_non_null(strstr(error, "HOME"));
}

static void a_new_file_and_its_directories_are_for_their_owner_alone(void **state)
{
    (void)state;
    mode_t before = umask(0);
    assert_int_equal(keyfile_create(inside(".config/hx/key"), "k\n", error), HX_OK);
    umask(before);
    assert_int_equal(mode_of(inside(".config/hx/key")), 0600);
    assert_int_equal(mode_of(inside(".config/hx")), 0700);
    assert_int_equal(mode_of(inside(".config")), 0700);
    holds(inside(".config/hx/key"), "k\n");
}

static void an_existing_file_is_never_overwritten(void **state)
{
    (void)state;
    put("key", "old\n", 0600);
    assert_int_equal(keyfile_create(inside("key"), "new\n", error), HX_ECONFLICT);
    holds(inside("key"), "old\n");
    assert_int_equal(symlink("/nonexistent/target", inside("link")), 0);
    assert_int_equal(keyfile_create(inside("link"), "new\n", error), HX_ECONFLICT);
}

static void nothing_is_left_beside_the_file(void **state)
{
    (void)state;
    put("key", "old\n", 0600);
    assert_int_equal(keyfile_create(inside("key"), "new\n", error), HX_ECONFLICT);
    assert_int_equal(keyfile_append(inside("key"), "more\n", error), HX_OK);
    assert_int_equal(unlink(inside("key")), 0);
    assert_int_equal(rmdir(home), 0); /* it is empty */
    assert_int_equal(mkdir(home, 0700), 0);
}

static void a_line_is_added_to_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(keyfile_append(inside("key"), "one\n", error), HX_OK);
    assert_int_equal(keyfile_append(inside("key"), "two bob\n", error), HX_OK);
    holds(inside("key"), "one\ntwo bob\n");
    put("key", "without an end", 0600);
    assert_int_equal(keyfile_append(inside("key"), "two\n", error), HX_OK);
    holds(inside("key"), "without an end\ntwo\n");
    assert_int_equal(mode_of(inside("key")), 0600);
}

static void adding_to_a_link_keeps_the_link(void **state)
{
    (void)state;
    char target[PATH_MAX];
    snprintf(target, sizeof target, "%s", put("target", "one\n", 0600));
    assert_int_equal(symlink(target, inside("key")), 0);
    assert_int_equal(keyfile_append(inside("key"), "two\n", error), HX_OK);
    holds(target, "one\ntwo\n");
    assert_int_equal(readlink(inside("key"), target, sizeof target), strlen(target));
}

static void a_file_that_is_full_or_loose_is_not_added_to(void **state)
{
    (void)state;
    static char much[KEYFILE_TEXT_MAX + 1];
    memset(much, '#', sizeof much - 1);
    put("key", much, 0600);
    assert_int_equal(keyfile_append(inside("key"), "x\n", error), HX_EINVAL);
    assert_non_null(strstr(error, "full"));
    put("key", "one\n", 0644);
    assert_int_equal(keyfile_append(inside("key"), "x\n", error), HX_EINVAL);
    put("key", "one\n", 0600);
    holds(inside("key"), "one\n");
}

static void a_process_with_a_key_leaves_no_core(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    setenv("HX_KEY", KEY, 1);
    loads(KEY);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
    assert_int_equal(limit.rlim_max, 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_file_that_is_given_wins_over_the_environment),
        EACH(the_environment_wins_over_the_default_file),
        EACH(the_key_leaves_the_environment_when_it_is_read),
        EACH(an_empty_variable_is_none),
        EACH(without_any_key_the_error_says_how_to_get_one),
        EACH(a_given_file_that_is_missing_is_named),
        EACH(a_mistyped_key_is_told_with_its_line),
        EACH(a_file_without_a_key_is_refused),
        EACH(a_file_that_others_may_read_is_refused),
        EACH(what_is_no_regular_file_is_refused_without_waiting),
        EACH(a_file_above_64_kilobytes_is_refused),
        EACH(a_file_with_a_nul_byte_is_refused),
        EACH(the_default_path_follows_xdg_if_it_is_absolute),
        EACH(a_new_file_and_its_directories_are_for_their_owner_alone),
        EACH(an_existing_file_is_never_overwritten),
        EACH(nothing_is_left_beside_the_file),
        EACH(a_line_is_added_to_what_is_there),
        EACH(adding_to_a_link_keeps_the_link),
        EACH(a_file_that_is_full_or_loose_is_not_added_to),
        EACH(a_process_with_a_key_leaves_no_core),
    };
    return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
