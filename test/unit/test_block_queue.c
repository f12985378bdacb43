/* client/files/block_queue.h: blocks that a thread works on. */
#include "client/files/block_queue.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MANY 1000
#define FEW  16 /* as many as wait at a time */

struct work {
    pthread_mutex_t gate; /* who holds it lets no block be worked on */
    size_t count;         /* of blocks that were worked on */
    size_t fails_at;      /* their number */
    bool in_order;
};

static int work_on(void *user, const uint8_t *data, size_t len)
{
    struct work *w = user;
    size_t number;
    pthread_mutex_lock(&w->gate);
    pthread_mutex_unlock(&w->gate);
    memcpy(&number, data, sizeof number);
    if (number != w->count || len != sizeof number + number)
        w->in_order = false;
    if (w->count == w->fails_at) {
        errno = ENOSPC;
        return HX_ESYS;
    }
    w->count++;
    return HX_OK;
}

static int give(struct block_queue *q, size_t number)
{
    memcpy(block_queue_room(q), &number, sizeof number);
    return block_queue_give(q, sizeof number + number);
}

static struct block_queue *try_begin(struct work *w, size_t fails_at)
{
    *w = (struct work){.fails_at = fails_at, .in_order = true};
    pthread_mutex_init(&w->gate, NULL);
    return block_queue_create(work_on, w);
}

static struct block_queue *begin(struct work *w, size_t fails_at)
{
    struct block_queue *q = try_begin(w, fails_at);
    assert_non_null(q);
    return q;
}

static void all_blocks_are_worked_on_in_order(void **state)
{
    struct work w;
    struct block_queue *q = begin(&w, SIZE_MAX);
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(give(q, i), HX_OK);
    assert_int_equal(block_queue_wait(q), HX_OK);
    assert_int_equal(w.count, MANY);
    assert_true(w.in_order);
    assert_int_equal(give(q, MANY), HX_OK); /* and it goes on after that */
    block_queue_destroy(q);
    assert_int_equal(w.count, MANY + 1);
}

static void who_gives_does_not_wait_for_the_work(void **state)
{
    struct work w;
    struct block_queue *q = begin(&w, SIZE_MAX);
    (void)state;
    pthread_mutex_lock(&w.gate);
    for (size_t i = 0; i < FEW; i++)
        assert_int_equal(give(q, i), HX_OK);
    assert_int_equal(w.count, 0);
    pthread_mutex_unlock(&w.gate);
    block_queue_destroy(q);
    assert_int_equal(w.count, FEW);
    assert_true(w.in_order);
}

static void after_a_failure_nothing_is_worked_on(void **state)
{
    struct work w;
    struct block_queue *q = begin(&w, 3);
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(give(q, i), HX_OK);
    (void)give(q, 3); /* it may have failed by now, or fails later */
    errno = 0;
    assert_int_equal(block_queue_wait(q), HX_ESYS);
    assert_int_equal(errno, ENOSPC);
    errno = 0;
    assert_int_equal(give(q, 4), HX_ESYS);
    assert_int_equal(errno, ENOSPC);
    block_queue_destroy(q);
    assert_int_equal(w.count, 3);
}

/* Who gets none does the work itself. */
static void threads_are_bounded(void **state)
{
    struct work w[64];
    struct block_queue *q[64];
    size_t made = 0;
    (void)state;
    while (made < 64 && (q[made] = try_begin(&w[made], SIZE_MAX)))
        made++;
    assert_in_range(made, 1, 63);
    for (size_t i = 0; i < made; i++) {
        assert_int_equal(give(q[i], 0), HX_OK);
        block_queue_destroy(q[i]);
        assert_int_equal(w[i].count, 1);
    }
    block_queue_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_blocks_are_worked_on_in_order),
        cmocka_unit_test(who_gives_does_not_wait_for_the_work),
        cmocka_unit_test(after_a_failure_nothing_is_worked_on),
        cmocka_unit_test(threads_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
