/* A name that is bound by somebody else: whether its holder lives, and who gets it. */
#include "test/unit/meeting_fixture.h"

static void a_holder_that_is_heard_after_the_challenge_keeps_the_name_and_the_newcomer_gets_409(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->silent = true;
    other = fixture_ask(*state, "203.0.113.77:7", BIND);
    assert_string_equal(fixture_body(h1), PROBE);
    assert_string_equal(other->output, "");
    fixture_pass(*state, 200);
    assert_string_equal(other->output, "");
    fixture_hear(*state, h1);
    assert_int_equal(fixture_status(other), 409);
    assert_false(other->closed);
    fixture_pass(*state, 2000);
    assert_false(h1->closed);
    fixture_ask(*state, H2, CONNECT);
    assert_string_equal(fixture_body(h1), PROBE PART_H2);
}

static void a_keepalive_of_which_no_event_tells_proves_life_too(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->silent = true;
    h1->acks = false; /* the challenge is never acknowledged */
    other = fixture_ask(*state, "203.0.113.77:7", BIND);
    fixture_pass(*state, 999);
    h1->heard_ms = ((struct fixture *)*state)->now_ms;
    fixture_pass(*state, 1);
    assert_int_equal(fixture_status(other), 409);
    assert_false(h1->closed);
}

static void what_was_heard_before_the_challenge_proves_nothing(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->silent = true;
    h1->heard_ms = ((struct fixture *)*state)->now_ms;
    other = fixture_ask(*state, "203.0.113.77:7", BIND);
    fixture_pass(*state, 1000);
    assert_true(h1->closed);
    assert_int_equal(fixture_status(other), 200);
}

static void a_dead_holder_is_dropped_after_one_second(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->silent = true;
    other = fixture_ask(*state, "203.0.113.77:7", BIND);
    fixture_pass(*state, 999);
    assert_string_equal(other->output, "");
    assert_false(h1->closed);
    fixture_pass(*state, 1);
    assert_true(h1->closed);
    assert_int_equal(fixture_status(other), 200);
    assert_true(fixture_logged(*state, "event=challenged"));
    assert_true(fixture_logged(*state, "did not answer the challenge"));
}

/* 800 ms of round trip: measured from the answer of the bind to its acknowledgement. */
static struct fake_stream *distant_holder(struct fixture *f)
{
    struct fake_stream *h1 = fixture_peer(f, H1);

    h1->acks = false;
    fixture_say(f, h1, "GET " BIND " HTTP/1.1\r\n\r\n");
    fixture_pass(f, 800);
    h1->unacked = 0;
    fixture_ready(f, h1);
    h1->silent = true;
    return h1;
}

/* The answer of the bind may be lost, or its acknowledgement: for seconds nothing is measured. */
static void a_distant_holder_has_them_before_its_first_acknowledgement(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = fixture_peer(f, H1), *other;

    h1->acks = false;
    fixture_pass(f, 1200); /* its connection's conclusion, and its request */
    fixture_say(f, h1, "GET " BIND " HTTP/1.1\r\n\r\n");
    h1->silent = true;
    fixture_pass(f, 3000);
    other = fixture_ask(f, "203.0.113.77:7", BIND);
    fixture_pass(f, 4 * 1200 - 1);
    assert_string_equal(other->output, "");
    fixture_hear(f, h1);
    assert_int_equal(fixture_status(other), 409);
    assert_false(h1->closed);
}

/* What comes with the handshake tells nothing of the way. */
static void a_holder_of_which_nothing_was_measured_is_taken_for_a_distant_one(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = fixture_peer(f, H1), *other;

    h1->acks = false;
    fixture_say(f, h1, "GET " BIND " HTTP/1.1\r\n\r\n");
    h1->silent = true;
    other = fixture_ask(f, "203.0.113.77:7", BIND);
    fixture_pass(f, 3999);
    assert_string_equal(other->output, "");
    fixture_hear(f, h1);
    assert_int_equal(fixture_status(other), 409);
    assert_false(h1->closed);
}

