/* Programs that were built with another hx.h than the library. */
#define hx_bind bind_of_program
#include "test/unit/client_fixture.h"
#undef hx_bind

/* As hx.h of 0.1.0 declared it, whose hx_config ended before `family`. */
int hx_bind(struct hx_listener **out, const struct hx_config *config, const char *name);

static enum outcome bind_as_of_old(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();

    config.family = 77; /* what lies behind the config of such a program */
    struct hx_listener *l;
    if (hx_bind_sized(&l, &config, sizeof config, "of-old") != HX_EINVAL ||
        hx_bind(&l, &config, "of-old") < 0)
        return FAILED_BIND;
    say(say_fd);
    (void)hear(hear_fd);
    hx_listener_close(l);
    hx_cleanup();
    return DONE;
}

static void a_program_that_was_linked_with_0_1_0_binds(void **state)
{
    struct process binder = start(bind_as_of_old);

    (void)state;
    assert_true(hear(binder.hear));
    say(binder.say);
    assert_int_equal(finish(&binder), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_was_linked_with_0_1_0_binds),
    };

    return cmocka_run_group_tests_name("client compat", tests, start_nameserver, stop_nameserver);
}
