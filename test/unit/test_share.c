#include "share_fixture.h"
#include "tool/beneath.h"
#include "tool/part.h"
#include "tool/path.h"
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
    assert_non_null(strstr((char *)a->body, "s 000 0 0 fifo\n"));
    assert_null(strstr((char *)a->body, "f "));
    answer_free(a);
    close(fd);
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

/* A PUT of `data`[offset...] with the fields of a file of `len` bytes; the sum is that of `summed`. */
static struct answer *begin_put(struct fixture *x, const char *path, const uint8_t *data, size_t len,
                                size_t offset, const uint8_t *summed)
{
    char size[48];
    char from[48];
    snprintf(size, sizeof size, "hx-size: %zu", len);
    snprintf(from, sizeof from, "hx-offset: %zu", offset);
    const char *const fields[] = {size, from, "hx-mtime: 1234567890123456789", "hx-mode: 640", NULL};
    uint8_t *body = malloc(len - offset + DIGEST_BYTES);
    assert_non_null(body);
    memcpy(body, data + offset, len - offset);
    sum_of(summed, len, body + len - offset);
    return begin(x, "PUT", path, fields, body, len - offset + DIGEST_BYTES);
}

static void put_is(struct fixture *x, const char *path, const uint8_t *data, size_t len, size_t offset,
                   const uint8_t *summed, const char *status)
{
    struct answer *a = begin_put(x, path, data, len, offset, summed);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, status);
    free((void *)(uintptr_t)a->sent);
    answer_free(a);
}

static void a_file_is_put_with_its_time_and_permissions(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    uint8_t *data = pattern(700000, 2);
    umask(027);
    put_is(x, "/files/new", data, 700000, 0, data, "201");
    assert_true(has_file(x, "share/new", data, 700000));
    in_share(x, path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_mtim.tv_sec, 1234567890);
    assert_int_equal(st.st_mtim.tv_nsec, 123456789);
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    put_is(x, "/files/new", data, 0, 0, data, "201"); /* replaced, by an empty one */
    assert_true(has_file(x, "share/new", data, 0));
    free(data);
}

