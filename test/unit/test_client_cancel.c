/* hx_cleanup() while hx_bind() waits: for what OpenSSL does once in a process, which is played here. */
#include "test/unit/client_fixture.h"
#include <poll.h>

static int bound[2]; /* a pipe: a byte when the name is bound */

void __wrap_tls_warm_up(void);

/* Without the engine's lock; when it returns the name has been bound, and is not any more. */
void __wrap_tls_warm_up(void)
{
    struct pollfd fd = {bound[0], POLLIN, 0};
    if (poll(&fd, 1, PATIENCE_MS) == 1)
        hx_cleanup();
}

static void tell_bound(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event == HX_EVENT_BOUND)
        say(bound[1]);
}

/* Exits with what hx_bind() returned, negated. */
static enum outcome bind_and_be_cancelled(int hear_fd, int say_fd)
{
    char key[HX_KEY_TEXT_MAX];
    struct hx_config config = defaults();
    struct hx_listener *l;
    (void)hear_fd;
    (void)say_fd;
    if (hx_key_generate(key) < 0 || pipe(bound) < 0)
        return FAILED_PROOF;
    config.keys = key;
    config.on_event = tell_bound;
    return (enum outcome) - hx_bind(&l, &config, "cancelled");
}

static void a_listener_that_was_cancelled_while_it_was_bound_is_none(void **state)
{
    struct process binder = start(bind_and_be_cancelled);
    (void)state;
    assert_int_equal(finish(&binder), -HX_ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_that_was_cancelled_while_it_was_bound_is_none),
    };

    return cmocka_run_group_tests_name("client cancel", tests, start_nameserver, stop_nameserver);
}
