#include "client/files/beneath.h"
#include "client/files/part.h"
#include "client/files/path.h"
#include "share_fixture.h"
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static const char secret[] = "not for you";

static void plain_files_are_served_with_their_sum(void **state)
{
    struct fixture *x = *state;
    uint8_t sum[DIGEST_BYTES];
    put_file(x, "share/a b", "hello", 5);
    sum_of("hello", 5, sum);
    struct answer *a = ask(x, "GET", "/files/a%20b", NULL);
    assert_string_equal(a->status, "200");
    assert_string_equal(a->type, "file");
    assert_string_equal(a->size, "5");
    assert_string_equal(a->mode, "644");
    assert_int_equal(a->error, HX_OK);
    assert_int_equal(a->len, 5 + DIGEST_BYTES);
    assert_memory_equal(a->body, "hello", 5);
    assert_memory_equal(a->body + 5, sum, DIGEST_BYTES);
    answer_free(a);
}

static void a_range_goes_on_where_it_says_and_sums_the_whole(void **state)
{
    struct fixture *x = *state;
    uint8_t sum[DIGEST_BYTES];
    size_t len = 300000;
    uint8_t *data = pattern(len, 1);
    const char *const range[] = {"range: bytes=100001-", NULL};
    const char *const end[] = {"range: bytes=300000-", NULL};
    put_file(x, "share/f", data, len);
    sum_of(data, len, sum);
    struct answer *a = ask(x, "GET", "/files/f", range);
    assert_string_equal(a->status, "206");
    assert_int_equal(a->len, len - 100001 + DIGEST_BYTES);
    assert_memory_equal(a->body, data + 100001, len - 100001);
    assert_memory_equal(a->body + len - 100001, sum, DIGEST_BYTES);
    answer_free(a);
    a = ask(x, "GET", "/files/f", end);
    assert_int_equal(a->len, DIGEST_BYTES);
    assert_memory_equal(a->body, sum, DIGEST_BYTES);
    answer_free(a);
    free(data);
}

static void ranges_that_are_none_are_refused(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[] = {"range: bytes=6-",  "range: bytes=-1",
                                      "range: bytes=1-2", "range: bytes=--1",
                                      "range: bytes=-",   "range: -",
                                      "range: b",         "range: bytes=9999999999999999999999999999-"};
    put_file(x, "share/f", "hello", 5);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const fields[] = {bad[i], NULL};
        struct answer *a = ask(x, "GET", "/files/f", fields);
        assert_string_equal(a->status, "416");
        answer_free(a);
    }
}

/* Each must be refused, and give nothing away. */
static void paths_that_leave_the_directory_are_refused(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[] = {"/files/../secret",
                                      "/files/%2e%2e/secret",
                                      "/files/%2E%2E%2Fsecret",
                                      "/files/..%2fsecret",
                                      "/files//etc/passwd",
                                      "/files/%2fetc/passwd",
                                      "/files/d/../../secret",
                                      "/files/d//f",
                                      "/files/./f",
                                      "/files/d/",
                                      "/files/f%00",
                                      "/files/%00",
                                      "/files/f%",
                                      "/files/f%2",
                                      "/files/f%zz",
                                      "/files/f?x=1",
                                      "/files/d/./../../secret",
                                      "/files/d/%2e%2e/%2e%2e/secret",
                                      "/filesystem",
                                      "/files"};
    char d[FIXTURE_PATH];
    in_share(x, d, "d");
    assert_int_equal(mkdir(d, 0755), 0);
    put_file(x, "secret", secret, sizeof secret);
    put_file(x, "share/f", "x", 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(status_of(x, "GET", bad[i]), 400);
        assert_int_equal(status_of(x, "HEAD", bad[i]), 400);
        assert_int_equal(status_of(x, "PUT", bad[i]), 400);
    }
    assert_int_equal(status_of(x, "GET", "/files/f"), 200);
}

static void symbolic_links_are_not_followed(void **state)
{
    struct fixture *x = *state;
    char link[FIXTURE_PATH];
    const char *const put[] = {"hx-size: 1", "hx-mtime: 5", "hx-mode: 644", NULL};
    uint8_t body[1 + DIGEST_BYTES] = "x";
    sum_of("x", 1, body + 1);
    put_file(x, "secret", secret, sizeof secret);
    in_share(x, link, "out");
    assert_int_equal(symlink("../secret", link), 0);
    in_share(x, link, "up");
    assert_int_equal(symlink("..", link), 0);
    in_share(x, link, "absolute");
    assert_int_equal(symlink("/etc", link), 0);
    in_share(x, link, "self");
    assert_int_equal(symlink("/proc/self/cwd", link), 0);
    static const char *const bad[] = {"/files/out",           "/files/up/secret",       "/files/up",
                                      "/files/absolute",      "/files/absolute/passwd", "/files/self",
                                      "/files/self/Makefile", "/files/up/share/out"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = status_of(x, "GET", bad[i]);
        assert_true(status == 403 || status == 409);
        status = status_of(x, "HEAD", bad[i]);
        assert_true(status == 403 || status == 409);
        struct answer *a = begin(x, "PUT", bad[i], put, body, sizeof body);
        fixture_run(x, &a->done);
        assert_int_equal(a->status[0], '4');
        answer_free(a);
    }
    assert_true(has_file(x, "secret", secret, sizeof secret));
    assert_int_equal(count_names(x, ".", "hx-part"), 0);
}

