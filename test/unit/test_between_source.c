/* What a source does while it is copied from one peer to another one. */
#include "pair_fixture.h"

static void of_a_source_that_changes_the_destination_keeps_no_part(void **state)
{
    struct pair *p = *state;
    static const char *const source = "f";
    uint8_t *data = pattern(6000000, 8);
    put_file(p->x, "share/f", data, 6000000);
    begin_between(p, &source, 1, "");
    move(p, 2000000);
    assert_int_equal(count_names(p->y, "share", "hx-part"), 1);
    shell(p->x, "truncate -s 1000000 share/f");
    run_between(p);
    between_destroy(p->between);
    assert_int_equal(p->copy.state.failed, 0);
    assert_string_equal(p->copy.path, "x:f");
    assert_non_null(strstr(p->copy.reason, "changed"));
    assert_true(has_file(p->y, "share/f", data, 1000000));
    assert_int_equal(count_names(p->y, "share", "hx-part"), 0);
    free(data);
}

static void nothing_is_given(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    if (strcmp(mux_field(m, ":method"), "GET") == 0)
        mux_refuse(s, "403");
    else
        share_request(&x->peer, s, m);
}

/* The destination was asked before, what it has of it. */
static void what_the_source_refuses_is_told_as_its_own(void **state)
{
    struct pair *p = *state;
    uint8_t *data = pattern(FILES_ASK_MIN, 9);
    put_file(p->x, "share/f", data, FILES_ASK_MIN);
    p->x->on_request = nothing_is_given;
    assert_int_equal(between(p, "f", "g"), 1);
    assert_string_equal(p->copy.path, "x:f");
    free(data);
}

static void lists_badly(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    static const char listing[] = "f 644 4 1 f\nd 755 0 1 d\ngarbage\n";
    static const struct mux_stream_events nothing = {.closed = NULL};
    static const struct mux_field fields[] = {{":status", "200"},
                                              {"hx-type", "directory"},
                                              {"hx-size", "0"},
                                              {"hx-mtime", "1"},
                                              {"hx-mode", "755"}};
    static const struct mux_message answer = {.fields = fields, .count = sizeof fields / sizeof *fields};
    if (strcmp(mux_field(m, ":method"), "GET") != 0 || strcmp(mux_field(m, ":path"), "/files/bad") != 0) {
        share_request(&x->peer, s, m);
        return;
    }
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    assert_int_equal(mux_stream_write(s, listing, sizeof listing - 1), sizeof listing - 1);
    mux_stream_end(s);
}

static void of_a_tree_that_cannot_be_listed_nothing_is_copied(void **state)
{
    static const char *const sources[] = {"good", "bad", "last"};
    struct pair *p = *state;
    p->x->on_request = lists_badly;
    shell(p->x, "cd share && mkdir good bad last && echo 1 >good/f && echo 2 >bad/f && echo 3 >last/f");
    begin_between(p, sources, 3, "");
    run_between(p);
    between_destroy(p->between);
    assert_int_equal(p->copy.state.failed, 1);
    assert_string_equal(p->copy.reason, "the peer's listing is malformed");
    assert_int_equal(p->copy.state.files, 2);
    assert_int_equal(p->copy.state.files_done, 2);
    shell(p->y, "cd share && test \"$(ls)\" = \"$(printf 'good\nlast')\" && grep -q 3 last/f");
    assert_int_equal(between(p, "bad", ""), 1);
    shell(p->y, "test ! -e share/bad");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_a_source_that_changes_the_destination_keeps_no_part),
        TEST(what_the_source_refuses_is_told_as_its_own),
        TEST(of_a_tree_that_cannot_be_listed_nothing_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
