/* Forwards with SOCKS5: what a client hears of the other side. */
#include "test/unit/forward_fixture.h"

#define SOCKS_HELLO "\x05\x01\x00"
#define SOCKS_OK    "\x05\x00"

static void say_socks(int fd, const char *name, uint16_t port)
{
    const uint8_t name_len = (uint8_t)strlen(name);
    const uint8_t port_bytes[] = {(uint8_t)(port >> 8), (uint8_t)(port & 0xff)};
    say(fd, SOCKS_HELLO "\x05\x01\x00\x03", 7);
    say(fd, &name_len, 1);
    say(fd, name, name_len);
    say(fd, port_bytes, sizeof port_bytes);
    check_receives(fd, SOCKS_OK, 2);
}

static void check_socks_reply(int fd, char reply)
{
    const char expected[] = {5, reply, 0, 1, 0, 0, 0, 0, 0, 0};
    check_receives(fd, expected, sizeof expected);
}

static void socks_reaches_what_is_allowed(void **state)
{
    (void)state;
    start_forward(FORWARD_SOCKS, NULL, 0);
    forward_set_link(forward, &near);
    int fd = client();
    say_socks(fd, "localhost", target_port);
    check_socks_reply(fd, 0);
    check_talk(fd);
}

static void what_a_socks_client_sends_too_early_is_not_lost(void **state)
{
    char request[] = SOCKS_HELLO "\x05\x01\x00\x01\x7f\x00\x00\x01..early";
    (void)state;
    start_forward(FORWARD_SOCKS, NULL, 0);
    forward_set_link(forward, &near);
    int fd = client();
    request[11] = (char)(target_port >> 8);
    request[12] = (char)(target_port & 0xff);
    say(fd, request, sizeof request - 1);
    int other = accept_target();
    check_receives(other, "early", 5);
    close(other);
    check_receives(fd, SOCKS_OK, 2);
    check_socks_reply(fd, 0);
    close(fd);
}

static void socks_is_told_what_is_not_allowed(void **state)
{
    (void)state;
    start_forward(FORWARD_SOCKS, NULL, 0);
    forward_set_link(forward, &near);
    int fd = client();
    say_socks(fd, "localhost", 1);
    check_socks_reply(fd, 2);
    check_ends(fd);
}

static void socks_is_told_that_a_connection_was_refused(void **state)
{
    int idle = tcp(); /* bound, but nobody listens */
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)state;
    assert_int_equal(bind(idle, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(allow_add(allow, "127.0.0.1:*"), HX_OK);
    start_forward(FORWARD_SOCKS, NULL, 0);
    forward_set_link(forward, &near);
    int fd = client();
    say_socks(fd, "127.0.0.1", port_of(idle));
    check_socks_reply(fd, 5);
    check_ends(fd);
    close(idle);
}

static void socks_is_told_why_by_each_answer(void **state)
{
    static const struct {
        struct answer answer;
        char reply;
    } cases[] = {{{"403", "hx; error=http_request_denied"}, 2},
                 {{"502", "hx; error=connection_refused"}, 5},
                 {{"502", "hx; error=dns_error"}, 4},
                 {{"502", "hx; error=destination_ip_unroutable"}, 4},
                 {{"504", "hx; error=connection_timeout"}, 4},
                 {{"500", "x"}, 1},
                 {{"404", "x"}, 2},
                 {{"204", "x"}, 1}};
    (void)state;
    start_forward(FORWARD_SOCKS, NULL, 0);
    forward_set_link(forward, &near);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scripted = &cases[i].answer;
        int fd = client();
        say_socks(fd, "web", 80);
        check_socks_reply(fd, cases[i].reply);
        check_ends(fd);
    }
    AWAIT(mux_stream_count(near.mux) == 0);
}

static void who_speaks_http_to_the_socks_port_is_turned_away(void **state)
{
    char data[1];
    (void)state;
    start_forward(FORWARD_SOCKS, NULL, 0);
    forward_set_link(forward, &near);
    int fd = client();
    say(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_int_equal(receive(fd, data, 1), 0);
    assert_int_not_equal(errno, EAGAIN);
    close(fd);
    AWAIT(forward->count == 0);
    assert_int_equal(requests, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(socks_reaches_what_is_allowed, begin, end),
        cmocka_unit_test_setup_teardown(what_a_socks_client_sends_too_early_is_not_lost, begin, end),
        cmocka_unit_test_setup_teardown(socks_is_told_what_is_not_allowed, begin, end),
        cmocka_unit_test_setup_teardown(socks_is_told_that_a_connection_was_refused, begin, end),
        cmocka_unit_test_setup_teardown(socks_is_told_why_by_each_answer, begin, end),
        cmocka_unit_test_setup_teardown(who_speaks_http_to_the_socks_port_is_turned_away, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
