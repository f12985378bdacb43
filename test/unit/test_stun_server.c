/* Answers to STUN, at sockets on loopback, where all of 127.0.0.0/8 is ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

#include "base/clock.h"
#include "base/error.h"
#include "proto/stun.h"
#include "server/stun_parts.h"
#include "shim/net/net_port.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct stun *stun;
    struct net_port *mains[2]; /* in place of UDT's */
    int count;
    int fd; /* of who asks, at 127.0.0.9 */
};

static const uint8_t transaction[12] = "0123456789a";

static struct sockaddr_in address(const char *host, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET, host, &sin.sin_addr), 1);
    return sin;
}

static void open_world(struct world *w, const char *one, const char *two, int32_t stun_port, int64_t rate)
{
    const char *hosts[] = {one, two};
    struct server_config config;

    server_config_defaults(&config);
    config.stun_port = stun_port;
    config.stun_rate = rate;
    config.listen_count = 0;
    for (int i = 0; i < 2 && hosts[i]; i++)
        assert_int_equal(listen_parse(&config.listen[config.listen_count++], hosts[i]), HX_OK);
    *w = (struct world){.count = (int)config.listen_count};
    assert_int_equal(stun_create(&w->stun, &config), HX_OK);
    for (int i = 0; i < w->count; i++) {
        struct net_port_config net = {.local = (const struct sockaddr *)&config.listen[i].address};
        struct stun_place *p = stun_add(w->stun);

        assert_non_null(p);
        assert_int_equal(net_port_open(&w->mains[i], &net), HX_OK);
        assert_int_equal(stun_set_port(p, w->mains[i]), HX_OK);
        net_port_set_handler(w->mains[i], NET_USER_STUN, stun_take, p);
        net_port_set_handler(w->mains[i], NET_USER_CLASSIC_STUN, stun_take, p);
    }
    assert_int_equal(stun_open_others(w->stun), HX_OK);
    stun_begin(w->stun);
    w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own = address("127.0.0.9", 0);
    assert_int_equal(bind(w->fd, (struct sockaddr *)&own, sizeof own), 0);
}

static void close_world(struct world *w)
{
    close(w->fd);
    stun_end(w->stun);
    for (int i = 0; i < w->count; i++)
        net_port_close(w->mains[i]);
    stun_destroy(w->stun);
}

/* Everything that has come to the server is answered when this returns: loopback delivers at once. */
static void serve(struct world *w)
{
    uint8_t bytes[2048];
    struct iovec part = {bytes, sizeof bytes};

    for (int i = 0; i < w->count; i++)
        for (;;) {
            struct net_datagram d = {.parts = &part, .part_count = 1};

            if (net_port_read(w->mains[i], &d) < 0)
                break;
        }
    stun_ready(w->stun, 0);
}

static void ask(struct world *w, const char *host, uint16_t port, const void *bytes, size_t len)
{
    struct sockaddr_in to = address(host, port);

    assert_int_equal(sendto(w->fd, bytes, len, 0, (struct sockaddr *)&to, sizeof to), len);
    serve(w);
}

/* Length of the answer, or 0: there is none. */
static size_t answer(struct world *w, struct stun_response *r, char from[ENDPOINT_TEXT_MAX])
{
    uint8_t bytes[512];
    struct sockaddr_in sin;
    socklen_t len = sizeof sin;
    struct endpoint e;

    ssize_t n = recvfrom(w->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&sin, &len);
    if (n < 0)
        return 0;
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&sin, len), HX_OK);
    endpoint_format(&e, from);
    if (bytes[4] != 0x21)
        memcpy(bytes + 4, (uint8_t[]){0x21, 0x12, 0xa4, 0x42}, 4); /* RFC 3489's, for our reader */
    assert_int_equal(stun_read_response(r, bytes, (size_t)n), HX_OK);
    return (size_t)n;
}

static void check_from(const char *from, const char *host, uint16_t port)
{
    char text[ENDPOINT_TEXT_MAX];

    snprintf(text, sizeof text, "%s:%u", host, port);
    assert_string_equal(from, text);
}