static void the_umask_holds_for_what_is_put(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    uint8_t data[1] = {7};
    umask(077);
    put_is(x, "/files/new", data, 1, 0, data, "201");
    in_share(x, path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_wrong_sum_leaves_nothing_behind(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(5000, 3);
    uint8_t *other = pattern(5000, 4);
    put_file(x, "share/f", "old", 3);
    put_is(x, "/files/f", data, 5000, 0, other, "422");
    assert_true(has_file(x, "share/f", "old", 3));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
    free(other);
}

static void what_a_broken_put_left_is_taken_up_again(void **state)
{
    struct fixture *x = *state;
    size_t len = 200000;
    uint8_t *data = pattern(len, 5);
    bool never = false;
    const char *const same[] = {"hx-size: 200000", "hx-mtime: 1234567890123456789", NULL};
    const char *const later[] = {"hx-size: 200000", "hx-mtime: 1234567890123456790", NULL};
    struct answer *a = begin_put(x, "/files/f", data, len, 0, data);
    mux_stream_reset(a->s, 8); /* what was written may or may not have left */
    free((void *)(uintptr_t)a->sent);
    answer_free(a);
    a = begin_put(x, "/files/f", data, len, 0, data);
    for (int i = 0; i < 4; i++) {
        pass(x, x->client, x->server);
        ev_run(x->loop, EVRUN_NOWAIT);
    }
    fixture_break(x);
    fixture_run(x, &never);
    free((void *)(uintptr_t)a->sent);
    answer_free(a);
    fixture_connect(x);
    a = ask(x, "HEAD", "/files/f", same);
    assert_string_equal(a->status, "404");
    size_t held = (size_t)atoi(a->part);
    assert_true(held > 0 && held < len);
    answer_free(a);
    a = ask(x, "HEAD", "/files/f", later); /* another file: nothing is known of it */
    assert_string_equal(a->part, "");
    answer_free(a);
    put_is(x, "/files/f", data, len, held - 1, data, "409");
    put_is(x, "/files/f", data, len, held, data, "201");
    assert_true(has_file(x, "share/f", data, len));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
}

/* The bytes from before are other ones than the sender's: the sum of the whole tells. */
static void a_part_of_other_bytes_is_noticed(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(1000, 6);
    char name[PATH_NAME_MAX + 1];
    char path[300];
    assert_int_equal(path_part_name(name, "f", 1000, 1234567890123456789), HX_OK);
    snprintf(path, sizeof path, "share/%s", name);
    put_file(x, path, "planted", 7);
    put_is(x, "/files/f", data, 1000, 7, data, "422");
    assert_int_equal(count_names(x, "share", "f"), 0);
    free(data);
}

static void a_part_that_was_put_there_as_a_link_is_not_written_through(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(1000, 7);
    char name[PATH_NAME_MAX + 1];
    char path[400];
    char target[128];
    assert_int_equal(path_part_name(name, "f", 1000, 1234567890123456789), HX_OK);
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    snprintf(target, sizeof target, "%s/secret", x->top);
    put_file(x, "secret", secret, sizeof secret);
    assert_int_equal(symlink("../secret", path), 0);
    put_is(x, "/files/f", data, 1000, 0, data, "403");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(target, path), 0);
    put_is(x, "/files/f", data, 1000, 0, data, "409");
    assert_true(has_file(x, "secret", secret, sizeof secret));
    free(data);
}

static void two_who_put_the_same_file_do_not_mix(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(100000, 8);
    struct answer *a = begin_put(x, "/files/f", data, 100000, 0, data);
    struct answer *b = begin_put(x, "/files/f", data, 100000, 0, data);
    fixture_run(x, &b->done);
    assert_true(strcmp(b->status, "423") == 0 || strcmp(a->status, "423") == 0);
    if (!a->done)
        fixture_run(x, &a->done);
    assert_true(has_file(x, "share/f", data, 100000));
    free((void *)(uintptr_t)a->sent);
    free((void *)(uintptr_t)b->sent);
    answer_free(a);
    answer_free(b);
    free(data);
}

static void malformed_puts_are_refused(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[][4] = {{"hx-size: 1", "hx-mtime: 1"},
                                         {"hx-size: -1", "hx-mtime: 1", "hx-mode: 644"},
                                         {"hx-size: 1", "hx-mtime: x", "hx-mode: 644"},
                                         {"hx-size: 1", "hx-mtime: 1", "hx-mode: 4755"},
                                         {"hx-size: 1", "hx-mtime: 1", "hx-mode: 888"},
                                         {"hx-mtime: 1", "hx-mode: 644"},
                                         {"hx-size: 1", "hx-mode: 644"},
                                         {"hx-size: 99999999999999999999", "hx-mtime: 1", "hx-mode: 644"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct answer *a = begin(x, "PUT", "/files/f", bad[i], "", 0);
        fixture_run(x, &a->done);
        assert_string_equal(a->status, "400");
        answer_free(a);
    }
    assert_int_equal(count_names(x, "share", "f"), 0);
}

static void a_body_of_another_length_makes_no_file(void **state)
{
    struct fixture *x = *state;
    const char *const fields[] = {"hx-size: 10", "hx-mtime: 1", "hx-mode: 644", NULL};
    uint8_t *data = pattern(100, 9);
    static const size_t lengths[] = {0, 9, 10, 41, 43, 100};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct answer *a = begin(x, "PUT", "/files/f", fields, data, lengths[i]);
        fixture_run(x, &a->done);
        assert_int_equal(a->status[0], '4');
        answer_free(a);
        assert_int_equal(status_of(x, "HEAD", "/files/f"), 404);
        char command[160];
        snprintf(command, sizeof command, "rm -f %s/.f.hx-part*", x->dir);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path that we made */
    }
    free(data);
}

static void nothing_is_put_where_something_else_is(void **state)
{
    struct fixture *x = *state;
    uint8_t data[1] = {1};
    char path[FIXTURE_PATH];
    in_share(x, path, "d");
    assert_int_equal(mkdir(path, 0755), 0);
    in_share(x, path, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    put_file(x, "share/f", "x", 1);
    put_is(x, "/files/d", data, 1, 0, data, "409");
    put_is(x, "/files/fifo", data, 1, 0, data, "409");
    put_is(x, "/files/f/g", data, 1, 0, data, "409");
    put_is(x, "/files/none/g", data, 1, 0, data, "409");
    put_is(x, "/files/.f.hx-part-0123456789abcdef", data, 1, 0, data, "404");
}

static void directories_are_made_and_sealed(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    const char *const make[] = {"hx-type: directory", "hx-mode: 555", NULL};
    const char *const seal[] = {"hx-type: directory", "hx-mode: 555", "hx-mtime: 5000000000", NULL};
    for (int i = 0; i < 2; i++) { /* the second time it is there */
        struct answer *a = ask(x, "PUT", "/files/d", make);
        assert_string_equal(a->status, "201");
        answer_free(a);
    }
    in_share(x, path, "d");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    struct answer *a = ask(x, "PUT", "/files/d", seal);
    assert_string_equal(a->status, "201");
    answer_free(a);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0555);
    assert_int_equal(st.st_mtim.tv_sec, 5);
    put_file(x, "share/f", "x", 1);
    a = ask(x, "PUT", "/files/f", make);
    assert_string_equal(a->status, "409");
    answer_free(a);
    a = ask(x, "PUT", "/files/none/d", make);
    assert_string_equal(a->status, "409");
    answer_free(a);
}

static void a_share_for_reading_is_not_written_to(void **state)
{
    struct fixture *x = *state;
    uint8_t data[1] = {1};
    const char *const make[] = {"hx-type: directory", "hx-mode: 755", NULL};
    static const char *const modes[] = {":ro", ""};
    for (int i = 0; i < 2; i++) {
        fixture_share(x, modes[i]);
        put_is(x, "/files/f", data, 1, 0, data, "403");
        struct answer *a = ask(x, "PUT", "/files/d", make);
        assert_string_equal(a->status, "403");
        assert_string_equal(a->reason, "the directory is shared for reading only");
        answer_free(a);
    }
    assert_int_equal(count_names(x, "share", ""), 0);
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
        TEST(both_ways_to_resolve_agree_about_tricks),
        TEST(long_and_deep_paths_are_refused),
        TEST(a_directory_is_listed_as_a_tree),
        TEST(a_tree_that_is_too_deep_is_cut),
        TEST(a_file_is_put_with_its_time_and_permissions),
        TEST(the_umask_holds_for_what_is_put),
        TEST(a_wrong_sum_leaves_nothing_behind),
        TEST(what_a_broken_put_left_is_taken_up_again),
        TEST(a_part_of_other_bytes_is_noticed),
        TEST(a_part_that_was_put_there_as_a_link_is_not_written_through),
        TEST(two_who_put_the_same_file_do_not_mix),
        TEST(malformed_puts_are_refused),
        TEST(a_body_of_another_length_makes_no_file),
        TEST(nothing_is_put_where_something_else_is),
        TEST(directories_are_made_and_sealed),
        TEST(a_share_for_reading_is_not_written_to),
        TEST(other_methods_are_refused),
        TEST(one_peer_has_only_so_many_files_open),
        TEST(a_file_that_changes_meanwhile_is_not_said_to_be_whole),
        TEST(only_a_directory_can_be_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
