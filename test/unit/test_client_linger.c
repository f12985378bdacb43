#include "client/linger.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A living hx peer that has not confirmed anything, at 1000. */
static struct linger_view hx_peer(void)
{
    return (struct linger_view){
        .half_close.peer_speaks = true, .unacked = 5, .heard_ms = 1000, .now_ms = 1000};
}

static int judge(struct linger_state *l, struct linger_view *v, int64_t now_ms)
{
    v->now_ms = v->heard_ms = now_ms;
    return linger_judge(l, v);
}

static void an_hx_peer_is_waited_for_until_it_confirms(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    linger_init(&l, 30000, -1, 1000);
    assert_int_equal(judge(&l, &v, 1000), HX_EAGAIN);
    v.unacked = 0;
    assert_int_equal(judge(&l, &v, 20000), HX_EAGAIN);
    v.half_close.sent_confirmed = true;
    assert_int_equal(judge(&l, &v, 20001), HX_OK);
}

static void an_hx_peer_that_goes_before_it_confirms_is_a_failure(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    linger_init(&l, 30000, 0, 1000);
    v.unacked = 0;
    v.gone = true;
    assert_int_equal(judge(&l, &v, 1000), HX_ECLOSED);
}

static void a_confirmation_counts_even_if_the_peer_is_gone(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    linger_init(&l, 30000, -1, 1000);
    v.half_close.sent_confirmed = v.half_close.received_all = true;
    v.gone = true;
    v.unacked = HX_ECLOSED;
    assert_int_equal(judge(&l, &v, 1000), HX_OK);
}

static void a_peer_that_waits_for_our_word_gets_some_time_to_hear_it(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    linger_init(&l, 30000, -1, 1000);
    v.half_close.sent_confirmed = v.half_close.received_all = true;
    assert_int_equal(judge(&l, &v, 1000), HX_EAGAIN);
    assert_int_equal(judge(&l, &v, 1000 + LINGER_PARTING_MS - 1), HX_EAGAIN);
    assert_int_equal(judge(&l, &v, 1000 + LINGER_PARTING_MS), HX_OK);
    linger_init(&l, 30000, -1, 1000);
    v.half_close.peer_done = true;
    assert_int_equal(judge(&l, &v, 1000), HX_OK);
}

static void no_progress_ends_the_wait_and_progress_prolongs_it(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    linger_init(&l, 3000, -1, 1000);
    assert_int_equal(judge(&l, &v, 1000), HX_EAGAIN);
    assert_int_equal(judge(&l, &v, 3999), HX_EAGAIN);
    v.unacked = 4;
    assert_int_equal(judge(&l, &v, 4100), HX_EAGAIN);
    assert_int_equal(judge(&l, &v, 7099), HX_EAGAIN);
    assert_int_equal(judge(&l, &v, 7100), HX_ETIMEDOUT);
}

static void a_negative_time_waits_as_long_as_the_peer_lives(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    linger_init(&l, -1, -1, 1000);
    assert_int_equal(judge(&l, &v, 1000), HX_EAGAIN);
    assert_int_equal(judge(&l, &v, 100000000), HX_EAGAIN);
    v.now_ms += LINGER_SILENCE_MS;
    assert_int_equal(linger_judge(&l, &v), HX_ECLOSED);
}

static void a_stock_peer_has_everything_once_all_is_acknowledged(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    v.half_close.peer_speaks = false;
    linger_init(&l, 30000, -1, 1000);
    assert_int_equal(judge(&l, &v, 1000 + LINGER_STOCK_MS), HX_EAGAIN);
    v.unacked = 0;
    assert_int_equal(judge(&l, &v, 1000 + LINGER_STOCK_MS), HX_OK);
}

static void a_peer_that_has_not_greeted_yet_is_not_taken_for_a_stock_one_at_once(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    v.half_close.peer_speaks = false;
    v.unacked = 0;
    linger_init(&l, 30000, -1, 1000);
    assert_int_equal(judge(&l, &v, 1000 + LINGER_STOCK_MS - 1), HX_EAGAIN);
}

static void a_stock_peer_that_leaves_is_judged_by_what_was_acknowledged_before(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    v.half_close.peer_speaks = false;
    v.gone = true;
    v.unacked = HX_ECLOSED;
    linger_init(&l, 30000, 0, 1000);
    assert_int_equal(judge(&l, &v, 1000), HX_OK);
    linger_init(&l, 30000, -1, 1000);
    assert_int_equal(judge(&l, &v, 1000), HX_ECLOSED);
}

static void a_canceled_wait_ends_whatever_is_known(void **state)
{
    (void)state;
    struct linger_state l;
    struct linger_view v = hx_peer();
    v.canceled = v.half_close.sent_confirmed = true;
    linger_init(&l, -1, 0, 1000);
    assert_int_equal(judge(&l, &v, 1000), HX_ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hx_peer_is_waited_for_until_it_confirms),
        cmocka_unit_test(an_hx_peer_that_goes_before_it_confirms_is_a_failure),
        cmocka_unit_test(a_confirmation_counts_even_if_the_peer_is_gone),
        cmocka_unit_test(a_peer_that_waits_for_our_word_gets_some_time_to_hear_it),
        cmocka_unit_test(no_progress_ends_the_wait_and_progress_prolongs_it),
        cmocka_unit_test(a_negative_time_waits_as_long_as_the_peer_lives),
        cmocka_unit_test(a_stock_peer_has_everything_once_all_is_acknowledged),
        cmocka_unit_test(a_peer_that_has_not_greeted_yet_is_not_taken_for_a_stock_one_at_once),
        cmocka_unit_test(a_stock_peer_that_leaves_is_judged_by_what_was_acknowledged_before),
        cmocka_unit_test(a_canceled_wait_ends_whatever_is_known),
    };
    return cmocka_run_group_tests_name("client linger", tests, NULL, NULL);
}
