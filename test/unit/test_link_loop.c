/* Loops of links where descriptors are few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/mux/link_loop.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SPARE 16

/* No descriptor can be opened from here on but `left` ones. */
static void leave(rlim_t left, struct rlimit *before)
{
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + left, before->rlim_max}), 0);
}

static int woken;

static void on_wake(struct ev_loop *loop, ev_async *w, int revents)
{
    (void)revents;
    woken++;
    ev_async_stop(loop, w);
}

static void a_loop_that_cannot_be_woken_is_none(void **state)
{
    struct rlimit before;

    (void)state;
    leave(0, &before);
    struct ev_loop *loop = link_loop_create();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(loop);
}

static void one_that_there_is_needs_no_descriptor_to_be_woken(void **state)
{
    struct rlimit before;
    ev_async wake;

    (void)state;
    struct ev_loop *loop = link_loop_create();
    assert_non_null(loop);
    leave(0, &before);
    ev_async_init(&wake, on_wake);
    ev_async_start(loop, &wake); /* libev's own loop ends the program here */
    ev_async_send(loop, &wake);
    ev_run(loop, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(woken, 1);
    ev_loop_destroy(loop);
}

static void none_is_lost_by_it(void **state)
{
    struct rlimit before;

    (void)state;
    leave(SPARE, &before);
    for (int i = 0; i < 4 * SPARE; i++) {
        struct ev_loop *loop = link_loop_create();
        assert_non_null(loop);
        ev_loop_destroy(loop);
    }
    leave(0, &(struct rlimit){0});
    for (int i = 0; i < 4 * SPARE; i++)
        assert_null(link_loop_create());
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_cannot_be_woken_is_none),
        cmocka_unit_test(one_that_there_is_needs_no_descriptor_to_be_woken),
        cmocka_unit_test(none_is_lost_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
