#include "client/files/between_parts.h"
#include "client/files/part.h"
#include "pair_fixture.h"
#include <fcntl.h>
#include <malloc.h>

/* What both shares have, by diff -r; true: the same. */
static bool same(struct pair *p, const char *a, const char *b)
{
    char command[FIXTURE_PATH];
    snprintf(command, sizeof command, "diff -r --no-dereference %s/share/%s %s/share/%s", p->x->top, a,
             p->y->top, b);
    return system(command) == 0; /* NOLINT(cert-env33-c): a path that we made */
}

static void a_file_goes_from_one_to_the_other(void **state)
{
    struct pair *p = *state;
    uint8_t *data = pattern(700000, 3);
    put_file(p->x, "share/f", data, 700000);
    shell(p->x, "chmod 640 share/f && touch -d @1234567890 share/f");
    assert_int_equal(between(p, "f", "g"), 0);
    assert_true(has_file(p->y, "share/g", data, 700000));
    shell(p->y, "test \"$(stat -c %a,%Y share/g)\" = 640,1234567890");
    assert_int_equal(p->copy.state.moved, 700000);
    assert_int_equal(p->copy.state.files_done, 1);
    free(data);
}

static void nothing_of_it_moves_again(void **state)
{
    struct pair *p = *state;
    uint8_t *data = pattern(3000000, 3);
    put_file(p->x, "share/f", data, 3000000);
    assert_int_equal(between(p, "f", ""), 0);
    assert_int_equal(between(p, "f", ""), 0);
    assert_int_equal(p->copy.state.moved, 0);
    assert_int_equal(p->copy.state.done, 3000000);
    shell(p->y, "printf x | dd of=share/f conv=notrunc status=none && touch -r share/f keep");
    shell(p->x, "touch -d @1234567890 share/f");
    shell(p->y, "touch -d @1234567890 share/f"); /* as long and as old, of other bytes */
    assert_int_equal(between(p, "f", ""), 0);
    assert_true(has_file(p->y, "share/f", data, 3000000));
    free(data);
}

static void a_tree_goes_with_all_that_is_in_it(void **state)
{
    struct pair *p = *state;
    shell(p->x, "mkdir -p share/t/a/b share/t/c && for i in $(seq 50); do echo $i >share/t/a/b/$i; done && "
                ": >share/t/empty && head -c 2000000 /dev/urandom >share/t/c/big && chmod 750 share/t/c && "
                "touch -d @1000000000 share/t/a");
    assert_int_equal(between(p, "t", ""), 0);
    assert_true(same(p, "t", "t"));
    shell(p->y, "test \"$(stat -c %a share/t/c),$(stat -c %Y share/t/a)\" = 750,1000000000");
    assert_int_equal(p->copy.state.files, 52);
    assert_int_equal(between(p, "t/.", "t"), 0); /* what is in it, into the one that is there */
    assert_int_equal(p->copy.state.moved, 0);
    assert_int_equal(between(p, "t", "new"), 0);
    assert_true(same(p, "t", "new"));
}

static void of_many_small_files_those_that_differ_move(void **state)
{
    struct pair *p = *state;
    shell(p->x, "mkdir share/t && for i in $(seq 3000); do echo $i >share/t/$i; done");
    assert_int_equal(between(p, "t", ""), 0);
    assert_true(same(p, "t", "t"));
    assert_true(p->x->requests < 20); /* a batch, not a request for each */
    shell(p->y, "rm share/t/7 && touch -r share/t/8 keep && echo X >share/t/8 && touch -r keep share/t/8");
    p->x->requests = p->y->requests = 0;
    assert_int_equal(between(p, "t", ""), 0);
    assert_true(same(p, "t", "t"));
    assert_int_equal(p->copy.state.moved, 4);
    assert_int_equal(p->copy.state.files_done, 3000);
    assert_true(p->x->requests < 20 && p->y->requests < 20);
}

/* A peer that says in answers that it knows batches, and refuses them, or breaks them off. */
static bool breaks;

static void no_batch(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    const struct mux_field fields[] = {{":status", "405"}};
    const struct mux_message answer = {.fields = fields, .count = 1, .ended = true};
    if (strcmp(mux_field(m, ":method"), "POST") != 0)
        share_request(&x->peer, s, m);
    else if (breaks)
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
    else
        mux_answer(s, &answer);
}