static struct stun_request request(bool change_ip, bool change_port)
{
    struct stun_request q = {.change_ip = change_ip, .change_port = change_port, .wants_other_port = true};

    stun_set_id(q.id, transaction);
    return q;
}

static size_t write_request(bool change_ip, bool change_port, uint8_t bytes[64])
{
    struct stun_request q = request(change_ip, change_port);

    return stun_write_request(&q, bytes, 64);
}

static uint64_t counted(const struct world *w, enum stun_counter which)
{
    return w->stun->counters[which];
}

static void a_server_at_every_address_answers_from_the_one_that_was_asked(void **state)
{
    struct world w;
    uint8_t bytes[64];
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];

    (void)state;
    open_world(&w, ":0", NULL, 0, 0);
    uint16_t main_port = w.stun->places.main_port, other_port = w.stun->places.other_port;
    assert_true(main_port != 0 && other_port != 0 && main_port != other_port);
    ask(&w, "127.0.0.5", main_port, bytes, write_request(false, false, bytes));
    assert_int_not_equal(answer(&w, &r, from), 0);
    check_from(from, "127.0.0.5", main_port);
    assert_int_equal(r.other_port, other_port);
    assert_int_equal(r.other.family, AF_UNSPEC); /* it has no second address */
    /* The other port says the same, and its own other one is the main port. */
    ask(&w, "127.0.0.5", other_port, bytes, write_request(false, false, bytes));
    assert_int_not_equal(answer(&w, &r, from), 0);
    check_from(from, "127.0.0.5", other_port);
    assert_int_equal(r.other_port, main_port);
    /* From the other port, at the address that was asked. */
    ask(&w, "127.0.0.5", main_port, bytes, write_request(false, true, bytes));
    assert_int_not_equal(answer(&w, &r, from), 0);
    check_from(from, "127.0.0.5", other_port);
    /* From another address: there is none. */
    ask(&w, "127.0.0.5", main_port, bytes, write_request(true, false, bytes));
    assert_int_not_equal(answer(&w, &r, from), 0);
    check_from(from, "127.0.0.5", main_port);
    assert_int_equal(r.error, STUN_UNKNOWN_ATTRIBUTE);
    assert_int_equal(counted(&w, STUN_ANSWERED), 2);
    assert_int_equal(counted(&w, STUN_CHANGED), 1);
    assert_int_equal(counted(&w, STUN_UNKNOWN), 1);
    close_world(&w);
}

static void two_addresses_with_two_ports_are_each_others_other(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2"};
    struct world w;
    uint8_t bytes[64];
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];

    (void)state;
    open_world(&w, "127.0.0.1:0", "127.0.0.2:0", 0, 0);
    uint16_t ports[] = {w.stun->places.main_port, w.stun->places.other_port};
    for (int asked = 0; asked < 4; asked++)
        for (int change = 0; change < 4; change++) {
            int from_host = (asked / 2) ^ (change / 2), from_port = (asked % 2) ^ (change % 2);
            char other[ENDPOINT_TEXT_MAX];

            ask(&w, hosts[asked / 2], ports[asked % 2], bytes, write_request(change / 2, change % 2, bytes));
            assert_int_not_equal(answer(&w, &r, from), 0);
            check_from(from, hosts[from_host], ports[from_port]);
            endpoint_format(&r.other, other); /* whatever was changed: it is the one beside who was asked */
            check_from(other, hosts[1 - asked / 2], ports[1 - asked % 2]);
        }
    assert_int_equal(counted(&w, STUN_ANSWERED), 4);
    assert_int_equal(counted(&w, STUN_CHANGED), 12);
    close_world(&w);
}

