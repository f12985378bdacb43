/* A server that is drained: it takes nothing new and says who does, what is held is still told of, and who
 * holds a name is ended in its turn. */
#include "server/drain.h"
#include "server/server.h"
#include "test/unit/server_fixture.h"

#define LOCATION "\r\nLocation: udt://two.example:7000/\r\n"

static struct fixture *prepared(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = 0;
    f->config.rate_per_address = 0;
    f->config.introductions_per_source = 0;
    strcpy(f->config.drain_to, "udt://two.example:7000/");
    return f;
}

static struct fake_stream *hold(struct fixture *f, int i)
{
    char address[64], target[64];

    snprintf(address, sizeof address, "203.0.%d.%d:7", 113 + i / 250, i % 250 + 1);
    snprintf(target, sizeof target, "/bind?host_id=h%d", i);
    return fixture_ask(f, address, target);
}

static bool ended(const struct fake_stream *p)
{
    return strstr(p->output, "\r\n0\r\n\r\n") != NULL;
}

static void drain(struct fixture *f, int64_t ms)
{
    server_drain(fixture_server(f), ms, f->now_ms);
    fixture_turns(f);
}

static void assert_sent_elsewhere(const struct fake_stream *p, const char *retry_after)
{
    assert_int_equal(fixture_status(p), 503);
    assert_non_null(strstr(p->output, LOCATION));
    assert_non_null(strstr(p->output, retry_after));
}

static void what_is_new_is_sent_elsewhere(void **state)
{
    struct fixture *f = prepared(state);

    hold(f, 0);
    drain(f, 30000);
    assert_sent_elsewhere(fixture_ask(f, "198.51.100.1:7", "/bind?host_id=new"), "Retry-After: 30\r\n");
    assert_sent_elsewhere(fixture_ask(f, "198.51.100.2:7", "/bind?host_id=h0"), "Retry-After: 30\r\n");
    fixture_pass(f, 10500);
    assert_sent_elsewhere(fixture_ask(f, "198.51.100.3:7", "/join?session=s&expect=2&name=a"),
                          "Retry-After: 20\r\n");
    assert_sent_elsewhere(fixture_ask(f, "198.51.100.4:7", "/connect?host_id=nobody"), "Retry-After: 20\r\n");
    struct fake_stream *waits = fixture_peer(f, "198.51.100.5:7");
    fixture_say(f, waits, "GET /connect?host_id=nobody HTTP/1.1\r\nPrefer: wait=9\r\n\r\n");
    assert_sent_elsewhere(waits, "Retry-After: 20\r\n");
    assert_int_equal(fixture_status(fixture_ask(f, "198.51.100.6:7", "/")), 200);
}

static void who_waited_for_a_name_is_sent_elsewhere_at_once(void **state)
{
    struct fixture *f = prepared(state);
    struct fake_stream *h = hold(f, 0);

    h->silent = true;
    struct fake_stream *waits = fixture_peer(f, "198.51.100.5:7");
    fixture_say(f, waits, "GET /connect?host_id=nobody HTTP/1.1\r\nPrefer: wait=9\r\n\r\n");
    struct fake_stream *rival = fixture_ask(f, "198.51.100.6:7", "/bind?host_id=h0");
    assert_string_equal(waits->output, "");
    assert_string_equal(rival->output, "");
    drain(f, 30000);
    assert_sent_elsewhere(waits, "Retry-After: 30\r\n");
    assert_sent_elsewhere(rival, "Retry-After: 30\r\n");
    assert_false(ended(h));
}

static void who_is_held_is_still_introduced(void **state)
{
    struct fixture *f = prepared(state);
    struct fake_stream *first = hold(f, 0), *last = hold(f, 1);

    drain(f, 10000);
    fixture_pass(f, 6000);
    assert_true(ended(first));
    assert_false(ended(last));
    struct fake_stream *h2 = fixture_ask(f, "198.51.100.1:8", "/connect?host_id=h1");
    assert_int_equal(fixture_status(h2), 200);
    assert_non_null(strstr(fixture_body(h2), "h1: 203.0.113.2:7"));
    assert_non_null(strstr(fixture_body(last), ": 198.51.100.1:8"));
    assert_sent_elsewhere(fixture_ask(f, "198.51.100.1:9", "/connect?host_id=h0"), "Retry-After: 4\r\n");
}

static size_t count_ended(const struct fixture *f)
{
    size_t count = 0;

    for (size_t i = 0; i < f->peer_count; i++)
        count += ended(f->peers[i]);
    return count;
}

