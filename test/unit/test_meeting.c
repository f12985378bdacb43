/* Bind and connect: who is told what, and in which order. */
#include "test/unit/meeting_fixture.h"

static void bind_answers_the_streaming_head_and_no_part(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND);

    assert_string_equal(h1->output, HEAD "External-Address: 203.0.113.10:40001\r\n\r\n");
    assert_false(h1->closed);
    assert_true(fixture_logged(*state, "event=bound conn=1 peer=203.0.113.10:40001 name=host_sweet_host\n"));
}

static void connect_tells_both_the_other_address_byte_for_byte(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *h2 = fixture_ask(*state, H2, CONNECT);

    assert_string_equal(fixture_body(h1), PART_H2);
    assert_string_equal(h2->output, HEAD "External-Address: 198.51.100.20:40002\r\n\r\n" PART_H1 PART_H2);
    assert_false(h1->closed || h2->closed);
    assert_true(fixture_logged(*state, "name=host_sweet_host h1=203.0.113.10:40001 h2=198.51.100.20:40002"));
}

static void h2_own_name_reaches_both(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND);
    struct fake_stream *h2 = fixture_ask(*state, H2, CONNECT "&name=alice%40home");

    assert_non_null(strstr(fixture_body(h1), "\r\nalice@home: 198.51.100.20:40002\r\n\r\n"));
    assert_non_null(strstr(fixture_body(h2), "\r\nalice@home: 198.51.100.20:40002\r\n\r\n"));
}

static struct fake_stream *written_first;
static ssize_t (*real_write)(struct stream *s, const void *buf, size_t len);

static ssize_t noting_write(struct stream *s, const void *buf, size_t len)
{
    if (!written_first)
        written_first = (struct fake_stream *)s;
    return real_write(s, buf, len);
}

static void both_parts_leave_in_one_turn_h1_first(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *h2 = fixture_peer(*state, H2);
    const struct stream_ops *fake_ops = h1->stream.ops;
    struct stream_ops noting = *fake_ops;
    struct fixture *f = *state;

    real_write = fake_ops->write;
    noting.write = noting_write;
    h1->stream.ops = h2->stream.ops = &noting;
    written_first = NULL;
    fake_stream_say(h2, "GET " CONNECT " HTTP/1.1\r\n\r\n");
    server_stream_ready(f->server, &h2->stream, f->now_ms); /* one event, and not even the turn's end */
    assert_ptr_equal(written_first, h1);
    assert_string_equal(fixture_body(h1), PART_H2);
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
    h1->stream.ops = h2->stream.ops = fake_ops;
}

static void several_h2s_are_each_told_of(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND);

    fixture_ask(*state, H2, CONNECT);
    fixture_ask(*state, "198.51.100.21:5", CONNECT);
    assert_int_equal(fixture_count(fixture_body(h1), "--hx_hole_punching"), 2);
    assert_non_null(strstr(fixture_body(h1), "\r\n: 198.51.100.21:5\r\n"));
}

static void a_name_is_free_as_soon_as_its_holder_closes(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *again;

    fixture_close(*state, h1);
    assert_true(h1->closed);
    assert_int_equal(fixture_status(fixture_ask(*state, H2, CONNECT)), 404);
    again = fixture_ask(*state, "203.0.113.99:1", BIND);
    assert_int_equal(fixture_status(again), 200);
}

static void connect_with_wait_meets_the_name_when_it_appears(void **state)
{
    struct fake_stream *h2 = fixture_peer(*state, H2), *h1;

    fixture_say(*state, h2, "GET " CONNECT " HTTP/1.1\r\nPrefer: wait=5\r\n\r\n");
    assert_string_equal(h2->output, "");
    fixture_pass(*state, 4900);
    assert_string_equal(h2->output, "");
    h1 = fixture_ask(*state, H1, BIND);
    assert_string_equal(fixture_body(h1), PART_H2);
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
    assert_true(fixture_logged(*state, "event=waited"));
    fixture_pass(*state, 200); /* the wait's deadline is gone */
    assert_false(h2->closed);
}

static void connect_with_wait_gets_404_when_the_time_is_over_and_may_ask_again(void **state)
{
    struct fake_stream *h2 = fixture_peer(*state, H2);

    fixture_say(*state, h2, "GET " CONNECT " HTTP/1.1\r\nPrefer: wait=2\r\n\r\n");
    fixture_pass(*state, 1999);
    assert_string_equal(h2->output, "");
    fixture_pass(*state, 1);
    assert_int_equal(fixture_status(h2), 404);
    assert_false(h2->closed);
    fake_stream_forget(h2);
    fixture_ask(*state, H1, BIND);
    fixture_say(*state, h2, "GET " CONNECT " HTTP/1.1\r\n\r\n");
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
}

