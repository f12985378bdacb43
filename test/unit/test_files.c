#include "client/files/path.h"
#include "files_fixture.h"

/* Names, permissions, times, contents. */
static void assert_same_tree(const struct fixture *x, const char *a, const char *b)
{
    char command[512];
    snprintf(
        command, sizeof command,
        "diff -r %s %s && (cd %s && find . -mindepth 1 -printf '%%P %%m %%T@\\n' | sort) >list.a && "
        "(cd %s && find . -mindepth 1 -printf '%%P %%m %%T@\\n' | sort) >list.b && diff list.a list.b >&2",
        a, b, a, b);
    shell(x, command);
}

static void a_file_goes_where_cp_would_put_it(void **state)
{
    struct fixture *x = *state;
    put_file(x, "share/f", "hello", 5);
    shell(x, "mkdir out");
    assert_int_equal(get(x, "f", "out"), 0);
    assert_true(has_file(x, "out/f", "hello", 5));
    assert_int_equal(get(x, "./f", "out/g"), 0);
    assert_true(has_file(x, "out/g", "hello", 5));
    assert_int_equal(get(x, "f", "out/none/"), 1);
    assert_int_equal(get(x, "f/", "out"), 1);
    assert_int_equal(get(x, "none", "out"), 1);
    assert_int_equal(put(x, "out/g", ""), 0);
    assert_true(has_file(x, "share/g", "hello", 5));
    assert_int_equal(put(x, "out/g", "h"), 0);
    assert_true(has_file(x, "share/h", "hello", 5));
    assert_int_equal(put(x, "out/g", "none/"), 1);
    assert_int_equal(put(x, "out/g", "none/g"), 1);
    shell(x, "mkdir share/d");
    assert_int_equal(put(x, "out/g", "d"), 0);
    assert_true(has_file(x, "share/d/g", "hello", 5));
}

static void a_tree_goes_where_cp_would_put_it(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir -p share/t/sub out && echo 1 >share/t/f && echo 2 >share/t/sub/f");
    assert_int_equal(get(x, "t", "out"), 0);
    assert_same_tree(x, "share/t", "out/t");
    assert_int_equal(get(x, "t", "out/new"), 0);
    assert_same_tree(x, "share/t", "out/new");
    assert_int_equal(get(x, "t/", "out/new2/"), 0);
    assert_same_tree(x, "share/t", "out/new2");
    shell(x, "mkdir out/dot");
    assert_int_equal(get(x, "t/.", "out/dot"), 0); /* what is in it, into it */
    assert_same_tree(x, "share/t", "out/dot");
    shell(x, "rm -r out/dot");
    assert_int_equal(get(x, "", "out/all"), 0);
    assert_same_tree(x, "share", "out/all");
    assert_int_equal(get(x, "t", "out/new/f"), 1); /* a file is there */
    assert_int_equal(put(x, "out/t", "up"), 0);
    assert_same_tree(x, "out/t", "share/up");
    assert_int_equal(put(x, "out/t", "up"), 0);
    assert_same_tree(x, "out/t", "share/up/t");
    assert_int_equal(put(x, "out/t/.", "up/t"), 0); /* into it */
    assert_same_tree(x, "out/t", "share/up/t");
    assert_int_equal(put(x, "out/t", "t/f"), 1);
}

static void many_small_files_keep_names_times_and_permissions(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir -p share/t/empty share/t/deep/er/and/deeper out && cd share/t && "
             "for i in $(seq 300); do echo $i >f$i; done && touch -d @1 f1 && touch -d @-5.25 f2 && "
             "touch -d 2040-01-01T00:00:00.123456789 deep/er f3 && chmod 400 f3 && chmod 755 f4 && "
             "echo x >'deep/er/a%20b ü\n?#' && : >zero && chmod 500 deep/er/and/deeper && chmod 700 empty");
    assert_int_equal(get(x, "t", "out"), 0);
    assert_same_tree(x, "share/t", "out/t");
    assert_int_equal(put(x, "out/t", "back"), 0);
    assert_same_tree(x, "share/t", "share/back");
    assert_int_equal(count_names(x, "share/back", "hx-part"), 0);
}