static void holders_end_evenly_and_the_oldest_first(void **state)
{
    enum { HOLDERS = 200 };
    struct fixture *f = prepared(state);

    for (int i = 0; i < HOLDERS; i++)
        hold(f, i);
    drain(f, 20000);
    assert_int_equal(server_holders_left(f->server), HOLDERS);
    assert_int_equal(count_ended(f), 0);
    for (int second = 1; second < 20; second++) {
        for (int i = 0; i < 10; i++)
            fixture_pass(f, 100);
        assert_in_range(count_ended(f), (size_t)second * 10 - 1, (size_t)second * 10);
        assert_true(ended(f->peers[second * 10 - 2]));
        assert_false(ended(f->peers[second * 10]));
        assert_false(server_drained(f->server, f->now_ms));
    }
    fixture_pass(f, 1000);
    assert_int_equal(count_ended(f), HOLDERS);
    fixture_pass(f, DRAIN_GRACE_MS - 1);
    assert_false(server_drained(f->server, f->now_ms)); /* the last one comes once more */
    assert_sent_elsewhere(hold(f, 0), "Retry-After: 1\r\n");
    fixture_pass(f, 1);
    assert_true(server_drained(f->server, f->now_ms));
    assert_true(server_drain_end_ms(f->server) <= f->now_ms);
    assert_true(fixture_logged(f, "event=left"));
    assert_true(fixture_logged(f, "reason=\"the server stops\""));
}

/* The others have no less time for that. */
static void holders_that_leave_by_themselves_are_not_missed(void **state)
{
    enum { HOLDERS = 100 };
    struct fixture *f = prepared(state);

    for (int i = 0; i < HOLDERS; i++)
        hold(f, i);
    drain(f, 10000);
    for (int i = 0; i < HOLDERS / 2; i++)
        fixture_close(f, f->peers[i]);
    assert_int_equal(server_holders_left(f->server), HOLDERS / 2);
    fixture_pass(f, 4900);
    assert_int_equal(count_ended(f), 0);
    fixture_pass(f, 2500);
    assert_in_range(count_ended(f), 22, 26);
    fixture_pass(f, 2600);
    assert_int_equal(count_ended(f), HOLDERS / 2);
    assert_false(server_drained(f->server, f->now_ms));
}

static void members_of_a_session_end_in_their_turn_and_have_not_left_it(void **state)
{
    struct fixture *f = prepared(state);
    struct fake_stream *a = fixture_ask(f, "203.0.113.1:7", "/join?session=s&expect=2&name=a");
    struct fake_stream *b = fixture_ask(f, "203.0.113.2:7", "/join?session=s&expect=2&name=b");

    drain(f, 10000);
    fixture_pass(f, 5100);
    assert_true(ended(a));
    assert_false(ended(b));
    assert_null(strstr(b->output, "left"));
    fixture_pass(f, 5000);
    assert_true(ended(b));
}

static void nobody_to_end_is_no_matter(void **state)
{
    struct fixture *f = prepared(state);

    fixture_ask(f, "203.0.113.1:7", "/");
    drain(f, 1000);
    assert_true(server_drained(f->server, f->now_ms)); /* and nobody comes once more */
    assert_int_equal(server_drain_end_ms(f->server), f->now_ms + 1000 + DRAIN_GRACE_MS);
}

static void without_another_nameserver_none_is_named(void **state)
{
    struct fixture *f = prepared(state);

    f->config.drain_to[0] = '\0';
    hold(f, 0);
    drain(f, 30000);
    struct fake_stream *p = fixture_ask(f, "198.51.100.1:7", "/bind?host_id=new");
    assert_int_equal(fixture_status(p), 503);
    assert_non_null(strstr(p->output, "Retry-After: 30\r\n"));
    assert_null(strstr(p->output, "Location:"));
}

static void the_end_comes_in_the_middle_of_it_as_without(void **state)
{
    struct fixture *f = prepared(state);
    struct fake_stream *first = hold(f, 0), *last = hold(f, 1);

    drain(f, 10000);
    fixture_pass(f, 5100);
    server_stop(f->server, f->now_ms);
    fixture_turns(f);
    assert_true(ended(first));
    assert_true(ended(last));
    fixture_pass(f, 60000);
    assert_int_equal(server_connections(f->server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_new_is_sent_elsewhere),
        TEST(who_waited_for_a_name_is_sent_elsewhere_at_once),
        TEST(who_is_held_is_still_introduced),
        TEST(holders_end_evenly_and_the_oldest_first),
        TEST(holders_that_leave_by_themselves_are_not_missed),
        TEST(members_of_a_session_end_in_their_turn_and_have_not_left_it),
        TEST(nobody_to_end_is_no_matter),
        TEST(without_another_nameserver_none_is_named),
        TEST(the_end_comes_in_the_middle_of_it_as_without),
    };

    return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
