#include "client/files/copies.h"
#include "files_fixture.h"

struct many {
    struct copy copy; /* what is reported */
    struct copies *copies;
};

static int many_begin(struct many *m, struct fixture *x, bool upload, const char *target,
                      const char *const *sources, size_t count)
{
    memset(m, 0, sizeof *m);
    struct copies_config config = {.each = {.loop = x->loop,
                                            .upload = upload,
                                            .local = target,
                                            .remote = target,
                                            .into = count > 1,
                                            .report = on_report,
                                            .done = on_done,
                                            .user = &m->copy},
                                   .sources = sources,
                                   .count = count};
    int err = copies_create(&m->copies, &config);
    if (err == HX_OK)
        copies_attach(m->copies, x->client);
    return err;
}

/* All of it; returns how many have failed. */
static size_t many(struct fixture *x, bool upload, const char *target, const char *const *sources,
                   size_t count, struct many *m)
{
    assert_int_equal(many_begin(m, x, upload, target, sources, count), HX_OK);
    fixture_run(x, &m->copy.done);
    assert_true(m->copy.done);
    copies_state(m->copies, &m->copy.state);
    copies_destroy(m->copies);
    return m->copy.state.failed;
}

/* Paths here are relative to the fixture's directory. */
static int enter_top(void **state)
{
    int err = fixture_setup(state);
    struct fixture *x = *state;
    return err == 0 ? chdir(x->top) : err;
}

static int leave_top(void **state)
{
    return chdir("/") == 0 ? fixture_teardown(state) : -1;
}

static void several_sources_go_into_a_directory_both_ways(void **state)
{
    struct fixture *x = *state;
    static const char *const up[] = {"a", "dir", "with/b", "more/."};
    static const char *const down[] = {"d/a", "d/dir", "d/b"};
    struct many m;
    shell(x, "mkdir -p dir/sub with more share/d back && echo 1 >a && echo 2 >with/b && echo 3 >dir/sub/f && "
             "echo 4 >more/g");
    assert_int_equal(many(x, true, "d", up, 4, &m), 0);
    assert_int_equal(m.copy.state.files_done, 4);
    assert_int_equal(m.copy.state.total, 8);
    assert_int_equal(m.copy.state.done, 8);
    shell(x, "cmp a share/d/a && cmp with/b share/d/b && cmp more/g share/d/g && diff -r dir share/d/dir");
    assert_int_equal(many(x, false, "back", down, 3, &m), 0);
    shell(x, "cmp a back/a && cmp with/b back/b && diff -r dir back/dir");
}

static void what_cannot_be_had_costs_only_itself(void **state)
{
    struct fixture *x = *state;
    static const char *const up[] = {"none", "a", "../a", "b"};
    static const char *const down[] = {"none", "a", "b/../x", "b"};
    struct many m;
    shell(x, "mkdir -p out && echo 1 >a && echo 2 >b");
    assert_int_equal(many(x, true, "", up, 4, &m), 2);
    assert_int_equal(m.copy.reports, 2);
    shell(x, "cmp a share/a && cmp b share/b");
    assert_int_equal(many(x, false, "out", down, 4, &m), 2);
    shell(x, "cmp a out/a && cmp b out/b");
}

static void an_earlier_source_of_the_same_name_is_not_overwritten(void **state)
{
    struct fixture *x = *state;
    static const char *const up[] = {"a/f", "b/f/", "a/g"};
    struct many m;
    shell(x, "mkdir -p a b/f && echo 1 >a/f && echo 2 >a/g");
    assert_int_equal(many(x, true, "", up, 3, &m), 1);
    assert_string_equal(m.copy.path, "b/f/");
    assert_non_null(strstr(m.copy.reason, "same name"));
    shell(x, "cmp a/f share/f && cmp a/g share/g");
}

static void several_sources_want_a_directory_and_say_so_once(void **state)
{
    struct fixture *x = *state;
    static const char *const names[] = {"a", "b", "c"};
    struct many m;
    shell(x, "for i in a b c; do echo $i >$i; echo $i >share/$i; done; echo x >file; echo x >share/file");
    assert_int_equal(many_begin(&m, x, false, "file", names, 3), HX_ESYS);
    assert_non_null(strstr(m.copy.reason, "no directory"));
    assert_int_equal(many_begin(&m, x, false, "none", names, 3), HX_ESYS);
    assert_int_equal(m.copy.reports, 1);
    assert_int_equal(many(x, true, "file", names, 3, &m), 3);
    assert_int_equal(m.copy.reports, 1);
    assert_string_equal(m.copy.path, "file");
    assert_int_equal(many(x, true, "none", names, 3, &m), 3);
    assert_int_equal(m.copy.reports, 1);
    shell(x, "test ! -e share/none && echo x | cmp - share/file && echo x | cmp - file");
}

/* A round trip each would be 3 for each of them. */
static void many_single_files_are_on_their_way_at_once(void **state)
{
    struct fixture *x = *state;
    enum { COUNT = 200 };
    static char names[COUNT][8];
    static const char *sources[COUNT];
    struct many m;
    size_t turns = 0;
    shell(x, "mkdir out && for i in $(seq 0 199); do echo $i >f$i; done");
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        sources[i] = names[i];
    }
    assert_int_equal(many_begin(&m, x, true, "", sources, COUNT), HX_OK);
    size_t most = 0;
    while (!m.copy.done) {
        bool moved = pass(x, x->client, x->server);
        size_t open = (size_t)mux_stream_count(x->client);
        most = open > most ? open : most;
        moved = pass(x, x->server, x->client) || moved;
        ev_run(x->loop, moved ? EVRUN_NOWAIT : EVRUN_ONCE);
        assert_true(++turns < 1000000);
    }
    copies_state(m.copies, &m.copy.state);
    assert_int_equal(m.copy.state.failed, 0);
    assert_int_equal(m.copy.state.files_done, COUNT);
    copies_destroy(m.copies);
    assert_true(most >= COPIES_AT_ONCE);
    assert_int_equal(x->requests, COUNT + 1); /* the destination is looked at once */
    assert_int_equal(many(x, false, "out", sources, COUNT, &m), 0);
    shell(x, "for i in $(seq 0 199); do cmp f$i out/f$i || exit 1; done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_sources_go_into_a_directory_both_ways, enter_top, leave_top),
        cmocka_unit_test_setup_teardown(what_cannot_be_had_costs_only_itself, enter_top, leave_top),
        cmocka_unit_test_setup_teardown(an_earlier_source_of_the_same_name_is_not_overwritten, enter_top,
                                        leave_top),
        cmocka_unit_test_setup_teardown(several_sources_want_a_directory_and_say_so_once, enter_top,
                                        leave_top),
        cmocka_unit_test_setup_teardown(many_single_files_are_on_their_way_at_once, enter_top, leave_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
