/* base/clock.h and shim/udt/udt_clock.h, with clocks that the test moves. */
#include "base/clock.h"
#include "shim/udt/udt_clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define NS_PER_MS 1000000LL
#define MINUTE_MS 60000
#define HOUR_MS   3600000
#define DAY_MS    (24LL * HOUR_MS)
#define THREADS   4
#define STOPS     200
#define LIMIT_S   60 /* of the whole program, which ends by SIGALRM then */
#define START_MS  (10LL * DAY_MS)

/* Where a test has put the clocks. What is not frozen goes on by itself. */
static atomic_bool frozen;
static _Atomic int64_t running_ns = START_MS * NS_PER_MS; /* CLOCK_MONOTONIC, if frozen */
static _Atomic int64_t asleep_ms, wall_ms;                /* added to CLOCK_BOOTTIME, CLOCK_REALTIME */
static atomic_int wall_readings;

static int64_t real_ns(clockid_t id)
{
    struct timespec ts;

    (void)syscall(SYS_clock_gettime, id, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* The C library's: the program's own goes first. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
    int64_t now_ns;

    if (id == CLOCK_MONOTONIC || id == CLOCK_BOOTTIME) {
        now_ns = frozen ? running_ns : real_ns(id);
        if (id == CLOCK_BOOTTIME)
            now_ns += asleep_ms * NS_PER_MS;
    } else {
        wall_readings++;
        now_ns = real_ns(id) + wall_ms * NS_PER_MS;
    }
    ts->tv_sec = now_ns / 1000000000;
    ts->tv_nsec = now_ns % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    wall_readings++;
    now->tv_sec = (real_ns(CLOCK_REALTIME) / NS_PER_MS + wall_ms) / 1000;
    now->tv_usec = 0;
    return 0;
}

static void go_on(int64_t ns)
{
    running_ns += ns;
}

/* Clocks stand still; the last gap is behind us. */
static int freeze(void **state)
{
    (void)state;
    frozen = true;
    go_on(DAY_MS * NS_PER_MS);
    (void)udt_clock_ns();
    return 0;
}

static int thaw(void **state)
{
    (void)state;
    frozen = false;
    asleep_ms = 0;
    wall_ms = 0;
    return 0;
}

static void a_stop_is_taken_out_of_udts_clock(void **state)
{
    int64_t begun = udt_clock_ns();

    (void)state;
    go_on(MINUTE_MS * NS_PER_MS);
    assert_in_range(udt_clock_ns() - begun, 0, NS_PER_MS);
    go_on(DAY_MS * NS_PER_MS);
    assert_in_range(udt_clock_ns() - begun, 0, 2 * NS_PER_MS);
    begun = udt_clock_ns();
    go_on(5 * NS_PER_MS);
    assert_int_equal(udt_clock_ns() - begun, 5 * NS_PER_MS);
}

static void a_pause_shorter_than_a_gap_is_time(void **state)
{
    int64_t begun = udt_clock_ns();

    (void)state;
    go_on(UDT_CLOCK_GAP_MS * NS_PER_MS - 1);
    assert_int_equal(udt_clock_ns() - begun, UDT_CLOCK_GAP_MS * NS_PER_MS - 1);
}

static void a_stop_does_not_set_back_what_was_read_just_before(void **state)
{
    (void)state;
    for (int64_t ns = 0; ns < 3 * NS_PER_MS; ns += NS_PER_MS / 10) {
        int64_t before;

        go_on(ns);
        before = udt_clock_ns();
        go_on(MINUTE_MS * NS_PER_MS);
        assert_true(udt_clock_ns() >= before);
    }
}

static _Atomic int64_t latest;
static atomic_int backwards, readers;
static atomic_bool done;

static void *read_often(void *unused)
{
    readers++;
    while (!done) {
        int64_t before = latest, now = udt_clock_ns();

        if (now < before)
            backwards++;
        while (before < now && !atomic_compare_exchange_weak(&latest, &before, now))
            continue;
    }
    return unused;
}

static void threads_never_see_it_go_back(void **state)
{
    pthread_t threads[THREADS];
    int64_t begun = udt_clock_ns();

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, NULL), 0);
    while (readers < THREADS)
        (void)udt_clock_ns();
    for (int i = 0; i < STOPS; i++) {
        for (int j = 0; j < 100; j++)
            go_on(NS_PER_MS / 30);
        (void)udt_clock_ns();
        go_on(MINUTE_MS * NS_PER_MS);
        (void)udt_clock_ns();
    }
    done = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(backwards, 0);
    assert_in_range(udt_clock_ns() - begun, 0, STOPS * 6 * NS_PER_MS);
}

