/* shim/udt/udt_clock: what nobody saw is taken out, and no reading is earlier than one before. */
#include "shim/udt/udt_clock.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
/* cmocka wants the above */
#include <cmocka.h>

#define NS_PER_MS 1000000LL
#define READERS   4

/* Readings follow each other closely; the last one is returned. */
static int64_t read_for(int64_t ns)
{
    int64_t begun = udt_clock_ns(), last = begun;

    while (last - begun < ns) {
        int64_t now = udt_clock_ns();

        assert_true(now >= last);
        last = now;
    }
    return last;
}

/* The gap begins at any time between two milliseconds. */
static void a_gap_is_taken_out_and_the_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t before = read_for(19 * NS_PER_MS / 10);
    poll(NULL, 0, UDT_CLOCK_GAP_MS + 50);
    int64_t after = udt_clock_ns();
    assert_true(after >= before);
    assert_true(after - before < UDT_CLOCK_GAP_MS / 2 * NS_PER_MS);
}

static _Atomic int64_t latest;
static atomic_bool went_back;

/* A reading that begins after another one has ended is not earlier, whoever took that. */
static void *read_with_others(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        int64_t least = atomic_load(&latest), now = udt_clock_ns(), seen = least;

        if (now < least)
            went_back = true;
        while (seen < now && !atomic_compare_exchange_weak(&latest, &seen, now))
            ;
    }
    return unused;
}

static void it_goes_back_for_no_thread_either(void **state)
{
    pthread_t threads[READERS];

    (void)state;
    latest = read_for(19 * NS_PER_MS / 10);
    poll(NULL, 0, UDT_CLOCK_GAP_MS + 50); /* all of them come upon it at once */
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_with_others, NULL), 0);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_false(went_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_is_taken_out_and_the_clock_does_not_go_back),
        cmocka_unit_test(it_goes_back_for_no_thread_either),
    };

    return cmocka_run_group_tests_name("udt clock", tests, NULL, NULL);
}