static void without_batches_each_takes_a_request(void **state)
{
    struct pair *p = *state;
    shell(p->x, "mkdir -p share/t/d && for i in $(seq 100); do echo $i >share/t/d/$i; done");
    for (int i = 0; i < 4; i++) {
        breaks = i & 1;
        p->x->on_request = i & 2 ? no_batch : NULL;
        p->y->on_request = i & 2 ? NULL : no_batch;
        shell(p->y, "rm -rf share/t");
        assert_int_equal(between(p, "t", ""), 0);
        assert_true(same(p, "t", "t"));
    }
}

static void several_go_into_a_directory(void **state)
{
    struct pair *p = *state;
    const char *const sources[] = {"a", "d", "none", "e/a", "../x"};
    shell(p->x, "mkdir share/d share/e && echo 1 >share/a && echo 2 >share/d/b && echo 3 >share/e/a");
    shell(p->y, "mkdir share/to");
    begin_between(p, sources, 5, "to");
    run_between(p);
    assert_int_equal(p->copy.state.failed, 3);
    assert_int_equal(p->copy.reports, 3);
    between_destroy(p->between);
    assert_true(has_file(p->y, "share/to/a", "1\n", 2) && has_file(p->y, "share/to/d/b", "2\n", 2));
    begin_between(p, sources, 2, "missing");
    run_between(p);
    assert_int_equal(p->copy.state.failed, 2);
    assert_string_equal(p->copy.path, "y:missing");
    assert_string_equal(p->copy.reason, "there is no such directory");
    between_destroy(p->between);
}

/* Of several patterns one has matched. */
static void one_of_several_goes_into_a_directory_too(void **state)
{
    struct pair *p = *state;
    p->into = true;
    put_file(p->x, "share/f", "x", 1);
    assert_int_equal(between(p, "f", "missing"), 1);
    assert_string_equal(p->copy.reason, "there is no such directory");
    assert_int_equal(count_names(p->y, "share", ""), 0);
    shell(p->y, "mkdir share/d");
    assert_int_equal(between(p, "f", "d"), 0);
    assert_true(has_file(p->y, "share/d/f", "x", 1));
}

static void what_is_not_there_is_named_with_its_host(void **state)
{
    struct pair *p = *state;
    assert_int_equal(between(p, "none", ""), 1);
    assert_string_equal(p->copy.path, "x:none");
    put_file(p->x, "share/f", "x", 1);
    fixture_share(p->y, ":ro");
    assert_int_equal(between(p, "f", ""), 1);
    assert_string_equal(p->copy.path, "y:f");
    assert_string_equal(p->copy.reason, "the directory is shared for reading only");
}

static void a_broken_connection_costs_what_was_on_its_way(void **state)
{
    struct pair *p = *state;
    static const char *const source = "f";
    size_t len = 6000000;
    uint8_t *data = pattern(len, 5);
    put_file(p->x, "share/f", data, len);
    begin_between(p, &source, 1, "");
    p->x->cut = 4000000;
    run_between(p);
    assert_false(p->copy.done);
    between_detach(p->between, BETWEEN_FROM);
    fixture_connect(p->x);
    between_attach(p->between, BETWEEN_FROM, p->x->client);
    run_between(p);
    assert_true(p->copy.done);
    assert_int_equal(p->copy.state.failed, 0);
    assert_true(has_file(p->y, "share/f", data, len));
    assert_true(p->copy.state.moved < (int64_t)len + 3000000);
    between_destroy(p->between);
    free(data);
}

/* The destination does not read: what is on its way is what the windows let. */
static void what_the_destination_does_not_take_is_not_fetched(void **state)
{
    struct pair *p = *state;
    static const char *const source = "f";
    uint8_t *data = pattern(8000000, 5);
    put_file(p->x, "share/f", data, 8000000);
    begin_between(p, &source, 1, "");
    struct files_state s;
    move(p, 1);
    for (int i = 0; i < 2000; i++) { /* all but what the destination is sent */
        (void)pass(p->x, p->x->client, p->x->server);
        (void)pass(p->x, p->x->server, p->x->client);
        ev_run(p->x->loop, EVRUN_NOWAIT);
    }
    between_state(p->between, &s);
    assert_true(s.moved < 2000000);
    run_between(p);
    assert_true(has_file(p->y, "share/f", data, 8000000));
    between_destroy(p->between);
    free(data);
}

