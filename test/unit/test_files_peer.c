#include "client/files/plan.h"
#include "files_fixture.h"
#include <sys/resource.h>

static void a_share_for_reading_says_so(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    fixture_share(x, ":ro");
    put_file(x, "f", "x", 1);
    assert_int_equal(copy_begin(&c, x, true, "f", ""), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 1);
    assert_string_equal(c.path, "f");
    assert_string_equal(c.reason, "the directory is shared for reading only");
    copy_end(&c);
}

static void paths_that_leave_the_share_are_refused_here(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    static const char *const bad[] = {"/etc/passwd", "..", "../f", "a/../../f"};
    put_file(x, "f", "x", 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(copy_begin(&c, x, false, "out", bad[i]), HX_EINVAL);
        assert_int_equal(copy_begin(&c, x, true, "f", bad[i]), HX_EINVAL);
    }
    assert_int_equal(copy_begin(&c, x, true, "none", ""), HX_ESYS);
    assert_string_equal(c.reason, "No such file or directory");
    assert_int_equal(x->requests, 0);
}

static void nothing_is_written_through_a_link_at_the_destination(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir -p share/t/d out/t outside && echo evil >share/t/d/f && echo evil >share/t/g && "
             "ln -s ../../outside out/t/d && echo old >outside/g && ln -s ../../outside/g out/t/g");
    assert_int_equal(get(x, "t", "out"), 3); /* d, d/f and g */
    assert_int_equal(count_names(x, "outside", "f"), 0);
    assert_true(has_file(x, "outside/g", "old\n", 4));
}

/* A peer that lists, and says of everything, what it likes. */
static void evil(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    const char *method = mux_field(m, ":method");
    bool tree = strcmp(mux_field(m, ":path"), "/files/t") == 0;
    const struct mux_field fields[] = {{":status", "200"},
                                       {"hx-type", tree ? "directory" : "file"},
                                       {"hx-size", "4"},
                                       {"hx-mtime", "1"},
                                       {"hx-mode", "777"}};
    struct mux_message answer = {.fields = fields, .count = 5, .ended = strcmp(method, "HEAD") == 0};
    const char *body = tree ? x->listing : "evil--------------------------------";
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    if (!answer.ended) {
        assert_int_equal(mux_stream_write(s, body, strlen(body)), strlen(body));
        mux_stream_end(s);
    }
}

/* Nothing of it is written. */
static void evil_fails(struct fixture *x, const char *remote, const char *reason)
{
    struct copy c;
    x->on_request = evil;
    shell(x, "rm -rf out && mkdir out");
    assert_int_equal(copy_begin(&c, x, false, "out", remote), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 1);
    assert_string_equal(c.reason, reason);
    copy_end(&c);
    shell(x, "test -z \"$(ls -A out)\"");
}

static void a_hostile_listing_writes_nothing_anywhere(void **state)
{
    struct fixture *x = *state;
    static const char *const listings[] = {
        "f 644 4 1 ../evil\n. 1 0\n",
        "f 644 4 1 /tmp/evil\n. 1 0\n",
        "f 644 4 1 %2e%2e/evil\n. 1 0\n",
        "f 644 4 1 ..%2fevil\n. 1 0\n",
        "f 644 4 1 a%00b\n. 1 0\n",
        "d 755 0 1 ..\n. 1 0\n",
        "d 755 0 1 d\nf 644 4 1 d/../../evil\n. 2 0\n",
        "f 644 4 1 .evil.hx-part-0123456789abcdef\n. 1 0\n",
        "f 644 -4 1 evil\n. 1 0\n",
        "f 644 9223372036854775807 1 evil\n. 1 0\n",
        "f 4755 4 1 evil\n. 1 0\n",
        "f 644 4 1 \n. 1 0\n",
        "l 644 4 1 evil\n. 1 0\n",
        "garbage\n",
        "f 644 4 1 evil\n. 2 0\n",
        "f 644 4 1 evil\n. 1 0\nf 644 4 1 evil2\n",
    };
    for (size_t i = 0; i < sizeof listings / sizeof *listings; i++) {
        x->listing = listings[i];
        evil_fails(x, "t", "the peer's listing is malformed");
        shell(x, "test ! -e evil && test ! -e ../evil");
    }
}

static void a_listing_that_never_becomes_whole_ends_the_copy(void **state)
{
    struct fixture *x = *state;
    x->listing = "f 644 4 1 evil\n";
    evil_fails(x, "t", "the listing is not whole");
    assert_int_equal(x->requests, 1 + FILES_TRIES);
}

