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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_a_source_that_changes_the_destination_keeps_no_part),
        TEST(what_the_source_refuses_is_told_as_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
