/* Which requests hx bind serves, by their method and path. */
#include "client/tool/serve.h"
#include "share_fixture.h"

static struct serve serve;

static void on_serve(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    (void)x;
    serve_request(&serve, s, m);
}

/* What is offered is an echo. */
static int set_up(void **state)
{
    static const struct serve_config config = {.echo = true};
    int err = fixture_setup(state);
    struct fixture *x = *state;
    x->on_request = on_serve;
    serve = (struct serve){.loop = x->loop, .config = &config, .who = "somebody"};
    serve_init(&serve);
    return err;
}

static void each_path_has_its_method(void **state)
{
    static const char *const posted[] = {"/pipe", "/echo", "/run"};
    for (size_t i = 0; i < sizeof posted / sizeof *posted; i++) {
        assert_int_equal(status_of(*state, "GET", posted[i]), 405);
        assert_int_equal(status_of(*state, "PUT", posted[i]), 405);
    }
    assert_int_equal(status_of(*state, "POST", "/info"), 405);
    assert_int_equal(status_of(*state, "PUT", "/info"), 405);
}

static void what_is_not_offered_is_not_found(void **state)
{
    static const char *const paths[] = {"/run", "/files/", "/files/x", "/", "/nothing", "/infos"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(status_of(*state, "POST", paths[i]), 404);
}

static void an_echo_is_the_pipe_of_who_has_no_other(void **state)
{
    static const char *const paths[] = {"/echo", "/pipe"};
    struct fixture *x = *state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct answer *a = begin(x, "POST", paths[i], NULL, "hello", 5);
        fixture_run(x, &a->done);
        assert_string_equal(a->status, "200");
        assert_int_equal(a->len, 5);
        assert_memory_equal(a->body, "hello", 5);
        answer_free(a);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_path_has_its_method),
        TEST(what_is_not_offered_is_not_found),
        TEST(an_echo_is_the_pipe_of_who_has_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