static void what_is_neither_file_nor_directory_is_not_opened(void **state)
{
    struct fixture *x = *state;
    char path[FIXTURE_PATH];
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    in_share(x, path, "fifo");
    assert_int_equal(mkfifo(path, 0666), 0);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s/socket", x->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    in_share(x, path, "null");
    bool device = mknod(path, S_IFCHR | 0666, makedev(1, 3)) == 0; /* needs a right */
    assert_int_equal(status_of(x, "GET", "/files/fifo"), 403);
    assert_int_equal(status_of(x, "HEAD", "/files/fifo"), 403);
    assert_int_equal(status_of(x, "GET", "/files/socket"), 403);
    if (device)
        assert_int_equal(status_of(x, "GET", "/files/null"), 403);
    struct answer *a = ask(x, "GET", "/files/", NULL);
    assert_int_equal(a->len > 0, 1);
    a->body[a->len] = '\0';
    assert_non_null(strstr((char *)a->body, "s device 0 0 fifo\n"));
    assert_null(strstr((char *)a->body, "f "));
    answer_free(a);
    close(fd);
}

static void one_level_of_a_tree_is_listed_if_that_is_asked_for(void **state)
{
    struct fixture *x = *state;
    const char *one[] = {"hx-depth: 1", NULL};
    const char *two[] = {"hx-depth: 2", NULL};
    char path[FIXTURE_PATH];
    in_share(x, path, "d");
    assert_int_equal(mkdir(path, 0755), 0);
    put_file(x, "share/d/inside", "x", 1);
    struct answer *a = ask(x, "GET", "/files/", one);
    a->body[a->len] = '\0';
    assert_non_null(strstr((char *)a->body, "\n. 1 0\n"));
    assert_int_equal(strncmp((char *)a->body, "d 755 ", 6), 0);
    answer_free(a);
    a = ask(x, "GET", "/files/", two);
    assert_string_equal(a->status, "400");
    answer_free(a);
}

static void both_ways_to_resolve_agree_about_tricks(void **state)
{
    struct fixture *x = *state;
    static int (*const ways[])(int, const char *, int) = {beneath_open, beneath_walk};
    static const char *const bad[] = {"..",     "../secret", "/etc/passwd", "link", "dirlink/f",
                                      "d/../f", "d//f",      "./f",         ".",    "d/",
                                      "f/f",    "none",      "d/none"};
    char path[FIXTURE_PATH];
    in_share(x, path, "d");
    assert_int_equal(mkdir(path, 0755), 0);
    in_share(x, path, "link");
    assert_int_equal(symlink("f", path), 0);
    in_share(x, path, "dirlink");
    assert_int_equal(symlink("d", path), 0);
    put_file(x, "share/f", "x", 1);
    put_file(x, "share/d/f", "x", 1);
    int root = open(x->dir, O_PATH | O_DIRECTORY);
    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            assert_int_equal(ways[way](root, bad[i], O_RDONLY), -1);
            assert_int_equal(ways[way](root, bad[i], O_PATH), -1);
        }
        static const char *const good[] = {"f", "d", "d/f", ""};
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
            int fd = ways[way](root, good[i], O_RDONLY);
            assert_true(fd >= 0);
            close(fd);
        }
    }
    close(root);
}

static void long_and_deep_paths_are_refused(void **state)
{
    struct fixture *x = *state;
    char path[4096] = "/files/";
    memset(path + 7, 'n', 256);
    path[7 + 256] = '\0';
    assert_int_equal(status_of(x, "GET", path), 400);
    path[7 + 255] = '\0';
    assert_int_equal(status_of(x, "GET", path), 404);
    strcpy(path, "/files/a");
    for (int i = 1; i < PATH_DEPTH_MAX; i++)
        strcat(path, "/a");
    assert_int_equal(status_of(x, "GET", path), 404);
    strcat(path, "/a");
    assert_int_equal(status_of(x, "GET", path), 400);
}

static void a_directory_is_listed_as_a_tree(void **state)
{
    struct fixture *x = *state;
    char path[FIXTURE_PATH];
    in_share(x, path, "d");
    assert_int_equal(mkdir(path, 0750), 0);
    put_file(x, "share/d/new\nline", "abc", 3);
    put_file(x, "share/d/.x.hx-part-0123456789abcdef", "abc", 3); /* not shown */
    struct answer *a = ask(x, "GET", "/files/", NULL);
    a->body[a->len] = '\0';
    assert_string_equal(a->type, "directory");
    assert_int_equal(strncmp((char *)a->body, "d 750 0 ", 8), 0);
    assert_non_null(strstr((char *)a->body, "f 644 3 "));
    assert_non_null(strstr((char *)a->body, " d/new%0Aline\n. 2 0\n"));
    assert_null(strstr((char *)a->body, "part"));
    answer_free(a);
    assert_int_equal(status_of(x, "GET", "/files/d/.x.hx-part-0123456789abcdef"), 404);
}

