/* shim/udt/udt_closed.cc: sessions that end while others go on are removed by the later closes. */
#include "base/clock.h"
#include "test/unit/udt_fixture.h"
#include <malloc.h>

#define ROUNDS_MAX 4
#define LASTS_MS   4000  /* closes are looked at after one second: three more follow */
#define LEFT_MAX   20480 /* bytes; what one session leaves, a hundred times over */
#define SETTLE_MS  2500  /* UDT's collector removes the last ones within this time */

static int have_sessions(int ms)
{
    int64_t end_ms = clock_now_ms() + ms;
    int count = 0;

    for (; clock_now_ms() < end_ms; count++) {
        struct stream *accepted, *s = connect_to(left, server, &accepted);

        stream_close(accepted);
        stream_close(s);
    }
    poll(NULL, 0, SETTLE_MS);
    return count;
}

static void sessions_that_end_one_after_the_other_leave_nothing_behind(void **state)
{
    (void)state;
    have_sessions(LASTS_MS); /* tables and buffers get their size */
    if (mallinfo2().uordblks == 0) {
        print_message("not measured: a sanitizer's malloc() does not count\n");
        skip();
    }
    size_t before, after;
    int rounds = 0;
    /* A leak is in each round. Tables still grow in one that a busy machine lets run faster than those
     * before it: one round of ROUNDS_MAX in which little is left shows that nothing leaks. */
    do {
        before = mallinfo2().uordblks;
        int count = have_sessions(LASTS_MS);
        after = mallinfo2().uordblks;
        print_message("%d sessions left %zd bytes\n", count, (ssize_t)(after - before));
        assert_true(count > 400);
    } while (after > before + LEFT_MAX && ++rounds < ROUNDS_MAX);
    assert_in_range(after, 0, before + LEFT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_that_end_one_after_the_other_leave_nothing_behind),
    };

    return cmocka_run_group_tests_name("closed", tests, open_all, close_all);
}
