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

/* Both ways: copies "f", which `command` changes ($f is its path) once so much has moved. */
static void changes_meanwhile(struct fixture *x, int64_t moved, const char *command, int reports,
                              const uint8_t *want, size_t len)
{
    char all[256];
    struct copy c;
    uint8_t *data = pattern(LEN, 1);
    for (int upload = 0; upload < 2; upload++) {
        const char *from = upload ? "f" : "share/f";
        put_file(x, from, data, LEN);
        assert_int_equal(copy_begin(&c, x, upload, upload ? "f" : "got", upload ? "got" : "f"), HX_OK);
        run_until(x, &c, moved);
        snprintf(all, sizeof all, "f=%s; %s", from, command);
        shell(x, all);
        finish(&c);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.reports, reports);
        assert_true(reports == 0 || strstr(c.reason, "changed"));
        assert_true(has_file(x, upload ? "share/got" : "got", want, len));
    }
    assert_int_equal(count_names(x, ".", "hx-part"), 0);
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
}

static void a_file_that_grows_arrives_as_it_was(void **state)
{
    uint8_t *data = pattern(LEN, 1);
    changes_meanwhile(*state, 1000000, "echo more >>$f", 0, data, LEN);
    free(data);
}

static void a_file_that_changes_is_told_and_copied_anew(void **state)
{
    uint8_t *other = pattern(LEN, 2);
    put_file(*state, "other", other, LEN);
    /* its time: the clock's steps may be long */
    changes_meanwhile(*state, 1000000, "cat other >$f && touch -d @1 $f", 1, other, LEN);
    free(other);
}

static void a_file_that_is_cut_short_is_told_and_copied_anew(void **state)
{
    uint8_t *data = pattern(LEN, 1);
    changes_meanwhile(*state, 2000000, "truncate -s 1000000 $f", 1, data, 1000000);
    free(data);
}

static struct {
    int left; /* so many times the file changes again while it is sent */
    int gets;
} changes;

static void change_while_it_is_sent(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    char command[64];
    bool get = strcmp(mux_field(m, ":method"), "GET") == 0;
    share_request(&x->peer, s, m);
    changes.gets += get;
    if (!get || changes.left == 0)
        return;
    snprintf(command, sizeof command, "touch -d @%d share/f", changes.left--);
    shell(x, command);
}

/* A download of a file that changes so many times, with that patience; returns how many have failed. */
static size_t get_what_changes(struct fixture *x, int times, int64_t changes_ms)
{
    struct copy c = {.x = x};
    char path[FIXTURE_PATH];
    below(x, path, "got");
    const struct files_config config = {.loop = x->loop,
                                        .local = path,
                                        .remote = "f",
                                        .changes_ms = changes_ms,
                                        .report = on_report,
                                        .done = on_done,
                                        .user = &c};
    changes.left = times;
    changes.gets = 0;
    x->on_request = change_while_it_is_sent;
    assert_int_equal(files_create(&c.files, &config), HX_OK);
    files_attach(c.files, x->client);
    finish(&c);
    assert_true(c.reports > 0);
    return c.state.failed;
}

static void a_file_that_goes_on_changing_is_begun_anew_for_as_long_as_it_was_said(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(LEN, 1);
    put_file(x, "share/f", data, LEN);
    assert_int_equal(get_what_changes(x, FILES_TRIES + 1, 0), 1);
    assert_int_equal(changes.gets, FILES_TRIES);
    shell(x, "test ! -e got");
    assert_int_equal(get_what_changes(x, FILES_TRIES + 1, INT64_MAX), 0);
    assert_int_equal(changes.gets, FILES_TRIES + 2);
    assert_true(has_file(x, "got", data, LEN));
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
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
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
        TEST(a_file_that_goes_on_changing_is_begun_anew_for_as_long_as_it_was_said),
        TEST(a_file_that_is_cut_short_between_two_connections_is_copied_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
