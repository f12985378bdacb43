/* Of few descriptors the last ones are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/descriptors.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rlimit before;

static int limit_to(rlim_t most)
{
    return setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, before.rlim_max});
}

/* A descriptor of this very number. */
static int numbered(int number)
{
    int any = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(any >= 0);
    assert_int_equal(fcntl(any, F_DUPFD_CLOEXEC, number), number);
    close(any);
    return number;
}

static int remember(void **state)
{
    (void)state;
    return getrlimit(RLIMIT_NOFILE, &before);
}

static int restore(void **state)
{
    (void)state;
    return setrlimit(RLIMIT_NOFILE, &before);
}

static void of_many_sixteen_are_kept(void **state)
{
    (void)state;
    assert_int_equal(limit_to(512), 0);
    assert_int_equal(descriptors_spare(numbered(512 - 17)), 512 - 17);
    close(512 - 17);
    assert_int_equal(descriptors_spare(numbered(512 - 16)), -1);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(fcntl(512 - 16, F_GETFD), -1); /* it was closed */
}

static void of_few_an_eighth_is(void **state)
{
    (void)state;
    assert_int_equal(limit_to(80), 0);
    assert_int_equal(descriptors_spare(numbered(69)), 69);
    close(69);
    assert_int_equal(descriptors_spare(numbered(70)), -1);
}

static void what_could_not_be_opened_stays_so(void **state)
{
    (void)state;
    errno = EAFNOSUPPORT;
    assert_int_equal(descriptors_spare(-1), -1);
    assert_int_equal(errno, EAFNOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_many_sixteen_are_kept, remember, restore),
        cmocka_unit_test_setup_teardown(of_few_an_eighth_is, remember, restore),
        cmocka_unit_test(what_could_not_be_opened_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
