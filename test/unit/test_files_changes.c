#include "files_fixture.h"
#include <time.h>

#define LEN 6000000

/* Until so much of it has moved. */
static void run_until(struct fixture *x, struct copy *c, int64_t moved)
{
    do {
        bool any = pass(x, x->client, x->server);
        any = pass(x, x->server, x->client) || any;
        ev_run(x->loop, any ? EVRUN_NOWAIT : EVRUN_ONCE);
        files_state(c->files, &c->state);
    } while (c->state.moved < moved && !c->done);
    assert_false(c->done);
}

static void finish(struct copy *c)
{
    copy_run(c);
    assert_true(c->done);
    copy_end(c);
}

static void what_says_no_size_is_read_to_its_end(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir out");
    share_close(x->share);
    assert_int_equal(share_open(&x->share, "/proc:ro"), HX_OK);
    x->peer.share = x->share;
    assert_int_equal(get(x, "version", "out"), 0);
    assert_int_equal(get(x, "sys/fs/inotify", "out"), 0); /* by a batch */
    shell(x,
          "test -s out/version && cmp /proc/version out/version && diff -r /proc/sys/fs/inotify out/inotify");
    fixture_share(x, ":rw");
    shell(x, "ln -s /proc/version version && ln -s /proc/sys/fs/inotify tree");
    assert_int_equal(put(x, "version", ""), 0);
    assert_int_equal(put(x, "tree", ""), 0);
    shell(x, "cmp /proc/version share/version && diff -r /proc/sys/fs/inotify share/tree");
}

static void what_ends_before_its_size_is_read_to_its_end(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    if (stat("/sys/kernel/mm/transparent_hugepage/enabled", &st) < 0 || st.st_size != 4096)
        skip();
    share_close(x->share);
    assert_int_equal(share_open(&x->share, "/sys/kernel/mm:ro"), HX_OK);
    x->peer.share = x->share;
    assert_int_equal(get(x, "transparent_hugepage/enabled", "e"), 0);
    shell(x, "cmp /sys/kernel/mm/transparent_hugepage/enabled e");
    fixture_share(x, ":rw");
    shell(x, "ln -s /sys/kernel/mm/transparent_hugepage/enabled link");
    assert_int_equal(put(x, "link", "e"), 0);
    shell(x, "cmp e share/e");
}

static void a_file_that_grows_arrives_as_it_was(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    uint8_t *data = pattern(LEN, 1);
    for (int upload = 0; upload < 2; upload++) {
        put_file(x, upload ? "log" : "share/log", data, LEN);
        assert_int_equal(copy_begin(&c, x, upload, upload ? "log" : "got", upload ? "got" : "log"), HX_OK);
        run_until(x, &c, 1000000);
        shell(x, upload ? "echo more >>log" : "echo more >>share/log");
        finish(&c);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.reports, 0);
        assert_true(has_file(x, upload ? "share/got" : "got", data, LEN));
    }
    free(data);
}

static void a_file_that_changes_is_told_and_copied_anew(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    uint8_t *data = pattern(LEN, 1);
    uint8_t *other = pattern(LEN, 2);
    for (int upload = 0; upload < 2; upload++) {
        put_file(x, upload ? "f" : "share/f", data, LEN);
        assert_int_equal(copy_begin(&c, x, upload, upload ? "f" : "got", upload ? "got" : "f"), HX_OK);
        run_until(x, &c, 1000000);
        put_file(x, upload ? "f" : "share/f", other, LEN);
        shell(x, upload ? "touch -d @1 f" : "touch -d @1 share/f"); /* the clock's steps may be long */
        finish(&c);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.reports, 1);
        assert_non_null(strstr(c.reason, "changed"));
        assert_true(has_file(x, upload ? "share/got" : "got", other, LEN));
    }
    assert_int_equal(count_names(x, ".", "hx-part"), 0);
    free(data);
    free(other);
}

static void a_file_that_is_cut_short_is_told_and_copied_anew(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    uint8_t *data = pattern(LEN, 1);
    for (int upload = 0; upload < 2; upload++) {
        put_file(x, upload ? "f" : "share/f", data, LEN);
        assert_int_equal(copy_begin(&c, x, upload, upload ? "f" : "got", upload ? "got" : "f"), HX_OK);
        run_until(x, &c, 2000000);
        shell(x, upload ? "truncate -s 1000000 f" : "truncate -s 1000000 share/f");
        finish(&c);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.reports, 1);
        assert_non_null(strstr(c.reason, "changed"));
        assert_true(has_file(x, upload ? "share/got" : "got", data, 1000000));
    }
    free(data);
}

/* What was received of it is longer than it is now. */
static void a_file_that_is_cut_short_between_two_connections_is_copied_anew(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    uint8_t *data = pattern(LEN, 1);
    put_file(x, "share/f", data, LEN);
    assert_int_equal(copy_begin(&c, x, false, "got", "f"), HX_OK);
    x->cut = 3000000;
    copy_run(&c);
    assert_null(x->client);
    shell(x, "truncate -s 1000000 share/f");
    fixture_connect(x);
    files_attach(c.files, x->client);
    finish(&c);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.reports, 1);
    assert_non_null(strstr(c.reason, "changed"));
    assert_true(has_file(x, "got", data, 1000000));
    assert_int_equal(count_names(x, ".", "hx-part"), 0);
    free(data);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_says_no_size_is_read_to_its_end),
        TEST(what_ends_before_its_size_is_read_to_its_end),
        TEST(a_file_that_grows_arrives_as_it_was),
        TEST(a_file_that_changes_is_told_and_copied_anew),
        TEST(a_file_that_is_cut_short_is_told_and_copied_anew),
        TEST(a_file_that_is_cut_short_between_two_connections_is_copied_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