static void a_waiter_that_leaves_is_forgotten(void **state)
{
    struct fake_stream *h2 = fixture_peer(*state, H2), *h1;

    fixture_say(*state, h2, "GET " CONNECT " HTTP/1.1\r\nPrefer: wait=5\r\n\r\n");
    fixture_close(*state, h2);
    assert_true(h2->closed);
    h1 = fixture_ask(*state, H1, BIND);
    assert_string_equal(fixture_body(h1), "");
}

static void h1_from_another_address_is_introduced_to_watching_h2s_anew(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *h2 = fixture_ask(*state, H2, CONNECT), *anew;

    fixture_close(*state, h1);
    fake_stream_forget(h2);
    anew = fixture_ask(*state, "203.0.113.10:50009", BIND);
    assert_string_equal(fixture_body(anew), PART_H2);
    assert_string_equal(h2->output,
                        "3b\r\n--hx_hole_punching\r\nhost_sweet_host: 203.0.113.10:50009\r\n\r\n\r\n");
}

static void h1_back_at_the_same_address_disturbs_nobody(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *h2 = fixture_ask(*state, H2, CONNECT), *anew;

    fake_stream_forget(h2);
    anew = fixture_ask(*state, H1, BIND);
    assert_string_equal(fixture_body(anew), "");
    assert_string_equal(h2->output, "");
    assert_true(h1->closed); /* replaced at once, with an orderly end */
    assert_string_equal(h1->output + h1->output_len - 5, LAST);
    assert_string_equal(fixture_body(h1), PART_H2 LAST);
    assert_true(fixture_logged(*state, "event=replaced"));
}

static void many_waiters_do_not_overrun_the_holder_they_waited_for(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    f->config.max_queue_bytes = 4096;
    for (int i = 0; i < 500; i++)
        fixture_say(f, fixture_peer(f, H2), "GET " CONNECT " HTTP/1.1\r\nPrefer: wait=60\r\n\r\n");
    struct fake_stream *h1 = fixture_peer(f, H1);
    h1->room = 1000;
    fixture_say(f, h1, "GET " BIND " HTTP/1.1\r\n\r\n");
    assert_false(h1->closed);
    for (int reads = 0; fixture_count(fixture_body(h1), "198.51.100.20:40002") < 500; reads++) {
        assert_true(reads < 1000);
        h1->room += 500;
        fixture_ready(f, h1);
        assert_false(h1->closed);
    }
    assert_string_equal(fixture_body(f->peers[499]), PART_H1 PART_H2);
}

static void many_who_ask_at_once_are_introduced_as_a_slow_holder_reads(void **state)
{
    enum { MANY = 300 };
    struct fixture *f = *state;

    f->config.max_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    f->config.max_queue_bytes = 4096; /* a third of what these make */
    struct fake_stream *h1 = fixture_ask(f, H1, BIND);
    h1->room = 0;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(fixture_status(fixture_ask(f, H2, CONNECT)), 200);
    assert_false(h1->closed);
    for (int reads = 0; fixture_count(fixture_body(h1), PART_H2) < MANY && reads < 1000; reads++) {
        h1->room += 500;
        fixture_pass(f, 100);
        fixture_ready(f, h1);
        assert_false(h1->closed);
    }
    for (size_t i = 1; i < f->peer_count; i++)
        assert_string_equal(fixture_body(f->peers[i]), PART_H1 PART_H2);
    assert_int_equal(fixture_count(fixture_body(h1), PART_H2), MANY); /* each once */
}

static void who_asks_often_does_not_overrun_a_holder_that_does_not_read(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    struct fake_stream *h2;
    struct fake_stream *h1 = h2 = fixture_ask(f, H1, BIND);
    h1->room = 0;
    for (int i = 0; i < FIXTURE_PEERS - 2 && !h1->closed; i++)
        h2 = fixture_ask(f, i % 2 ? H2 : "198.51.100.21:7",
                         CONNECT "&name=a-name-that-makes-the-parts-somewhat-"
                                 "longer-than-they-would-be-without-it-so-"
                                 "that-fewer-connections-are-enough-here");
    assert_false(h1->closed); /* else the name could be taken from it so */
    assert_int_equal(fixture_status(h2), 200);
    fixture_pass(f, 10000);
    assert_true(h1->closed);
    assert_true(fixture_logged(f, "does not read its answer"));
    assert_int_equal(fixture_status(fixture_ask(f, "192.0.2.77:7", CONNECT)), 404);
}

