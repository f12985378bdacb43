#include "client/files/glob.h"
#include "share_fixture.h"
#include <time.h>

static bool matches(const char *pattern, const char *name)
{
    size_t steps = 0;
    return glob_match(pattern, strlen(pattern), name, &steps);
}

static void names_match_as_in_a_shell(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {{"*", "a", true},
                 {"*", ".a", false},
                 {"?a", ".a", false},
                 {"[.]a", ".a", false},
                 {".*", ".a", true},
                 {"\\.*", ".a", true},
                 {"*.jpg", "a.jpg", true},
                 {"*.jpg", ".jpg", false},
                 {"*.jpg", "a.jpg.bak", false},
                 {"a*b*c", "axxbyybc", true},
                 {"a*b*c", "axxbyyb", false},
                 {"a**", "a", true},
                 {"", "", true},
                 {"", "a", false},
                 {"a", "", false},
                 {"?", "a", true},
                 {"?", "ab", false},
                 {"?", "\xc3\xa4", true}, /* a character */
                 {"?", "\xff", true},     /* a byte that is none */
                 {"?", "\xc3", true},
                 {"[\xc3\xa4-\xc3\xb6]", "\xc3\xa5", true},
                 {"[a-c]x", "bx", true},
                 {"[a-c]x", "dx", false},
                 {"[!a-c]x", "dx", true},
                 {"[^a-c]x", "bx", false},
                 {"[]]", "]", true},
                 {"[!]]", "]", false},
                 {"[!]]", "a", true},
                 {"[a-]", "-", true},
                 {"[-a]", "-", true},
                 {"[\\]]", "]", true},
                 {"[\\a-c]", "b", true},
                 {"[a", "[a", true},
                 {"[a", "a", false},
                 {"[", "[", true},
                 {"[]", "[]", true},
                 {"[[:digit:]]*", "1x", true},
                 {"[[:digit:]]*", "xx", false},
                 {"[![:space:]]", " ", false},
                 {"[[:none:]]", "n", false},
                 {"\\*", "*", true},
                 {"\\*", "a", false},
                 {"a\\", "a\\", true},
                 {"*\\?", "what?", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matches(cases[i].pattern, cases[i].name) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
}

static void no_pattern_takes_more_than_its_length_times_the_names(void **state)
{
    char pattern[256] = "";
    char name[256];
    size_t steps = 0;
    (void)state;
    for (int i = 0; i < 125; i++)
        strcat(pattern, "a*");
    strcat(pattern, "b");
    memset(name, 'a', 255);
    name[255] = '\0';
    assert_false(glob_match(pattern, strlen(pattern), name, &steps));
    assert_true(steps < strlen(pattern) * 255 * 2);
}

static void a_path_matches_if_each_of_its_names_does(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {{"*.c", "a.c", true},         {"*.c", "a/b.c", false},   {"*", "a/b", false},
                 {"*/*", "a", false},          {"*/*", "a/b", true},      {"*/b", "a/b", true},
                 {"*/b", "a/bc", false},       {"a/*", "b/a", false},     {"*", ".ssh", false},
                 {"\\.ssh/*", ".ssh/a", true}, {"[ab]/\\*", "b/*", true}, {"[ab", "[ab", true},
                 {"a[b]", "a[b]", true}}; /* the very name */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(glob_matches(cases[i].pattern, cases[i].path), cases[i].matches);
}

static void what_says_only_its_name_is_no_pattern(void **state)
{
    (void)state;
    assert_false(glob_is_pattern("a/b.c"));
    assert_true(glob_is_pattern("a/b*"));
    assert_true(glob_is_pattern("a\\*"));
    assert_true(glob_is_pattern("[ab]"));
}

static void put(struct fixture *x, const char *name)
{
    char path[FIXTURE_PATH];
    in_share(x, path, name);
    if (name[strlen(name) - 1] == '/') {
        assert_int_equal(mkdir(path, 0755), 0);
    } else {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fclose(f);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a b/c", sorted; a link has '@' behind it. */
static const char *found(struct fixture *x, const char *pattern, bool directories)
{
    static char all[4096];
    char *names[64];
    size_t count = 0;
    struct glob *g;
    struct file_entry e;
    int err;
    int root = open(x->dir, O_PATH | O_DIRECTORY);
    assert_int_equal(glob_create(&g, root, pattern, REACH_PLAIN, directories), HX_OK);
    while ((err = glob_next(g, &e)) != HX_EEOF) {
        char name[PATH_TEXT_MAX];
        if (err == HX_EAGAIN)
            continue;
        assert_int_equal(err, HX_OK);
        snprintf(name, sizeof name, "%s%s", e.path, e.type == 's' ? "@" : "");
        assert_true(count < 64);
        names[count++] = strdup(name);
    }
    glob_destroy(g);
    close(root);
    qsort(names, count, sizeof *names, by_name);
    all[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(strcat(all, i > 0 ? " " : ""), names[i]);
        free(names[i]);
    }
    return all;
}

static void paths_match_name_by_name(void **state)
{
    struct fixture *x = *state;
    static const char *const names[] = {"a.jpg",
                                        "b.jpg",
                                        ".c.jpg",
                                        "d/",
                                        "d/x.jpg",
                                        "d/deep/",
                                        "d/deep/y.jpg",
                                        "e/",
                                        "e/x.jpg",
                                        "star*",
                                        "[ab]",
                                        "a",
                                        ".z.hx-part-0123456789abcdef"};
    char path[FIXTURE_PATH];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(x, names[i]);
    in_share(x, path, "link.jpg");
    assert_int_equal(symlink("a.jpg", path), 0);
    in_share(x, path, "out");
    assert_int_equal(symlink("/", path), 0);
    assert_string_equal(found(x, "*.jpg", false), "a.jpg b.jpg link.jpg@");
    assert_string_equal(found(x, "*/*.jpg", false), "d/x.jpg e/x.jpg");
    assert_string_equal(found(x, "?/x.jpg", false), "d/x.jpg e/x.jpg");
    assert_string_equal(found(x, "d/*/*", false), "d/deep/y.jpg");
    assert_string_equal(found(x, "*", true), "d e");
    assert_string_equal(found(x, ".*", false), ".c.jpg");
    assert_string_equal(found(x, "star\\*", false), "star*");
    assert_string_equal(found(x, "[ab]", false), "[ab]"); /* it is there as written, which wins */
    assert_string_equal(found(x, "[ab]*", false), "a a.jpg b.jpg");
    assert_string_equal(found(x, "out/*", false), "");
    assert_string_equal(found(x, "none*", false), "");
    assert_string_equal(found(x, "none/*", false), "");
    assert_string_equal(found(x, "a.jpg/*", false), "");
}

static void what_it_costs_is_bounded(void **state)
{
    struct fixture *x = *state;
    char name[64];
    char pattern[512] = "";
    struct glob *g;
    struct file_entry e;
    size_t calls = 0;
    int err;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "%0*d", 60, i);
        put(x, name);
    }
    for (int i = 0; i < 29; i++)
        strcat(pattern, "*0");
    int root = open(x->dir, O_PATH | O_DIRECTORY);
    assert_int_equal(glob_create(&g, root, strcat(pattern, "x"), REACH_PLAIN, false), HX_OK);
    while ((err = glob_next(g, &e)) == HX_EAGAIN)
        calls++;
    assert_int_equal(err, HX_EEOF);
    assert_true(calls > 2); /* and others have had their turn */
    glob_destroy(g);
    close(root);
}

static void a_peer_is_told_what_matches(void **state)
{
    static const char *const fields[] = {"hx-glob: d/%2A.jpg", NULL};
    static const char *const bad[] = {"hx-glob: %2F", NULL};
    struct fixture *x = *state;
    put(x, "d/");
    put(x, "d/x.jpg");
    struct answer *a = begin(x, "GET", "/files/", fields, NULL, 0);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, "200");
    a->body[a->len] = '\0';
    assert_non_null(strstr((char *)a->body, " d/x.jpg\n. 1 0\n"));
    answer_free(a);
    a = begin(x, "GET", "/files/", bad, NULL, 0);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, "400");
    answer_free(a);
}

#define WITH_SHARE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_as_in_a_shell),
        cmocka_unit_test(no_pattern_takes_more_than_its_length_times_the_names),
        cmocka_unit_test(a_path_matches_if_each_of_its_names_does),
        cmocka_unit_test(what_says_only_its_name_is_no_pattern),
        WITH_SHARE(paths_match_name_by_name),
        WITH_SHARE(what_it_costs_is_bounded),
        WITH_SHARE(a_peer_is_told_what_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