static void holes_and_links_stay_what_they_are(void **state)
{
    struct pair *p = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    p->links = LINKS_COPY;
    shell(p->x, "mkdir share/t && truncate -s 20M share/t/holes && printf data >>share/t/holes && "
                "ln -s holes share/t/near && ln -s /etc/passwd share/t/out");
    assert_int_equal(between(p, "t", ""), 0);
    shell(p->y, "test \"$(readlink share/t/near)\" = holes && test ! -L share/t/out");
    shell(p->x, "rm share/t/out");
    assert_true(same(p, "t", "t"));
    in_share(p->y, path, "t/holes");
    assert_int_equal(stat(path, &st), 0);
    if (st.st_blocks * 512 < st.st_size / 2) /* the file system knows holes */
        assert_true(p->copy.state.moved < 1000000);
}

static void what_is_there_is_left_with_no_clobber(void **state)
{
    struct pair *p = *state;
    p->no_clobber = true;
    put_file(p->x, "share/f", "new", 3);
    put_file(p->y, "share/f", "old!", 4);
    assert_int_equal(between(p, "f", ""), 0);
    assert_int_equal(p->copy.state.left, 1);
    assert_true(has_file(p->y, "share/f", "old!", 4));
}

static void what_is_left_out_is_told_by_its_name_and_not_counted(void **state)
{
    struct pair *p = *state;
    p->choice = (struct choice){.excludes = (const char *const[]){"x*"}, .count = 1};
    shell(p->x, "mkdir -p share/d/t && cd share/d/t && ln -s none xlink && mkfifo xfifo && echo 1 >f");
    assert_int_equal(between(p, "d/t", ""), 0);
    assert_int_equal(p->copy.state.skipped, 0);
    assert_non_null(strstr(p->skipped, " t/xlink"));
    assert_non_null(strstr(p->skipped, " t/xfifo"));
    shell(p->x, "cd share/d/t && rm x* && ln -s none link");
    assert_int_equal(between(p, "d/t", ""), 0);
    assert_int_equal(p->copy.state.skipped, 0);
    assert_string_equal(p->skipped, " t/link");
}

/* The source lies of its bytes: the sum is the source's own, but a wrong one must not pass. */
static void lying(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    const struct mux_field fields[] = {
        {":status", "200"}, {"hx-type", "file"}, {"hx-size", "4"}, {"hx-mtime", "1"}, {"hx-mode", "644"}};
    struct mux_message answer = {
        .fields = fields, .count = 5, .ended = strcmp(mux_field(m, ":method"), "HEAD") == 0};
    (void)x;
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    if (answer.ended)
        return;
    assert_int_equal(mux_stream_write(s, "evil--------------------------------", 36), 36);
    mux_stream_end(s);
}

static void a_wrong_sum_makes_no_file(void **state)
{
    struct pair *p = *state;
    p->x->on_request = lying;
    assert_int_equal(between(p, "f", ""), 1);
    assert_int_equal(count_names(p->y, "share", ""), 0);
    assert_string_equal(p->copy.path, "y:f");
}

static int asked; /* requests to the destination */

static void on_link_asked(struct fixture *y, struct mux_stream *s, const struct mux_message *m)
{
    const char *type = mux_field(m, "hx-type");
    asked += type && strcmp(type, "link") == 0;
    share_request(&y->peer, s, m);
}

static void what_cannot_be_there_is_tried_once(void **state)
{
    struct pair *p = *state;
    p->links = LINKS_COPY;
    p->y->on_request = on_link_asked;
    shell(p->x, "mkdir share/t && ln -s near share/t/link");
    shell(p->y, "mkdir -p share/t/link");
    asked = 0;
    assert_int_equal(between(p, "t", ""), 1);
    assert_string_equal(p->copy.path, "y:t/link");
    assert_int_equal(asked, 1);
}

static void on_asked(struct fixture *y, struct mux_stream *s, const struct mux_message *m)
{
    asked++;
    share_request(&y->peer, s, m);
}