static void a_holder_that_takes_nothing_for_the_request_timeout_is_dropped(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND);

    h1->room = 0;
    fixture_ask(*state, H2, CONNECT);
    fixture_pass(*state, 9999);
    assert_false(h1->closed);
    fixture_pass(*state, 1);
    assert_true(h1->closed);
    assert_true(fixture_logged(*state, "does not read its answer"));
}

static void head_asks_without_binding_or_punching(void **state)
{
    struct fake_stream *h = fixture_peer(*state, "192.0.2.9:9"), *h1;

    fixture_say(*state, h, "HEAD " BIND " HTTP/1.1\r\n\r\nHEAD " CONNECT " HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_count(h->output, HEAD), 1);
    assert_int_equal(fixture_count(h->output, "HTTP/1.1 404"), 1);
    fake_stream_forget(h);
    h1 = fixture_ask(*state, H1, BIND);
    assert_int_equal(fixture_status(h1), 200);
    fixture_say(*state, h, "HEAD " BIND " HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(h), 409);
    fake_stream_forget(h);
    fixture_say(*state, h, "HEAD " CONNECT " HTTP/1.1\r\n\r\n");
    assert_string_equal(h->output, HEAD "External-Address: 192.0.2.9:9\r\n\r\n");
    assert_string_equal(fixture_body(h1), "");
}

static void what_comes_after_a_streaming_request_is_ignored_up_to_a_bound(void **state)
{
    struct fake_stream *h1 = fixture_peer(*state, H1);
    static char much[65000];

    fixture_say(*state, h1, "GET " BIND " HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    memset(much, 'x', sizeof much);
    fake_stream_say_bytes(h1, much, sizeof much);
    fixture_ready(*state, h1);
    assert_string_equal(fixture_body(h1), "");
    assert_false(h1->closed);
    fake_stream_say_bytes(h1, much, 1000);
    fixture_ready(*state, h1);
    assert_true(h1->closed);
    assert_true(fixture_logged(*state, "sends too much"));
}

static void stopping_ends_streams_with_the_last_chunk_and_waits_for_the_acks(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, H1, BIND), *h2 = fixture_ask(*state, H2, CONNECT);
    struct fake_stream *w = fixture_peer(*state, "192.0.2.1:1"), *idle = fixture_peer(*state, "192.0.2.2:1");
    struct fixture *f = *state;

    fixture_say(f, w, "GET /connect?host_id=nobody HTTP/1.1\r\nPrefer: wait=9\r\n\r\n");
    h1->acks = h2->acks = false;
    server_stop(f->server, f->now_ms);
    fixture_turns(f);
    assert_string_equal(fixture_body(h1), PART_H2 LAST);
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2 LAST);
    assert_int_equal(fixture_status(w), 503);
    assert_true(w->closed && idle->closed);
    assert_false(h1->closed || h2->closed);
    h1->unacked = 0;
    fixture_ready(f, h1);
    assert_true(h1->closed);
    fixture_pass(f, 1000); /* h2 never acknowledges */
    assert_true(h2->closed);
    assert_int_equal(server_connections(f->server), 0);
    assert_true(fixture_peer(f, H1)->closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bind_answers_the_streaming_head_and_no_part),
        TEST(connect_tells_both_the_other_address_byte_for_byte),
        TEST(h2_own_name_reaches_both),
        TEST(both_parts_leave_in_one_turn_h1_first),
        TEST(several_h2s_are_each_told_of),
        TEST(a_name_is_free_as_soon_as_its_holder_closes),
        TEST(connect_with_wait_meets_the_name_when_it_appears),
        TEST(connect_with_wait_gets_404_when_the_time_is_over_and_may_ask_again),
        TEST(a_waiter_that_leaves_is_forgotten),
        TEST(h1_from_another_address_is_introduced_to_watching_h2s_anew),
        TEST(h1_back_at_the_same_address_disturbs_nobody),
        TEST(many_waiters_do_not_overrun_the_holder_they_waited_for),
        TEST(many_who_ask_at_once_are_introduced_as_a_slow_holder_reads),
        TEST(who_asks_often_does_not_overrun_a_holder_that_does_not_read),
        TEST(a_holder_that_takes_nothing_for_the_request_timeout_is_dropped),
        TEST(head_asks_without_binding_or_punching),
        TEST(what_comes_after_a_streaming_request_is_ignored_up_to_a_bound),
        TEST(stopping_ends_streams_with_the_last_chunk_and_waits_for_the_acks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