static void the_classic_form_is_answered_or_met_with_silence(void **state)
{
    uint8_t bytes[STUN_CLASSIC_MAX] = {0,  1,  0,  8,  1,  2,  3, 4, 5, 6, 7, 8, 9, 10,
                                       11, 12, 13, 14, 15, 16, 0, 3, 0, 4, 0, 0, 0, 0};
    struct world w;
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];

    (void)state;
    open_world(&w, "127.0.0.1:0", NULL, CONFIG_STUN_PORT_NONE, 0);
    ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, sizeof bytes);
    assert_int_not_equal(answer(&w, &r, from), 0);
    assert_int_equal(r.mapped.family, AF_INET);
    bytes[sizeof bytes - 1] = 2;
    ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, sizeof bytes);
    assert_int_equal(answer(&w, &r, from), 0);
    assert_int_equal(counted(&w, STUN_NO_CHANGE), 1);
    close_world(&w);
}

/* What begins like a message and is none, what answers nothing, and what only a broken program sends. */
static void what_is_malformed_is_counted_and_not_answered(void **state)
{
    struct world w;
    uint8_t bytes[STUN_PADDED_MAX + 4] = {0};
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];

    (void)state;
    open_world(&w, "127.0.0.1:0", NULL, 0, 0);
    uint16_t port = w.stun->places.main_port;
    size_t len = write_request(false, true, bytes);
    bytes[20] = 0x7f; /* CHANGE-REQUEST is now an unknown attribute: answered */
    ask(&w, "127.0.0.1", port, bytes, len);
    assert_int_not_equal(answer(&w, &r, from), 0);
    assert_int_equal(r.error, STUN_UNKNOWN_ATTRIBUTE);
    bytes[23] = 0xff; /* and now longer than the message */
    ask(&w, "127.0.0.1", port, bytes, len);
    len = write_request(false, false, bytes);
    bytes[0] = 1; /* an answer */
    ask(&w, "127.0.0.1", port, bytes, len);
    bytes[0] = 0;
    bytes[1] = 0x11; /* an indication */
    ask(&w, "127.0.0.1", port, bytes, len);
    bytes[1] = 1;
    bytes[2] = (sizeof bytes - 20) >> 8; /* longer than any */
    bytes[3] = (sizeof bytes - 20) & 0xff;
    ask(&w, "127.0.0.1", port, bytes, sizeof bytes);
    assert_int_equal(counted(&w, STUN_MALFORMED), 4);
    ask(&w, "127.0.0.1", w.stun->places.other_port, "what is no STUN at all", 22); /* at its own port */
    assert_int_equal(counted(&w, STUN_MALFORMED), 5);
    assert_int_equal(answer(&w, &r, from), 0);
    close_world(&w);
}

static void a_source_has_a_budget_and_another_one_its_own(void **state)
{
    struct world w;
    uint8_t bytes[64];
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];
    size_t len = write_request(false, false, bytes);
    int answered = 0;

    (void)state;
    open_world(&w, "127.0.0.1:0", NULL, 0, 1);
    for (int i = 0; i < 100; i++) {
        ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, len);
        while (answer(&w, &r, from) > 0)
            answered++;
    }
    assert_in_range(answered, RATE_BURST_S, 20); /* it fills by one a second, and the machine may be slow */
    assert_int_equal(counted(&w, STUN_OVER_RATE), 100 - answered);
    close(w.fd);
    w.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own = address("127.0.0.10", 0);
    assert_int_equal(bind(w.fd, (struct sockaddr *)&own, sizeof own), 0);
    ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, len);
    assert_int_not_equal(answer(&w, &r, from), 0);
    close_world(&w);
}

static void all_sources_together_have_a_budget(void **state)
{
    static const struct token_limit total = {STUN_ANSWERS_PER_SECOND, STUN_ANSWERS_PER_SECOND};
    struct world w;
    uint8_t bytes[64];
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];
    size_t len = write_request(false, false, bytes);

    (void)state;
    open_world(&w, "127.0.0.1:0", NULL, 0, 0);
    /* As much as an hour's worth has been answered a moment ago. */
    token_bucket_spend(&w.stun->total, &total, 3600L * STUN_ANSWERS_PER_SECOND, clock_now_ms());
    ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, len);
    assert_int_equal(answer(&w, &r, from), 0);
    assert_int_equal(counted(&w, STUN_OVER_TOTAL), 1);
    close_world(&w);
}

