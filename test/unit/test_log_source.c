/* What one source does wrong makes a bounded number of lines, whatever it is, and hides nobody else's; and of
 * addresses the log has what the operator wants. */
#include "server/log_address.h"
#include "server/log_source.h"
#include "test/unit/server_fixture.h"

static struct endpoint at(const char *text)
{
    struct endpoint e = {.family = AF_UNSPEC};

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static const char *text_of(struct log_sources *s, int64_t now_ms, int64_t *held)
{
    static char text[ENDPOINT_TEXT_MAX];
    const struct log_source *source = log_sources_over(s, now_ms, held);

    return source ? log_source_text(text, source) : NULL;
}

static int allowed(struct log_sources *s, const char *address, int lines, int64_t now_ms)
{
    struct endpoint e = at(address);
    int passed = 0;

    for (int i = 0; i < lines; i++)
        passed += log_sources_allow(s, &e, i % 2 ? "odd" : "even", now_ms);
    return passed;
}

static void each_source_has_ten_lines_in_a_second_and_is_told_of(void **state)
{
    struct log_sources s = {.over_ms = 0};
    int64_t held;

    (void)state;
    assert_int_equal(allowed(&s, "192.0.2.1:1", 6, 100), 6); /* at the very start of a clock */
    assert_int_equal(allowed(&s, "192.0.2.1:2", 9, 101), 4); /* its ports are one source */
    assert_int_equal(allowed(&s, "192.0.2.2:1", 1, 101), 1);
    assert_int_equal(allowed(&s, "[2001:db8::1]:1", 7, 102), 7);
    assert_int_equal(allowed(&s, "[2001:db8::ffff:2]:1", 7, 102), 3); /* a /64 is one */
    assert_int_equal(allowed(&s, "[2001:db8:0:1::1]:1", 7, 102), 7);
    assert_int_equal(s.over_ms, 1100);
    assert_null(text_of(&s, 1099, &held));
    assert_string_equal(text_of(&s, 1101, &held), "192.0.2.1");
    assert_int_equal(held, 5);
    assert_null(text_of(&s, 1101, &held));
    assert_string_equal(text_of(&s, 1102, &held), "2001:db8::/64");
    assert_int_equal(held, 4);
    assert_null(text_of(&s, 5000, &held));
    assert_int_equal(s.over_ms, 0);
    assert_int_equal(allowed(&s, "192.0.2.1:1", 20, 1102), LOG_LIMIT_LINES);
}

static void more_sources_than_have_room_share_one_limit(void **state)
{
    enum { SOURCES = 4 * LOG_SOURCE_SETS * LOG_SOURCE_WAYS };
    struct log_sources s = {.over_ms = 0};
    int passed = 0, told = 0;
    int64_t held, all = 0;
    char address[64];

    (void)state;
    for (int i = 0; i < SOURCES; i++) {
        snprintf(address, sizeof address, "[2001:db8:%x::1]:1", i);
        passed += allowed(&s, address, 11, 1000);
    }
    assert_in_range(passed, LOG_SOURCE_WAYS * LOG_LIMIT_LINES,
                    LOG_SOURCE_SETS * LOG_SOURCE_WAYS * LOG_LIMIT_LINES + LOG_LIMIT_LINES);
    while (log_sources_over(&s, 2000, &held)) {
        all += held;
        told++;
    }
    assert_int_equal(all + passed, SOURCES * 11); /* none is lost */
    assert_in_range(told, LOG_SOURCE_WAYS, LOG_SOURCE_SETS * LOG_SOURCE_WAYS + 1);
    assert_int_equal(allowed(&s, "192.0.2.1:1", 1, 2001), 1); /* there is room again */
}

/* Seven ways to be wrong. `address`: with %d for a port. */
static void misbehave(struct fixture *f, const char *address, int times)
{
    static const char *const requests[] = {"GET /connect?host_id=nobody HTTP/1.1\r\n\r\n",
                                           "POST / HTTP/1.1\r\n\r\n",
                                           "GET / HTTP/7.0\r\n\r\n",
                                           "GET /bind HTTP/1.1\r\n\r\n",
                                           "GET /bind?host_id=held HTTP/1.1\r\n\r\n",
                                           "junk\r\n\r\n",
                                           "GET /connect?host_id=no"};
    char peer[64];

    for (int i = 0; i < times; i++) {
        snprintf(peer, sizeof peer, address, i + 1000);
        struct fake_stream *p = fixture_peer(f, peer);

        fixture_say(f, p, requests[(size_t)i % (sizeof requests / sizeof *requests)]);
        fixture_close(f, p);
    }
}

static size_t lines_about(const struct fixture *f, const char *address)
{
    return fixture_count(f->log, address);
}

static void one_source_makes_ten_lines_a_second_over_all_kinds_and_others_are_still_seen(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = 0;
    fixture_ask(f, "203.0.113.9:7", "/bind?host_id=held");
    misbehave(f, "192.0.2.1:%d", 700);
    assert_int_equal(lines_about(f, "peer=192.0.2.1:"), LOG_LIMIT_LINES);
    misbehave(f, "192.0.2.2:%d", 7);
    assert_true(lines_about(f, "peer=192.0.2.2:") >= 7);
    fixture_pass(f, LOG_LIMIT_MS);
    assert_true(fixture_logged(f, "event=not_logged source=192.0.2.1 lines="));
    assert_true(fixture_logged(f, " last=left_cut\n"));
    assert_int_equal(fixture_count(f->log, "event=not_logged source="), 1);
}

/* An honest crowd behind one NAT is not a source that does wrong. */
static void what_is_in_order_is_not_counted_to_a_source(void **state)
{
    struct fixture *f = *state;
    char address[64], target[64];

    for (int i = 0; i < 9; i++) {
        snprintf(address, sizeof address, "192.0.2.1:%d", 1000 + i);
        snprintf(target, sizeof target, "/bind?host_id=h%d", i);
        fixture_ask(f, address, target);
        snprintf(address, sizeof address, "192.0.2.1:%d", 2000 + i);
        snprintf(target, sizeof target, "/connect?host_id=h%d", i);
        fixture_ask(f, address, target);
    }
    for (size_t i = 0; i < f->peer_count; i++)
        fixture_close(f, f->peers[i]);
    assert_int_equal(fixture_count(f->log, "event=bound"), 9);
    assert_int_equal(fixture_count(f->log, "event=connected"), 9);
    fixture_pass(f, LOG_LIMIT_MS);
    assert_int_equal(fixture_count(f->log, "not_logged source="), 0);
}

static void a_host_with_many_addresses_does_not_fill_the_log_with_their_names(void **state)
{
    struct fixture *f = *state;
    char address[64];

    f->config.max_connections = 0;
    for (int i = 0; i < 60; i++) {
        snprintf(address, sizeof address, "[2001:db8:%x::1]:%%d", i);
        misbehave(f, address, 16);
    }
    fixture_forget_log(f);
    fixture_pass(f, LOG_LIMIT_MS);
    assert_int_equal(fixture_count(f->log, "event=not_logged source=2001:db8:"), LOG_LIMIT_LINES);
    assert_int_equal(fixture_count(f->log, "event=not_logged source=others"), 1);
}

/* ---- addresses ---- */

static const char *shown(enum log_addresses addresses, const char *address)
{
    static char text[ENDPOINT_TEXT_MAX];
    struct endpoint e = at(address);

    log_set_addresses(addresses);
    const char *result = log_address(text, &e);
    log_set_addresses(LOG_ADDRESSES_FULL);
    return result;
}

static void an_address_is_shown_as_far_as_it_may_be(void **state)
{
    enum log_addresses parsed;

    (void)state;
    assert_string_equal(shown(LOG_ADDRESSES_FULL, "192.0.2.77:4711"), "192.0.2.77:4711");
    assert_string_equal(shown(LOG_ADDRESSES_FULL, "[2001:db8:1:2:3::4]:4711"), "[2001:db8:1:2:3::4]:4711");
    assert_string_equal(shown(LOG_ADDRESSES_PREFIX, "192.0.2.77:4711"), "192.0.2.0/24");
    assert_string_equal(shown(LOG_ADDRESSES_PREFIX, "[2001:db8:1:2:3::4]:4711"), "2001:db8:1::/48");
    assert_null(shown(LOG_ADDRESSES_NONE, "192.0.2.77:4711"));
    assert_int_equal(log_addresses_parse(&parsed, "prefix"), HX_OK);
    assert_int_equal(parsed, LOG_ADDRESSES_PREFIX);
    assert_int_equal(log_addresses_parse(&parsed, "some"), HX_EINVAL);
}

/* Names, introductions, challenges, refusals, floods, and who takes over from whom. */
static void live(struct fixture *f)
{
    f->config.max_per_address = 0;
    fixture_ask(f, "203.0.113.77:7", "/bind?host_id=held");
    fixture_ask(f, "198.51.100.77:8", "/connect?host_id=held&name=me");
    fixture_ask(f, "192.0.2.77:9", "/bind?host_id=held");
    fixture_ask(f, "203.0.113.77:7", "/bind?host_id=held");
    fixture_ask(f, "[2001:db8:77:77:77::77]:7", "/bind?host_id=six");
    fixture_ask(f, "[2001:db8:77:77:77::78]:7", "/connect?host_id=held");
    misbehave(f, "192.0.2.77:%d", 40);
    misbehave(f, "[2001:db8:77:77:77::77]:%d", 40);
    fixture_pass(f, 60000);
}

static void no_line_shows_more_than_the_prefix(void **state)
{
    struct fixture *f = *state;

    log_set_level(LOG_DEBUG);
    log_set_addresses(LOG_ADDRESSES_PREFIX);
    live(f);
    assert_true(fixture_logged(f, "h1=203.0.113.0/24 h2=198.51.100.0/24"));
    assert_true(fixture_logged(f, "event=not_logged source=192.0.2.0/24 lines="));
    assert_true(fixture_logged(f, "event=not_logged source=2001:db8:77::/48 lines="));
    assert_int_equal(fixture_count(f->log, "77:7") + fixture_count(f->log, "77::7"), 0);
    assert_int_equal(fixture_count(f->log, ".77"), 0);
}

static void no_line_shows_any_address(void **state)
{
    struct fixture *f = *state;

    log_set_level(LOG_DEBUG);
    log_set_addresses(LOG_ADDRESSES_NONE);
    live(f);
    assert_true(fixture_logged(f, "event=connected conn="));
    assert_true(fixture_logged(f, "event=not_logged source=others lines="));
    assert_int_equal(fixture_count(f->log, "192.0.2") + fixture_count(f->log, "203.0.113") +
                         fixture_count(f->log, "198.51.100") + fixture_count(f->log, "2001:db8") +
                         fixture_count(f->log, "peer=") + fixture_count(f->log, "holder="),
                     0);
}

static int teardown(void **state)
{
    log_set_level(LOG_INFO);
    log_set_addresses(LOG_ADDRESSES_FULL);
    return fixture_teardown(state);
}

#define ADDRESS_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_source_has_ten_lines_in_a_second_and_is_told_of),
        TEST(more_sources_than_have_room_share_one_limit),
        TEST(one_source_makes_ten_lines_a_second_over_all_kinds_and_others_are_still_seen),
        TEST(what_is_in_order_is_not_counted_to_a_source),
        TEST(a_host_with_many_addresses_does_not_fill_the_log_with_their_names),
        ADDRESS_TEST(an_address_is_shown_as_far_as_it_may_be),
        ADDRESS_TEST(no_line_shows_more_than_the_prefix),
        ADDRESS_TEST(no_line_shows_any_address),
    };

    return cmocka_run_group_tests_name("log source", tests, NULL, NULL);
}