/* A tree deeper than the limit ends in a line that says so. */
static void a_tree_that_is_too_deep_is_cut(void **state)
{
    struct fixture *x = *state;
    char path[FIXTURE_PATH];
    snprintf(path, sizeof path, "%s", x->dir);
    for (int i = 0; i < PATH_DEPTH_MAX + 3; i++) {
        strcat(path, "/d");
        assert_int_equal(mkdir(path, 0755), 0);
    }
    struct answer *a = ask(x, "GET", "/files/", NULL);
    a->body[a->len] = '\0';
    assert_non_null(strstr((char *)a->body, "\n. 63 1\n"));
    answer_free(a);
}

static void other_methods_are_refused(void **state)
{
    struct fixture *x = *state;
    put_file(x, "share/f", "x", 1);
    assert_int_equal(status_of(x, "DELETE", "/files/f"), 405);
    assert_int_equal(status_of(x, "POST", "/files/f"), 405);
    assert_true(has_file(x, "share/f", "x", 1));
}

static void one_peer_has_only_so_many_files_open(void **state)
{
    struct fixture *x = *state;
    enum { MANY = SHARE_JOBS_MAX + 5 };
    struct answer *all[MANY];
    bool never = false;
    int busy = 0;
    uint8_t *data = pattern(900000, 10);
    put_file(x, "share/f", data, 900000);
    for (int i = 0; i < MANY; i++)
        all[i] = begin(x, "GET", "/files/f", NULL, NULL, 0);
    for (int i = 0; i < MANY; i++) {
        fixture_run(x, &all[i]->done);
        busy += strcmp(all[i]->status, "429") == 0;
        if (all[i]->status[0] == '2')
            assert_int_equal(all[i]->len, 900000 + DIGEST_BYTES);
    }
    assert_int_equal(busy, MANY - SHARE_JOBS_MAX);
    for (int i = 0; i < MANY; i++)
        answer_free(all[i]);
    assert_int_equal(status_of(x, "GET", "/files/f"), 200); /* all of them were given back */
    struct answer *lists[SHARE_WALKS + 1];
    for (int i = 0; i <= SHARE_WALKS; i++)
        lists[i] = begin(x, "GET", "/files/", NULL, NULL, 0);
    fixture_run(x, &lists[SHARE_WALKS]->done);
    assert_string_equal(lists[SHARE_WALKS]->status, "429");
    fixture_break(x);
    fixture_run(x, &never);
    for (int i = 0; i <= SHARE_WALKS; i++)
        answer_free(lists[i]);
    fixture_connect(x);
    assert_int_equal(status_of(x, "GET", "/files/"), 200);
    free(data);
}

static void a_file_that_changes_meanwhile_is_not_said_to_be_whole(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(900000, 11);
    char path[FIXTURE_PATH];
    put_file(x, "share/f", data, 900000);
    struct answer *a = begin(x, "GET", "/files/f", NULL, NULL, 0);
    pass(x, x->client, x->server);
    ev_run(x->loop, EVRUN_NOWAIT);
    in_share(x, path, "f");
    assert_int_equal(truncate(path, 700000), 0);
    fixture_run(x, &a->done);
    assert_int_equal(a->error, HX_ECLOSED);
    assert_true(a->len < 900000);
    answer_free(a);
    free(data);
}

static void only_a_directory_can_be_shared(void **state)
{
    struct fixture *x = *state;
    struct share *s;
    char spec[FIXTURE_PATH];
    put_file(x, "share/f", "x", 1);
    in_share(x, spec, "f");
    assert_int_equal(share_open(&s, spec), HX_ESYS);
    assert_int_equal(errno, ENOTDIR);
    in_share(x, spec, "none:rw");
    assert_int_equal(share_open(&s, spec), HX_ESYS);
    assert_int_equal(share_open(&s, ""), HX_EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_files_are_served_with_their_sum),
        TEST(a_range_goes_on_where_it_says_and_sums_the_whole),
        TEST(ranges_that_are_none_are_refused),
        TEST(paths_that_leave_the_directory_are_refused),
        TEST(symbolic_links_are_not_followed),
        TEST(what_is_neither_file_nor_directory_is_not_opened),
        TEST(one_level_of_a_tree_is_listed_if_that_is_asked_for),
        TEST(both_ways_to_resolve_agree_about_tricks),
        TEST(long_and_deep_paths_are_refused),
        TEST(a_directory_is_listed_as_a_tree),
        TEST(a_tree_that_is_too_deep_is_cut),
        TEST(other_methods_are_refused),
        TEST(one_peer_has_only_so_many_files_open),
        TEST(a_file_that_changes_meanwhile_is_not_said_to_be_whole),
        TEST(only_a_directory_can_be_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