static void nobody_is_answered_before_the_beginning_and_after_the_end(void **state)
{
    struct world w;
    uint8_t bytes[64];
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];
    size_t len = write_request(false, false, bytes);

    (void)state;
    open_world(&w, "127.0.0.1:0", NULL, 0, 0);
    stun_end(w.stun);
    ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, len);
    assert_int_equal(answer(&w, &r, from), 0);
    stun_begin(w.stun);
    ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, len);
    assert_int_not_equal(answer(&w, &r, from), 0);
    close_world(&w);
}

/* Every request that there is, at every length: the answer with its heads is at most 1.5 times as long. */
static void no_answer_is_longer_than_one_and_a_half_times_its_question(void **state)
{
    struct world w;
    struct stun_response r;
    char from[ENDPOINT_TEXT_MAX];

    (void)state;
    open_world(&w, "127.0.0.1:0", "127.0.0.2:0", 0, 0);
    for (unsigned bits = 0; bits < 16; bits++)
        for (size_t more = 0; more <= 120; more += 4) {
            struct stun_request q = request(bits & 1, bits & 2);
            uint8_t bytes[256] = {0};

            q.wants_other_port = bits & 4;
            size_t len = stun_write_request(&q, bytes, sizeof bytes);
            if (more >= 4) {
                bytes[len] = bits & 8 ? 0x80 : 0x00; /* SOFTWARE, or what nobody knows */
                bytes[len + 1] = 0x22;
                bytes[len + 3] = (uint8_t)(more - 4);
                len += more;
                bytes[3] = (uint8_t)(len - STUN_HEAD_BYTES);
            }
            ask(&w, "127.0.0.1", w.stun->places.main_port, bytes, len);
            size_t got = answer(&w, &r, from);
            assert_int_not_equal(got, 0);
            assert_true(2 * (got + 28) <= 3 * (len + 28));
        }
    close_world(&w);
}

static void a_second_port_in_use_is_left_out_unless_it_was_asked_for(void **state)
{
    struct world w, other;
    struct server_config config;
    struct stun *s;

    (void)state;
    open_world(&w, "127.0.0.1:0", NULL, 0, 0);
    open_world(&other, "127.0.0.1:0", NULL, CONFIG_STUN_PORT_NONE, 0);
    server_config_defaults(&config);
    assert_int_equal(listen_parse(&config.listen[0], "127.0.0.1:0"), HX_OK);
    config.stun_port = w.stun->places.other_port;
    assert_int_equal(stun_create(&s, &config), HX_OK);
    struct stun_place *p = stun_add(s);
    assert_int_equal(stun_set_port(p, other.mains[0]), HX_OK);
    assert_int_equal(stun_open_others(s), HX_EADDR);
    /* The same port as a default: as if the main port were the one below it. */
    s->config.stun_port = CONFIG_STUN_PORT_DEFAULT;
    assert_int_equal(listen_parse(&s->config.listen[0], "127.0.0.1:9"), HX_OK);
    s->places.main_port = (uint16_t)(w.stun->places.other_port - 1);
    assert_int_equal(stun_open_others(s), HX_OK);
    assert_int_equal(s->places.count, 1);
    stun_destroy(s);
    close_world(&other);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_at_every_address_answers_from_the_one_that_was_asked),
        cmocka_unit_test(two_addresses_with_two_ports_are_each_others_other),
        cmocka_unit_test(the_classic_form_is_answered_or_met_with_silence),
        cmocka_unit_test(what_is_malformed_is_counted_and_not_answered),
        cmocka_unit_test(a_source_has_a_budget_and_another_one_its_own),
        cmocka_unit_test(all_sources_together_have_a_budget),
        cmocka_unit_test(nobody_is_answered_before_the_beginning_and_after_the_end),
        cmocka_unit_test(no_answer_is_longer_than_one_and_a_half_times_its_question),
        cmocka_unit_test(a_second_port_in_use_is_left_out_unless_it_was_asked_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