static void a_suspend_moves_our_clock_and_not_udts(void **state)
{
    int64_t ours = clock_now_ms(), theirs = udt_clock_ns();

    (void)state;
    asleep_ms += HOUR_MS;
    assert_int_equal(clock_now_ms() - ours, HOUR_MS);
    assert_int_equal(udt_clock_ns() - theirs, 0);
}

static void no_step_of_the_wall_clock_moves_either(void **state)
{
    static const int64_t steps[] = {HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS};
    int64_t ours = clock_now_ms(), theirs = udt_clock_ns();

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        wall_ms += steps[i];
        assert_int_equal(clock_now_ms(), ours);
        assert_int_equal(udt_clock_ns(), theirs);
    }
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER; /* made for the wall clock */

static void wait_until(int64_t deadline_ms)
{
    pthread_mutex_lock(&mutex);
    while (clock_wait(&cond, &mutex, deadline_ms)) /* may wake up for nothing */
        continue;
    pthread_mutex_unlock(&mutex);
    assert_true(clock_now_ms() >= deadline_ms);
}

/* A wait that the step made an hour longer would be ended by SIGALRM. */
static void a_wait_ends_at_its_deadline_whatever_the_wall_clock_says(void **state)
{
    static const int64_t steps[] = {0, HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        wall_ms = steps[i];
        wait_until(clock_now_ms() + 10);
    }
}

static void a_wait_whose_deadline_passed_in_a_suspend_ends_at_once(void **state)
{
    int64_t deadline_ms = clock_now_ms() + HOUR_MS;

    (void)state;
    asleep_ms += HOUR_MS;
    wait_until(deadline_ms);
}

static void *step_and_signal(void *unused)
{
    pthread_mutex_lock(&mutex);
    wall_ms -= DAY_MS;
    done = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void a_wait_without_a_deadline_ends_with_a_signal(void **state)
{
    (void)state;
    done = false;
    pthread_mutex_lock(&mutex);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, step_and_signal, NULL), 0);
    while (!done)
        assert_true(clock_wait(&cond, &mutex, INT64_MAX));
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
}

static void nothing_reads_the_wall_clock(void **state)
{
    int before = wall_readings; /* cmocka has read it */

    (void)state;
    (void)clock_now_us();
    (void)udt_clock_ns();
    wait_until(clock_now_ms() + 5);
    assert_int_equal(wall_readings, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stop_is_taken_out_of_udts_clock, freeze, thaw),
        cmocka_unit_test_setup_teardown(a_pause_shorter_than_a_gap_is_time, freeze, thaw),
        cmocka_unit_test_setup_teardown(a_stop_does_not_set_back_what_was_read_just_before, freeze, thaw),
        cmocka_unit_test_setup_teardown(threads_never_see_it_go_back, freeze, thaw),
        cmocka_unit_test_setup_teardown(a_suspend_moves_our_clock_and_not_udts, freeze, thaw),
        cmocka_unit_test_setup_teardown(no_step_of_the_wall_clock_moves_either, freeze, thaw),
        cmocka_unit_test_teardown(a_wait_ends_at_its_deadline_whatever_the_wall_clock_says, thaw),
        cmocka_unit_test_teardown(a_wait_whose_deadline_passed_in_a_suspend_ends_at_once, thaw),
        cmocka_unit_test_teardown(a_wait_without_a_deadline_ends_with_a_signal, thaw),
        cmocka_unit_test(nothing_reads_the_wall_clock),
    };

    alarm(LIMIT_S);
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
