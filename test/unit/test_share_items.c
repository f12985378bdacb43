#include "client/files/path.h"
#include "client/files/share_items.h"
#include "files_fixture.h"

static const char secret[] = "not for you";

/* Shares paths below x->top instead of the directory. */
static int share_these(struct fixture *x, size_t *bad, ...)
{
    char paths[8][FIXTURE_PATH];
    char *words[8];
    size_t count = 0;
    va_list all;
    struct share *s = NULL;
    va_start(all, bad);
    for (const char *p; (p = va_arg(all, const char *)); count++) {
        below(x, paths[count], p);
        words[count] = paths[count];
    }
    va_end(all);
    int err = share_open_paths(&s, words, count, bad);
    if (err < 0) {
        assert_null(s);
        return err;
    }
    share_close(x->share);
    x->peer.share = x->share = s;
    return HX_OK;
}

static void set_up(struct fixture *x)
{
    size_t bad;
    shell(x, "mkdir -p a/sub b/pics/sub out && echo 1 >a/f && echo 2 >b/g && echo 3 >b/pics/p && "
             "echo 4 >b/pics/sub/q && ln -s ../../a/f b/pics/out && ln -s .. b/pics/up && ln -s a/f latest");
    put_file(x, "a/secret", secret, sizeof secret);
    put_file(x, "b/secret", secret, sizeof secret);
    assert_int_equal(share_these(x, &bad, "b/pics/", "a/f", "b/g", "latest", NULL), HX_OK);
}

static void each_is_there_under_its_base_name(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    set_up(x);
    assert_int_equal(copy_begin(&c, x, false, "out", "."), HX_OK);
    copy_run(&c);
    assert_true(c.done);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.files, 5);
    assert_int_equal(c.state.skipped, 0); /* the links in pics are none of these */
    copy_end(&c);
    shell(x, "rm b/pics/out b/pics/up && diff -r b/pics out/pics && cmp a/f out/f && cmp b/g out/g && "
             "cmp a/f out/latest && test ! -L out/latest && test $(ls -A out | wc -l) = 4");
    assert_int_equal(get(x, "pics", "one"), 0); /* a part of it, too */
    assert_int_equal(get(x, "f", "two"), 0);
    shell(x, "diff -r b/pics one && cmp a/f two");
    assert_int_equal(get(x, ".", "new"), 0); /* a directory that is not there yet */
    shell(x, "diff -r out new");
}

static void nothing_else_of_their_directories_can_be_reached(void **state)
{
    struct fixture *x = *state;
    static const char *const paths[] = {"/files/secret",      "/files/f/secret",
                                        "/files/f/../secret", "/files/pics/../secret",
                                        "/files/../a/secret", "/files/%2e%2e/a/secret",
                                        "/files/pics/up",     "/files/pics/up/secret",
                                        "/files/pics/out",    "/files/sub",
                                        "/files/b/secret",    "/files//etc/passwd",
                                        "/files/pi",          "/files/pics%2fp",
                                        "/files/latest/f",    "/files/f/"};
    static const char *const methods[] = {"GET", "HEAD"};
    static const char *const follow[] = {"hx-links: follow", NULL};
    set_up(x);
    for (size_t i = 0; i < 4 * sizeof paths / sizeof *paths; i++) {
        struct answer *a = ask(x, methods[i % 2], paths[i / 4], i % 4 < 2 ? NULL : follow);
        if (a->status[0] == '2')
            fail_msg("%s %s: %s", methods[i % 2], paths[i / 4], a->status);
        assert_null(memmem(a->body, a->len, "not for", 7));
        answer_free(a);
    }
}

static void nothing_can_be_written(void **state)
{
    struct fixture *x = *state;
    set_up(x);
    put_file(x, "mine", "x", 1);
    assert_int_equal(put(x, "mine", "f"), 1);
    assert_int_equal(put(x, "mine", "new"), 1);
    assert_int_equal(put(x, "mine", "pics/new"), 1);
    shell(x, "test \"$(cat a/f)\" = 1 && test ! -e b/pics/new && test ! -e new");
}

static void a_file_that_became_something_else_is_not_followed(void **state)
{
    struct fixture *x = *state;
    set_up(x);
    shell(x, "rm a/f && ln -s secret a/f && rm b/g && mkdir b/g && cp a/secret b/g/");
    struct answer *a = ask(x, "GET", "/files/f", NULL);
    assert_string_equal(a->status, "403");
    answer_free(a);
    a = ask(x, "GET", "/files/f", (const char *const[]){"hx-links: follow", NULL});
    assert_int_not_equal(a->status[0], '2');
    answer_free(a);
    a = ask(x, "GET", "/files/g/secret", NULL);
    assert_int_not_equal(a->status[0], '2');
    answer_free(a);
    a = ask(x, "GET", "/files/g", NULL);
    assert_int_not_equal(a->status[0], '2');
    answer_free(a);
}

static void links_are_followed_within_each_directory_only(void **state)
{
    struct fixture *x = *state;
    struct answer *a;
    set_up(x);
    shell(x, "ln -s p b/pics/same && ln -s ../p b/pics/sub/up");
    static const char *const fields[][2] = {{"hx-links: follow"}, {"hx-links: copy"}, {NULL}};
    static const size_t lines[] = {9, 11, 7}; /* of files, directories and, where they are copied, links */
    for (size_t i = 0; i < 3; i++) {
        char end[32];
        a = ask(x, "GET", "/files/", fields[i]);
        assert_string_equal(a->status, "200");
        snprintf(end, sizeof end, "\n. %zu ", lines[i]);
        assert_non_null(memmem(a->body, a->len, end, strlen(end)));
        assert_null(memmem(a->body, a->len, "secret", 6));
        answer_free(a);
    }
    a = ask(x, "GET", "/files/pics/sub/up", fields[0]);
    assert_string_equal(a->status, "200");
    assert_memory_equal(a->body, "3\n", 2);
    answer_free(a);
    a = ask(x, "HEAD", "/files/pics/same", fields[1]);
    assert_string_equal(a->status, "200");
    answer_free(a);
}