/* The sum that evil() sends is none: tried a few times, then told; nothing gets the name. */
static void what_has_a_wrong_sum_gets_no_name(void **state)
{
    struct fixture *x = *state;
    evil_fails(x, "f", "the sum of what arrived is wrong");
    assert_int_equal(x->requests, 1 + FILES_TRIES);
}

/* To the question what is there of a file: all is well. */
static void all_is_well(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    const struct mux_field fields[] = {{":status", "206"}};
    const struct mux_message answer = {.fields = fields, .count = 1, .ended = true};
    if (mux_field(m, "hx-size"))
        mux_answer(s, &answer);
    else
        share_request(&x->peer, s, m);
}

static void a_file_is_there_only_if_it_was_put_or_compared(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    uint8_t *data = pattern(FILES_ASK_MIN, 3);
    put_file(x, "f", data, FILES_ASK_MIN);
    x->on_request = all_is_well;
    assert_int_equal(copy_begin(&c, x, true, "f", ""), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 1);
    assert_string_equal(c.reason, "the peer's answer makes no sense");
    copy_end(&c);
    free(data);
}

static void a_peer_without_a_share_is_told_of(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    assert_int_equal(copy_begin(&c, x, false, "out", "none"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 1);
    assert_string_equal(c.path, "none");
    assert_string_equal(c.reason, "does not exist");
    copy_end(&c);
}

static void a_plan_is_bounded(void **state)
{
    struct plan p = {0};
    struct file_entry e = {.type = 'f', .size = FILE_SIZE_MAX, .path = "a"};
    (void)state;
    assert_int_equal(plan_add(&p, &e), HX_OK);
    assert_int_equal(plan_add(&p, &e), HX_ETOOBIG);
    plan_clear(&p);
    char *name = malloc(PATH_TEXT_MAX);
    assert_non_null(name);
    memset(name, 'n', PATH_TEXT_MAX - 1);
    name[PATH_TEXT_MAX - 1] = '\0';
    e.size = 0;
    e.path = name;
    int count = 0;
    while (plan_add(&p, &e) == HX_OK)
        assert_true(++count <= PLAN_TEXT_MAX / PATH_TEXT_MAX);
    assert_int_equal(count, PLAN_TEXT_MAX / PATH_TEXT_MAX);
    plan_clear(&p);
    free(name);
}

/* Both ends of the fixture are one process. */
static void leave_no_descriptor(struct rlimit *before)
{
    struct rlimit none;
    int next = dup(STDERR_FILENO); /* the lowest that is free */
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    none = *before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

struct look {
    ev_timer timer;
    struct copy *copy;
    bool seen;
};

static void look_whether_it_waits(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct look *l = (struct look *)w;
    (void)loop;
    (void)revents;
    files_state(l->copy->files, &l->copy->state);
    l->seen = l->copy->state.busy || l->copy->state.over;
}

static void who_has_too_many_files_open_waits_and_says_why(void **state)
{
    struct fixture *x = *state;
    struct rlimit before;
    struct copy c;
    struct look look;
    for (int upload = 0; upload < 2; upload++) {
        put_file(x, upload ? "f" : "share/f", "x", 1);
        assert_int_equal(copy_begin(&c, x, upload, upload ? "f" : "out", upload ? "g" : "f"), HX_OK);
        look = (struct look){.copy = &c};
        ev_timer_init(&look.timer, look_whether_it_waits, 0.01, 0.01);
        leave_no_descriptor(&before);
        ev_timer_start(x->loop, &look.timer);
        fixture_run(x, &look.seen);
        ev_timer_stop(x->loop, &look.timer);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(c.state.busy);
        assert_non_null(strstr(c.state.busy_with, "too many"));
        copy_run(&c);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.state.files_done, 1);
        copy_end(&c);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_share_for_reading_says_so),
        TEST(paths_that_leave_the_share_are_refused_here),
        TEST(nothing_is_written_through_a_link_at_the_destination),
        TEST(a_hostile_listing_writes_nothing_anywhere),
        TEST(a_listing_that_never_becomes_whole_ends_the_copy),
        TEST(what_has_a_wrong_sum_gets_no_name),
        TEST(a_file_is_there_only_if_it_was_put_or_compared),
        TEST(a_peer_without_a_share_is_told_of),
        cmocka_unit_test(a_plan_is_bounded),
        TEST(who_has_too_many_files_open_waits_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
