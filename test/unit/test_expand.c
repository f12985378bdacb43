#include "client/files/expand.h"
#include "share_fixture.h"

struct expansion {
    struct fixture *x;
    struct expand *expand;
    bool done;
    int old, links, reports;
    char reason[128];
};

static void on_link(void *user, const char *path)
{
    (void)path;
    ((struct expansion *)user)->links++;
}

static void on_report(void *user, const char *path, const char *reason)
{
    struct expansion *e = user;
    (void)path;
    e->reports++;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
}

static void on_old(void *user)
{
    ((struct expansion *)user)->old++;
}

static void on_done(void *user)
{
    ((struct expansion *)user)->done = true;
}

static void start(struct expansion *e, struct fixture *x, char *const *sources, size_t count,
                  enum links links)
{
    memset(e, 0, sizeof *e);
    e->x = x;
    const struct expand_config config = {.sources = sources,
                                         .count = count,
                                         .links = links,
                                         .link = on_link,
                                         .report = on_report,
                                         .old = on_old,
                                         .done = on_done,
                                         .user = e};
    assert_true(expand_is_needed(sources, count));
    assert_int_equal(expand_create(&e->expand, &config), HX_OK);
    expand_attach(e->expand, x->client);
}

/* "a b/c" */
static const char *paths(const struct expansion *e, size_t *failed)
{
    static char all[1024];
    size_t count;
    const char *const *paths = expand_paths(e->expand, &count, failed);
    all[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(strcat(all, i > 0 ? " " : ""), paths[i]);
    return all;
}

static void fill(struct fixture *x)
{
    char path[FIXTURE_PATH];
    put_file(x, "share/b.c", "", 0);
    put_file(x, "share/a.c", "", 0);
    put_file(x, "share/a.h", "", 0);
    in_share(x, path, "d");
    assert_int_equal(mkdir(path, 0755), 0);
    in_share(x, path, "l.c");
    assert_int_equal(symlink("a.c", path), 0);
}

static void patterns_become_names_in_order(void **state)
{
    struct fixture *x = *state;
    struct expansion e;
    size_t failed;
    char *const sources[] = {"*.h", "plain", "*.c", "*/", "d*/."};
    fill(x);
    start(&e, x, sources, 5, LINKS_LEAVE);
    fixture_run(x, &e.done);
    assert_string_equal(paths(&e, &failed), "a.h plain a.c b.c d/ d/.");
    assert_int_equal(failed, 0);
    assert_int_equal(e.links, 1);
    expand_destroy(e.expand);
    start(&e, x, sources, 3, LINKS_COPY);
    fixture_run(x, &e.done);
    assert_string_equal(paths(&e, &failed), "a.h plain a.c b.c l.c");
    expand_destroy(e.expand);
}

static void what_matches_nothing_costs_only_itself(void **state)
{
    struct fixture *x = *state;
    struct expansion e;
    size_t failed;
    char *const sources[] = {"*.none", "a.?"};
    fill(x);
    start(&e, x, sources, 2, LINKS_LEAVE);
    fixture_run(x, &e.done);
    assert_string_equal(paths(&e, &failed), "a.c a.h");
    assert_int_equal(failed, 1);
    assert_int_equal(e.reports, 1);
    assert_non_null(strstr(e.reason, "nothing there matches"));
    expand_destroy(e.expand);
}

static void answer_as_before(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    const struct mux_field fields[] = {{":status", "200"}, {"hx-type", "directory"}};
    const struct mux_message answer = {.fields = fields, .count = 2};
    static const struct mux_stream_events nothing = {.closed = NULL};
    (void)x;
    (void)m;
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    (void)mux_stream_write(s, "f 644 0 0 other\n", 16);
}

static void with_a_peer_that_knows_none_they_are_names(void **state)
{
    struct fixture *x = *state;
    struct expansion e;
    size_t failed;
    char *const sources[] = {"*.c", "a.?"};
    x->on_request = answer_as_before;
    start(&e, x, sources, 2, LINKS_LEAVE);
    fixture_run(x, &e.done);
    assert_string_equal(paths(&e, &failed), "*.c a.?");
    assert_int_equal(e.old, 1);
    assert_int_equal(e.reports, 0);
    expand_destroy(e.expand);
}

static void answer_nonsense(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    const struct mux_field fields[] = {{":status", "200"}, {SHARE_GLOB, "1"}};
    const struct mux_message answer = {.fields = fields, .count = 2};
    static const struct mux_stream_events nothing = {.closed = NULL};
    (void)m;
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    (void)mux_stream_write(s, x->listing, strlen(x->listing));
    mux_stream_end(s);
}

static void what_a_peer_says_is_looked_at(void **state)
{
    static const struct {
        const char *listing, *reason;
    } cases[] = {{"f 644 0 0 ../x\n. 1 0\n", "makes no sense"},
                 {"f 644 0 0 x.c\n", "makes no sense"},
                 {"f 644 0 0 .bashrc\n. 1 0\n", "makes no sense"},
                 {"f 644 0 0 .c\n. 1 0\n", "makes no sense"},
                 {"f 644 0 0 d/x.c\n. 1 0\n", "makes no sense"},
                 {"s device 0 0 x\n. 0 1\n", "makes no sense"},
                 {"rubbish\n", "makes no sense"},
                 {"f 644 0 0 x.c\n. 1 1\n", "name fewer"},
                 {"s device 0 0 x.c\n. 0 1\n", "neither a file"}};
    struct fixture *x = *state;
    char *const sources[] = {"*.c"};
    x->on_request = answer_nonsense;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct expansion e;
        size_t failed;
        x->listing = cases[i].listing;
        start(&e, x, sources, 1, LINKS_LEAVE);
        fixture_run(x, &e.done);
        (void)paths(&e, &failed);
        assert_int_equal(failed, 1);
        assert_non_null(strstr(e.reason, cases[i].reason));
        expand_destroy(e.expand);
    }
}

static void a_new_connection_asks_again(void **state)
{
    struct fixture *x = *state;
    struct expansion e;
    size_t failed;
    char *const sources[] = {"a.*", "*.c"};
    fill(x);
    for (int64_t cut = 0; cut < 400; cut += 7) {
        start(&e, x, sources, 2, LINKS_LEAVE);
        x->cut = cut;
        fixture_run(x, &e.done);
        if (!x->client) {
            expand_detach(e.expand);
            fixture_connect(x);
            expand_attach(e.expand, x->client);
            fixture_run(x, &e.done);
        }
        assert_string_equal(paths(&e, &failed), "a.c a.h b.c");
        assert_int_equal(failed, 0);
        expand_destroy(e.expand);
        x->cut = -1;
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns_become_names_in_order),
        TEST(what_matches_nothing_costs_only_itself),
        TEST(with_a_peer_that_knows_none_they_are_names),
        TEST(what_a_peer_says_is_looked_at),
        TEST(a_new_connection_asks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