static void while_another_one_has_the_part_nothing_is_fetched_again(void **state)
{
    struct pair *p = *state;
    static const char *const source = "f";
    const struct file_entry e = {
        .mode = 0644, .size = 1000, .mtime_ns = INT64_C(1234567890000000000), .path = "g"};
    uint8_t *data = pattern(1000, 5);
    struct part part;
    struct files_state s = {0};
    uint64_t steps = 0;
    int root = open(p->y->dir, O_PATH | O_DIRECTORY);
    put_file(p->x, "share/f", data, 1000);
    shell(p->x, "touch -d @1234567890 share/f");
    assert_int_equal(part_open(&part, root, &e), HX_OK);
    asked = 0;
    p->y->on_request = on_asked;
    begin_between(p, &source, 1, "g");
    while (asked < 6) { /* what is there, the first try, and those that follow */
        ev_run(p->x->loop, pass_all(p) ? EVRUN_NOWAIT : EVRUN_ONCE);
        between_state(p->between, &s);
        steps = asked < 4 ? s.steps : steps;
    }
    assert_int_equal(s.moved, 1000);
    assert_true(s.busy);
    assert_true(s.steps == steps);
    part_close(&part);
    close(root);
    run_between(p);
    assert_true(has_file(p->y, "share/g", data, 1000));
    between_destroy(p->between);
    free(data);
}

static void a_name_is_of_the_first_one_that_is_copied(void **state)
{
    static const char *const sources[] = {"a/x", "none/x", "none/x", "c/x", "d/x", "a/y", "d/x"};
    struct pair *p = *state;
    shell(p->x,
          "mkdir -p share/a share/c share/d && echo c >share/c/x && echo d >share/d/x && echo y >share/a/y");
    begin_between(p, sources, 7, "");
    run_between(p);
    assert_true(p->copy.done);
    between_destroy(p->between);
    assert_int_equal(p->copy.state.failed, 5);
    assert_int_equal(p->copy.state.files_done, 2);
    assert_true(has_file(p->y, "share/x", (const uint8_t *)"c\n", 2));
    assert_true(has_file(p->y, "share/y", (const uint8_t *)"y\n", 2));
    begin_between(p, sources + 1, 2, "");
    run_between(p);
    between_destroy(p->between);
    assert_int_equal(p->copy.state.failed, 2); /* neither is there */
    assert_string_equal(p->copy.reason, "does not exist");
}

/* As many as patterns may have matches; a sanitizer's allocator counts nothing. */
static void a_source_takes_no_more_than_its_names(void **state)
{
    enum { COUNT = 20000, EACH = 512 };
    struct pair *p = *state;
    const char **sources = calloc(COUNT, sizeof *sources);
    assert_non_null(sources);
    for (size_t i = 0; i < COUNT; i++)
        sources[i] = "some/file";
    struct mallinfo2 before = mallinfo2();
    begin_between(p, sources, COUNT, "");
    struct mallinfo2 with = mallinfo2();
    size_t taken = with.uordblks + with.hblkhd - before.uordblks - before.hblkhd;
    between_destroy(p->between);
    assert_in_range(taken, 0, sizeof(struct between) + COUNT * EACH);
    free(sources);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_goes_from_one_to_the_other),
        TEST(nothing_of_it_moves_again),
        TEST(a_tree_goes_with_all_that_is_in_it),
        TEST(of_many_small_files_those_that_differ_move),
        TEST(without_batches_each_takes_a_request),
        TEST(several_go_into_a_directory),
        TEST(one_of_several_goes_into_a_directory_too),
        TEST(what_is_not_there_is_named_with_its_host),
        TEST(a_broken_connection_costs_what_was_on_its_way),
        TEST(what_the_destination_does_not_take_is_not_fetched),
        TEST(holes_and_links_stay_what_they_are),
        TEST(what_is_there_is_left_with_no_clobber),
        TEST(what_is_left_out_is_told_by_its_name_and_not_counted),
        TEST(a_wrong_sum_makes_no_file),
        TEST(what_cannot_be_there_is_tried_once),
        TEST(while_another_one_has_the_part_nothing_is_fetched_again),
        TEST(a_name_is_of_the_first_one_that_is_copied),
        TEST(a_source_takes_no_more_than_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