static void what_cannot_be_shared_is_told_by_its_place(void **state)
{
    struct fixture *x = *state;
    size_t bad;
    char name[2 * PATH_NAME_MAX];
    shell(x, "mkdir -p a b && echo 1 >a/f && echo 2 >b/f && mkfifo fifo");
    assert_int_equal(share_these(x, &bad, "a", "b/f", "a/f", NULL), HX_ECONFLICT);
    assert_int_equal(bad, 2);
    assert_int_equal(share_these(x, &bad, "a/f", "none", NULL), HX_ESYS);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(bad, 1);
    assert_int_equal(share_these(x, &bad, "fifo", NULL), HX_ESYS);
    assert_int_equal(errno, ENXIO);
    assert_int_equal(path_part_name(name, "f", 1, 1), HX_OK);
    put_file(x, name, "x", 1);
    assert_int_equal(share_these(x, &bad, "a", name, NULL), HX_EINVAL);
    assert_int_equal(bad, 1);
    char *root[] = {(char *)"/"};
    struct share *s;
    assert_int_equal(share_open_paths(&s, root, 1, &bad), HX_EINVAL);
    /* a directory that is called "." has its own name */
    assert_int_equal(share_these(x, &bad, "a/.", "b/../b", NULL), HX_OK);
    struct answer *a = ask(x, "GET", "/files/b/f", NULL);
    assert_string_equal(a->status, "200");
    answer_free(a);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void files_of_one_directory_share_a_descriptor(void **state)
{
    struct fixture *x = *state;
    enum { MANY = 3000 }; /* more than a process may have open, by default */
    static char paths[MANY][FIXTURE_PATH];
    char *words[MANY];
    size_t bad;
    struct share *s;
    struct stat st;
    shell(x, "mkdir many && cd many && seq 3000 | xargs touch");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d", i + 1);
        below(x, paths[i], name);
        words[i] = paths[i];
    }
    size_t before = open_descriptors();
    assert_int_equal(share_open_paths(&s, words, MANY, &bad), HX_OK);
    assert_int_equal(open_descriptors(), before + 1);
    int fd = share_file(s, "2999", REACH_PLAIN, &st);
    assert_true(fd >= 0);
    close(fd);
    share_close(s);
    assert_int_equal(open_descriptors(), before);
}

/* ---- hx recv looks at what is listed before anything is written ---- */

struct looked {
    struct copy copy;
    size_t begun, entries, planned;
    int64_t bytes;
};

static bool on_listed(void *user, const struct file_entry *e)
{
    struct looked *l = user;
    if (!e) {
        l->begun++;
        l->entries = 0;
        l->bytes = 0;
        return false;
    }
    l->entries++;
    l->bytes += e->size;
    return false;
}

static void on_planned(void *user)
{
    struct looked *l = user;
    l->planned++;
    l->copy.done = true;
}

static void on_looked_done(void *user)
{
    ((struct looked *)user)->copy.done = true;
}

static void what_is_listed_waits_for_an_answer(void **state)
{
    struct fixture *x = *state;
    struct looked l = {.copy = {.x = x}};
    char path[FIXTURE_PATH];
    set_up(x);
    below(x, path, "out");
    const struct files_config config = {.loop = x->loop,
                                        .local = path,
                                        .remote = ".",
                                        .report = on_report,
                                        .done = on_looked_done,
                                        .listed = on_listed,
                                        .planned = on_planned,
                                        .user = &l};
    assert_int_equal(files_create(&l.copy.files, &config), HX_OK);
    files_go(l.copy.files); /* an answer to no question */
    files_attach(l.copy.files, x->client);
    copy_run(&l.copy);
    assert_int_equal(l.planned, 1);
    assert_int_equal(l.begun, 1);
    assert_int_equal(l.entries, 7); /* five files, and two directories */
    assert_int_equal(l.bytes, 10);
    assert_int_equal(l.copy.state.total, 10);
    fixture_break(x); /* which changes nothing */
    files_detach(l.copy.files);
    fixture_connect(x);
    files_attach(l.copy.files, x->client);
    ev_run(x->loop, EVRUN_NOWAIT);
    shell(x, "test -z \"$(ls -A out)\"");
    l.copy.done = false;
    files_go(l.copy.files);
    copy_run(&l.copy);
    assert_true(l.copy.state.over);
    assert_int_equal(l.copy.state.failed, 0);
    assert_int_equal(l.planned, 1);
    copy_end(&l.copy);
    shell(x, "cmp a/f out/f && test $(ls -A out | wc -l) = 4");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_there_under_its_base_name),
        TEST(nothing_else_of_their_directories_can_be_reached),
        TEST(nothing_can_be_written),
        TEST(a_file_that_became_something_else_is_not_followed),
        TEST(links_are_followed_within_each_directory_only),
        TEST(what_cannot_be_shared_is_told_by_its_place),
        TEST(files_of_one_directory_share_a_descriptor),
        TEST(what_is_listed_waits_for_an_answer),
    };
    return cmocka_run_group_tests_name("share_items", tests, NULL, NULL);
}