static void a_distant_holder_has_four_round_trips(void **state)
{
    struct fake_stream *h1 = distant_holder(*state);
    struct fake_stream *other = fixture_ask(*state, "203.0.113.77:7", BIND);

    fixture_pass(*state, 3199);
    assert_string_equal(other->output, "");
    fixture_pass(*state, 1);
    assert_true(h1->closed);
    assert_int_equal(fixture_status(other), 200);
}

static void a_challenge_is_repeated_once_its_answer_is_overdue(void **state)
{
    struct fake_stream *h1 = distant_holder(*state);
    struct fake_stream *other = fixture_ask(*state, "203.0.113.77:7", BIND);

    for (int ms = 0; ms < 990; ms += 10)
        fixture_pass(*state, 10);
    assert_string_equal(fixture_body(h1), PROBE);
    for (int ms = 0; ms < 1400; ms += 10) /* what is written later cannot be answered in time */
        fixture_pass(*state, 10);
    size_t probes = fixture_count(fixture_body(h1), PROBE);
    assert_in_range(probes, 7, 12);
    assert_in_range(h1->asked, probes - 1, 3 * probes);
    fixture_hear(*state, h1);
    assert_int_equal(fixture_status(other), 409);
    fixture_pass(*state, 10000);
    assert_int_equal(fixture_count(fixture_body(h1), PROBE), probes);
}

/* Each datagram is lost one time in ten, the answers as well: nobody who lives loses the name. */
static void no_living_holder_loses_its_name_to_loss(void **state)
{
    enum { CHALLENGES = 1000 };
    struct fixture *f = *state;
    unsigned seed = 1;

    f->config.rate_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    struct fake_stream *h1 = distant_holder(f);
    struct fake_stream *other = fixture_peer(f, "203.0.113.77:7");
    for (int i = 0; i < CHALLENGES; i++) {
        int64_t answers[16];
        size_t seen = 0, arrived = 0;

        fake_stream_forget(h1);
        fake_stream_forget(other);
        fixture_say(f, other, "GET " BIND " HTTP/1.1\r\n\r\n");
        while (other->output_len == 0) {
            size_t probes = fixture_count(h1->output, PROBE);

            for (; seen < probes; seen++)
                if (rand_r(&seed) % 100 < 81) /* there and back */
                    answers[arrived++] = f->now_ms + 800;
            fixture_pass(f, 10);
            for (size_t k = 0; k < arrived; k++)
                if (answers[k] == f->now_ms)
                    fixture_hear(f, h1);
        }
        assert_int_equal(fixture_status(other), 409);
        fixture_pass(f, 10);
    }
    assert_false(h1->closed);
}

static void a_challenge_that_cannot_even_be_written_proves_nothing(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->room = 0; /* and unacked() says 0 */
    h1->silent = true;
    other = fixture_ask(*state, "203.0.113.77:7", BIND);
    fixture_ready(*state, h1);
    assert_string_equal(other->output, "");
    fixture_pass(*state, 1000);
    assert_true(h1->closed);
    assert_int_equal(fixture_status(other), 200);
}

/* UDT paces, and takes no more than its window. */
static void a_holder_whose_output_waits_is_asked_beside_the_stream(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->room = 0;
    h1->silent = true;
    other = fixture_ask(*state, "203.0.113.77:7", BIND);
    for (int ms = 0; ms < 900; ms += 10)
        fixture_pass(*state, 10);
    assert_in_range(h1->asked, 5, 40);
    fixture_hear(*state, h1); /* the answer */
    assert_int_equal(fixture_status(other), 409);
    assert_false(h1->closed);
}

