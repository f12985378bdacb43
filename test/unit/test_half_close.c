/* shim/udt/half_close.h: both ends of two directions are agreed upon, whatever the network does
 * to the packets. */
#include "shim/udt/half_close.h"
#include "shim/udt/packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the above */
#include <cmocka.h>

#define STEP_MS  10
#define LIMIT_MS 60000

struct pair {
    struct half_close a, b;
    int64_t now_ms;
    unsigned seed; /* of the losses */
    unsigned lose_percent;
    int sent;
};

static bool lost(struct pair *p)
{
    return (unsigned)rand_r(&p->seed) % 100 < p->lose_percent;
}

static void deliver(struct pair *p, struct half_close *to, struct half_close *from,
                    const uint8_t body[HALF_CLOSE_SIZE])
{
    uint8_t answer[HALF_CLOSE_SIZE];

    p->sent++;
    if (lost(p) || !half_close_receive(to, body, HALF_CLOSE_SIZE, p->now_ms))
        return;
    half_close_answer(to, answer);
    p->sent++;
    if (!lost(p))
        assert_false(
            half_close_receive(from, answer, HALF_CLOSE_SIZE, p->now_ms)); /* an answer asks for no answer */
}

static void step(struct pair *p)
{
    uint8_t body[HALF_CLOSE_SIZE];

    if (p->a.due_ms <= p->now_ms) {
        half_close_message(&p->a, body, p->now_ms);
        deliver(p, &p->b, &p->a, body);
    }
    if (p->b.due_ms <= p->now_ms) {
        half_close_message(&p->b, body, p->now_ms);
        deliver(p, &p->a, &p->b, body);
    }
    p->now_ms += STEP_MS;
}

static struct pair pair_start(unsigned seed, unsigned lose_percent)
{
    struct pair p = {.seed = seed, .lose_percent = lose_percent};

    half_close_init(&p.a, 0);
    half_close_init(&p.b, 0);
    return p;
}

static void run(struct pair *p, int64_t until_ms)
{
    while (p->now_ms < until_ms)
        step(p);
}

static void the_peers_learn_that_they_speak_to_hx(void **state)
{
    struct pair p = pair_start(1, 0);

    (void)state;
    run(&p, 100);
    assert_true(p.a.peer_speaks);
    assert_true(p.b.peer_speaks);
}

static void a_stock_peer_is_greeted_a_few_times_and_then_left_alone(void **state)
{
    struct pair p = pair_start(1, 100);

    (void)state;
    run(&p, LIMIT_MS);
    assert_int_equal(p.a.due_ms, INT64_MAX);
    assert_in_range(p.sent, 2 * HALF_CLOSE_HELLO_TRIES, 2 * HALF_CLOSE_HELLO_TRIES + 2);
}

static void an_end_is_confirmed_only_when_the_peer_has_read_everything(void **state)
{
    struct pair p = pair_start(1, 0);

    (void)state;
    half_close_end(&p.a, 5000000000u, p.now_ms);
    run(&p, 500);
    assert_true(p.b.peer_ended);
    assert_true(p.b.peer_offset == 5000000000u);
    assert_false(p.a.confirmed);
    half_close_read(&p.b, p.now_ms);
    run(&p, 600);
    assert_true(p.a.confirmed);
    assert_false(half_close_done(&p.a)); /* the other direction is still open */
}

static void both_sides_are_done_when_both_directions_are(void **state)
{
    struct pair p = pair_start(1, 0);

    (void)state;
    half_close_end(&p.a, 10, p.now_ms);
    half_close_end(&p.b, 20, p.now_ms);
    run(&p, 100);
    half_close_read(&p.a, p.now_ms);
    half_close_read(&p.b, p.now_ms);
    run(&p, 1000);
    assert_true(half_close_done(&p.a) && half_close_done(&p.b));
    assert_true(p.a.peer_done && p.b.peer_done);
    assert_int_equal(p.a.due_ms, INT64_MAX);
    assert_int_equal(p.b.due_ms, INT64_MAX);
}

static void the_end_is_found_at_30_percent_loss_with_any_seed(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 500; seed++) {
        struct pair p = pair_start(seed, 30);

        half_close_end(&p.a, 10, p.now_ms);
        run(&p, 300);
        half_close_read(&p.b, p.now_ms);
        half_close_end(&p.b, 20, p.now_ms);
        run(&p, 700);
        half_close_read(&p.a, p.now_ms);
        while (!(half_close_done(&p.a) && half_close_done(&p.b))) {
            step(&p);
            assert_in_range(p.now_ms, 0, LIMIT_MS);
        }
        assert_true(p.a.peer_offset == 20 && p.b.peer_offset == 10);
    }
}

static void a_waiting_pair_stays_below_a_few_packets_a_second(void **state)
{
    struct pair p = pair_start(1, 0);

    (void)state;
    half_close_end(&p.a, 10, p.now_ms);
    half_close_end(&p.b, 20, p.now_ms); /* both wait for the other's application to read */
    run(&p, LIMIT_MS);
    assert_in_range(p.sent, 2, 5 * LIMIT_MS / 1000);
}

static void a_confirmation_of_what_has_not_ended_is_ignored(void **state)
{
    uint8_t body[HALF_CLOSE_SIZE] = {0};

    (void)state;
    struct half_close f;
    half_close_init(&f, 0);
    packet_put_word(body, HALF_CLOSE_READ | HALF_CLOSE_DONE);
    assert_false(half_close_receive(&f, body, sizeof body, 0));
    assert_false(f.confirmed);
    assert_false(f.peer_done);
}

static void an_end_cannot_be_moved(void **state)
{
    uint8_t body[HALF_CLOSE_SIZE] = {0};

    (void)state;
    struct half_close f;
    half_close_init(&f, 0);
    packet_put_word(body, HALF_CLOSE_ENDED);
    packet_put_word(body + 8, 100);
    half_close_receive(&f, body, sizeof body, 0);
    packet_put_word(body + 8, 50);
    half_close_receive(&f, body, sizeof body, 0);
    assert_true(f.peer_offset == 100);
    half_close_end(&f, 7, 0);
    half_close_end(&f, 8, 0);
    assert_true(f.sent_offset == 7);
}

static void packets_of_another_size_are_ignored(void **state)
{
    uint8_t body[HALF_CLOSE_SIZE + 1] = {0};

    (void)state;
    struct half_close f;
    half_close_init(&f, 0);
    packet_put_word(body, HALF_CLOSE_ENDED | HALF_CLOSE_REPLY);
    for (size_t len = 0; len <= sizeof body; len++) {
        if (len != HALF_CLOSE_SIZE)
            assert_false(half_close_receive(&f, body, len, 0));
    }
    assert_false(f.peer_speaks);
    assert_true(half_close_receive(&f, body, HALF_CLOSE_SIZE, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peers_learn_that_they_speak_to_hx),
        cmocka_unit_test(a_stock_peer_is_greeted_a_few_times_and_then_left_alone),
        cmocka_unit_test(an_end_is_confirmed_only_when_the_peer_has_read_everything),
        cmocka_unit_test(both_sides_are_done_when_both_directions_are),
        cmocka_unit_test(the_end_is_found_at_30_percent_loss_with_any_seed),
        cmocka_unit_test(a_waiting_pair_stays_below_a_few_packets_a_second),
        cmocka_unit_test(a_confirmation_of_what_has_not_ended_is_ignored),
        cmocka_unit_test(an_end_cannot_be_moved),
        cmocka_unit_test(packets_of_another_size_are_ignored),
    };

    return cmocka_run_group_tests_name("half_close", tests, NULL, NULL);
}