static void what_is_no_file_is_skipped_and_told(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    shell(x, "mkdir -p t out share/t && echo 1 >t/f && mkfifo t/fifo share/t/fifo && "
             "echo mine >t/.f.hx-part-0123456789abcdef && cp t/.f* share/t");
    for (int upload = 0; upload < 2; upload++) {
        assert_int_equal(copy_begin(&c, x, upload, upload ? "t" : "out", upload ? "" : "t"), HX_OK);
        copy_run(&c);
        assert_int_equal(c.state.skipped, 1);
        assert_int_equal(c.reports, 2); /* what has the name of a part is told, and is no failure */
        assert_int_equal(c.state.failed, 0);
        copy_end(&c);
    }
    assert_int_equal(count_names(x, "out/t", "hx-part"), 0);
}

static void what_is_there_already_is_compared_not_moved(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    size_t len = 3000000;
    uint8_t *data = pattern(len, 1);
    put_file(x, "share/f", data, len);
    assert_int_equal(get(x, "f", "f"), 0);
    assert_int_equal(copy_begin(&c, x, false, "f", "f"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.moved, 0);
    assert_int_equal(c.state.done, len);
    copy_end(&c);
    assert_int_equal(copy_begin(&c, x, true, "f", "f"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.moved, 0);
    copy_end(&c);
    shell(x, "touch -r f time && printf X | dd of=f bs=1 seek=1234567 conv=notrunc status=none && touch -r "
             "time f");
    assert_int_equal(copy_begin(&c, x, true, "f", "f"), HX_OK); /* the same size and time, another content */
    copy_run(&c);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.moved, len);
    shell(x, "cmp f share/f");
    copy_end(&c);
    free(data);
}

/* Breaks the connection again and again; each brings some more. */
static void a_download_goes_on_where_it_was(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    size_t len = 5000000;
    int breaks = 0;
    uint8_t *data = pattern(len, 2);
    put_file(x, "share/f", data, len);
    shell(x, "mkdir out");
    assert_int_equal(copy_begin(&c, x, false, "out", "f"), HX_OK);
    while (!c.done) {
        x->cut = 1000000;
        copy_run(&c);
        if (x->client)
            break;
        assert_int_equal(count_names(x, "out", "hx-part"), 1);
        fixture_connect(x);
        files_attach(c.files, x->client);
        assert_true(++breaks < 10);
    }
    copy_end(&c);
    assert_true(breaks >= 4);
    assert_int_equal(c.state.failed, 0);
    assert_true((size_t)c.state.moved < len + len / 10);
    assert_true(has_file(x, "out/f", data, len));
    assert_int_equal(count_names(x, "out", "hx-part"), 0);
    free(data);
}

static void a_later_copy_takes_up_what_an_earlier_one_left(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    size_t len = 4000000;
    uint8_t *data = pattern(len, 3);
    put_file(x, "share/f", data, len);
    shell(x, "mkdir out");
    assert_int_equal(copy_begin(&c, x, false, "out", "f"), HX_OK);
    x->cut = 3000000;
    copy_run(&c);
    assert_null(x->client);
    copy_end(&c);
    assert_int_equal(count_names(x, "out", "hx-part"), 1);
    fixture_connect(x);
    assert_int_equal(copy_begin(&c, x, false, "out", "f"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 0);
    assert_true(c.state.moved < 1200000);
    assert_int_equal(c.state.done, len);
    copy_end(&c);
    assert_true(has_file(x, "out/f", data, len));
    assert_int_equal(count_names(x, "out", "hx-part"), 0);
    free(data);
}

/* An upload that is broken off when so much was moved. */
static void break_upload(struct fixture *x, struct copy *c, int64_t moved)
{
    bool never = false;
    do {
        pass(x, x->client, x->server);
        pass(x, x->server, x->client);
        ev_run(x->loop, EVRUN_NOWAIT);
        files_state(c->files, &c->state);
    } while (c->state.moved < moved);
    fixture_break(x);
    files_detach(c->files);
    fixture_run(x, &never);
}

static void an_upload_goes_on_where_it_was(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    size_t len = 6000000;
    uint8_t *data = pattern(len, 4);
    put_file(x, "f", data, len);
    assert_int_equal(copy_begin(&c, x, true, "f", ""), HX_OK);
    break_upload(x, &c, 2000000);
    assert_int_equal(count_names(x, "share", "hx-part"), 1);
    fixture_connect(x);
    files_attach(c.files, x->client);
    break_upload(x, &c, 4000000);
    copy_end(&c);
    fixture_connect(x);
    assert_int_equal(copy_begin(&c, x, true, "f", ""), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 0);
    assert_true(c.state.moved > 0 && c.state.moved < 3500000);
    copy_end(&c);
    assert_true(has_file(x, "share/f", data, len));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
}

/* A part of the right name that holds something else: noticed at the end, told, then all of it once more. */
static void other_bytes(struct fixture *x, bool upload)
{
    struct copy c;
    struct stat st;
    char path[FIXTURE_PATH];
    char part[PATH_NAME_MAX + 1];
    uint8_t *data = pattern(2000000, 5);
    put_file(x, upload ? "f" : "share/f", data, 2000000);
    below(x, path, upload ? "f" : "share/f");
    assert_int_equal(stat(path, &st), 0);
    int64_t ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    assert_int_equal(path_part_name(part, "f", 2000000, ns), HX_OK);
    shell(x, "mkdir out");
    snprintf(path, sizeof path, "%s/%s", upload ? "share" : "out", part);
    put_file(x, path, "planted", 7);
    assert_int_equal(copy_begin(&c, x, upload, upload ? "f" : "out", upload ? "" : "f"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.moved, 2 * 2000000 - 7);
    assert_int_equal(c.reports, 1);
    assert_string_equal(c.reason, "what was held of it is of another file: it is copied anew");
    copy_end(&c);
    assert_true(has_file(x, upload ? "share/f" : "out/f", data, 2000000));
    free(data);
}

static void a_part_of_other_bytes_is_told_and_got_anew(void **state)
{
    other_bytes(*state, false);
}

static void a_part_of_other_bytes_at_the_peer_is_told_and_sent_anew(void **state)
{
    other_bytes(*state, true);
}

static void a_tree_survives_breaks_at_any_place(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    int breaks = 0;
    shell(x, "mkdir -p share/t/a/b share/t/c out && cd share/t && for i in $(seq 100); do "
             "head -c 5000 /dev/urandom >a/b/$i; echo $i >c/$i; done");
    assert_int_equal(copy_begin(&c, x, false, "out", "t"), HX_OK);
    while (!c.done) {
        x->cut = 9000 + breaks * 7919 % 20000; /* enough for the listing */
        copy_run(&c);
        if (x->client)
            break;
        fixture_connect(x);
        files_attach(c.files, x->client);
        assert_true(++breaks < 500);
    }
    copy_end(&c);
    assert_true(breaks > 10);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.files_done, 200);
    assert_same_tree(x, "share/t", "out/t");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_goes_where_cp_would_put_it),
        TEST(a_tree_goes_where_cp_would_put_it),
        TEST(many_small_files_keep_names_times_and_permissions),
        TEST(what_is_no_file_is_skipped_and_told),
        TEST(what_is_there_already_is_compared_not_moved),
        TEST(a_download_goes_on_where_it_was),
        TEST(a_later_copy_takes_up_what_an_earlier_one_left),
        TEST(an_upload_goes_on_where_it_was),
        TEST(a_part_of_other_bytes_is_told_and_got_anew),
        TEST(a_part_of_other_bytes_at_the_peer_is_told_and_sent_anew),
        TEST(a_tree_survives_breaks_at_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