static void of_several_newcomers_the_first_gets_a_dead_holders_name(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *n[3];

    h1->silent = true;
    n[0] = fixture_ask(*state, "203.0.113.77:1", BIND);
    n[0]->silent = true;
    fixture_pass(*state, 200);
    n[1] = fixture_ask(*state, "203.0.113.77:2", BIND);
    n[2] = fixture_ask(*state, "203.0.113.77:3", BIND);
    assert_string_equal(fixture_body(h1), PROBE); /* one challenge serves all */
    fixture_pass(*state, 800);
    assert_int_equal(fixture_status(n[0]), 200);
    assert_int_equal(n[1]->output_len + n[2]->output_len, 0); /* they challenge the new holder now */
    fixture_pass(*state, 900);
    fixture_hear(*state, n[0]);
    assert_int_equal(fixture_status(n[1]), 409);
    assert_int_equal(fixture_status(n[2]), 409);
}

static void every_newcomer_gets_409_from_one_answer(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *n[2];

    n[0] = fixture_ask(*state, "203.0.113.77:1", BIND);
    n[1] = fixture_ask(*state, "203.0.113.77:2", BIND);
    h1->silent = true;
    fixture_pass(*state, 1);
    fixture_hear(*state, h1);
    assert_int_equal(fixture_status(n[0]), 409);
    assert_int_equal(fixture_status(n[1]), 409);
}

static void a_holder_that_closes_within_its_challenge_leaves_the_name_to_the_newcomer(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->silent = true;
    other = fixture_ask(*state, "203.0.113.77:1", BIND);
    fixture_close(*state, h1);
    assert_int_equal(fixture_status(other), 200);
}

static void a_newcomer_that_leaves_within_its_challenge_spares_the_holder(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other;

    h1->silent = true;
    other = fixture_ask(*state, "203.0.113.77:1", BIND);
    fixture_close(*state, other);
    fixture_pass(*state, 1500);
    assert_false(h1->closed);
}

static void a_third_who_comes_as_the_holder_leaves_challenges_who_came_before(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *other, *third;
    struct fixture *f = *state;

    h1->silent = true;
    other = fixture_ask(f, "203.0.113.77:1", BIND);
    other->silent = true;
    third = fixture_peer(f, "203.0.113.78:1");
    fixture_pass(f, 990);
    fake_stream_say(third, "GET " BIND " HTTP/1.1\r\n\r\n");
    h1->gone = true;
    server_stream_closed(f->server, &h1->stream, f->now_ms); /* the same turn: `other` waits for its own */
    server_stream_ready(f->server, &third->stream, f->now_ms);
    fixture_turns(f);
    assert_int_equal(fixture_status(other), 200);
    assert_string_equal(third->output, "");
    fixture_pass(f, 20); /* it has a second of its own */
    assert_string_equal(third->output, "");
    fixture_hear(f, other);
    assert_int_equal(fixture_status(third), 409);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_holder_that_is_heard_after_the_challenge_keeps_the_name_and_the_newcomer_gets_409),
        TEST(a_keepalive_of_which_no_event_tells_proves_life_too),
        TEST(what_was_heard_before_the_challenge_proves_nothing),
        TEST(a_dead_holder_is_dropped_after_one_second),
        TEST(a_distant_holder_has_four_round_trips),
        TEST(a_distant_holder_has_them_before_its_first_acknowledgement),
        TEST(a_holder_of_which_nothing_was_measured_is_taken_for_a_distant_one),
        TEST(a_challenge_is_repeated_once_its_answer_is_overdue),
        TEST(no_living_holder_loses_its_name_to_loss),
        TEST(a_challenge_that_cannot_even_be_written_proves_nothing),
        TEST(a_holder_whose_output_waits_is_asked_beside_the_stream),
        TEST(of_several_newcomers_the_first_gets_a_dead_holders_name),
        TEST(every_newcomer_gets_409_from_one_answer),
        TEST(a_holder_that_closes_within_its_challenge_leaves_the_name_to_the_newcomer),
        TEST(a_newcomer_that_leaves_within_its_challenge_spares_the_holder),
        TEST(a_third_who_comes_as_the_holder_leaves_challenges_who_came_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
