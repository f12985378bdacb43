/* TCP connections of the client, with a name service of the test's own: getaddrinfo() is replaced here. */
#include "test/unit/dial_fixture.h"
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>

/* ---- the name service ---- */

static atomic_int hangs;

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

/* "both" has ::1 and 127.0.0.1, "none" has no address; addresses are themselves. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    struct whole {
        struct addrinfo info;
        struct sockaddr_in6 sin6;
        struct sockaddr_in sin;
    } *w = calloc(1, sizeof *w);
    bool numeric = (hints->ai_flags & AI_NUMERICHOST) != 0;
    bool known = numeric ? inet_pton(AF_INET, host, &w->sin.sin_addr) == 1 : strcmp(host, "both") == 0;
    while (!numeric && atomic_load(&hangs))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    w->sin.sin_family = AF_INET;
    w->sin6.sin6_family = AF_INET6;
    w->sin.sin_port = w->sin6.sin6_port = htons((uint16_t)atoi(port));
    if (!numeric)
        w->sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->sin6.sin6_addr = in6addr_loopback;
    w->info = (struct addrinfo){
        .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&w->sin, .ai_addrlen = sizeof w->sin};
    if (hints->ai_family == AF_INET6)
        w->info = (struct addrinfo){
            .ai_family = AF_INET6, .ai_addr = (struct sockaddr *)&w->sin6, .ai_addrlen = sizeof w->sin6};
    *out = &w->info;
    if (!known)
        free(w);
    return known ? 0 : EAI_NONAME;
}

static const struct dial_request straight = {.proxy_url = ""};

/* ---- the tests ---- */

static void begin_and_accept(struct dialing *g, int *peer)
{
    char address[64];
    int listener = listen_at(address, sizeof address, "127.0.0.1", 1);
    dialing_begin(g, address, PATIENCE_MS, straight);
    *peer = accept_one(listener);
    AWAIT(g, g->opens == 1);
    close(listener);
}

static void bytes_pass_both_ways_and_the_other_side_ends_in_order(void **state)
{
    struct dialing g = {.opens = 0};
    char data[8];
    int peer;
    (void)state;
    begin_and_accept(&g, &peer);
    assert_true(dial_route_holds(g.dial));
    assert_int_equal(dial_write(g.dial, "question", 8), 8);
    assert_true(receive_all(peer, data, 8));
    assert_memory_equal(data, "question", 8);
    assert_int_equal(send(peer, "answer", 6, 0), 6);
    AWAIT(&g, g.got_len == 6);
    assert_memory_equal(g.got, "answer", 6);
    assert_int_equal(send(peer, "!", 1, 0), 1);
    close(peer);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.got_len, 7); /* what came before the end */
    assert_int_equal(g.error, HX_EEOF);
    assert_int_equal(dial_write(g.dial, "?", 1), HX_ECLOSED);
    dialing_end(&g);
}

static void a_reset_is_no_end_in_order(void **state)
{
    struct linger now = {.l_onoff = 1};
    struct dialing g = {.opens = 0};
    int peer;
    (void)state;
    begin_and_accept(&g, &peer);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(peer);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.error, HX_ECLOSED);
    dialing_end(&g);
}

static void the_address_that_answers_is_found_among_those_that_refuse(void **state)
{
    struct dialing g = {.opens = 0};
    char address[64];
    (void)state;
    int listener = listen_at(address, sizeof address, "both", 1); /* nobody is at ::1 */
    dialing_begin(&g, address, PATIENCE_MS, straight);
    int peer = accept_one(listener);
    AWAIT(&g, g.opens == 1);
    close(listener);
    close(peer);
    dialing_end(&g);
}

static void a_port_where_nobody_listens_has_refused(void **state)
{
    struct dialing g = {.opens = 0};
    char address[64];
    (void)state;
    int nobody = listen_at(address, sizeof address, "both", -1);
    dialing_begin(&g, address, PATIENCE_MS, straight);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.error, HX_EREFUSED);
    assert_int_equal(g.opens, 0);
    dialing_end(&g);
    close(nobody);
}

static void a_name_without_addresses_is_told_apart(void **state)
{
    struct dialing g = {.opens = 0};
    (void)state;
    dialing_begin(&g, "none:1", PATIENCE_MS, straight);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.error, HX_ERESOLVE);
    dialing_end(&g);
}

/* A queue of connections that is full: the kernel drops what comes, as a firewall does. */
static void who_does_not_answer_is_given_up_at_the_deadline(void **state)
{
    struct dialing first = {.opens = 0}, g = {.opens = 0};
    char address[64];
    (void)state;
    int listener = listen_at(address, sizeof address, "127.0.0.1", 0);
    dialing_begin(&first, address, PATIENCE_MS, straight);
    AWAIT(&first, first.opens == 1);
    dialing_begin(&g, address, 100, straight);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.error, HX_ETIMEDOUT);
    dialing_end(&g);
    dialing_begin(&g, address, PATIENCE_MS, straight);
    assert_int_equal(dial_write(g.dial, "?", 1), HX_EAGAIN);
    dialing_end(&g); /* while it connects */
    dialing_end(&first);
    close(listener);
}

static void a_lookup_that_hangs_does_not_outlast_the_deadline(void **state)
{
    struct dialing g = {.opens = 0};
    (void)state;
    atomic_store(&hangs, 1);
    dialing_begin(&g, "both:1", 50, straight);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.error, HX_ETIMEDOUT);
    dialing_end(&g);
    atomic_store(&hangs, 0);
}

static void fill(char *data, size_t len, size_t at)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (char)((at + i) * 31 >> 5);
}

static void what_is_written_to_one_that_does_not_read_is_bounded_and_arrives_whole(void **state)
{
    static char data[50000], there[50000];
    struct dialing g = {.opens = 0};
    ssize_t put;
    size_t written = 0;
    int peer;
    (void)state;
    begin_and_accept(&g, &peer);
    for (;;) {
        fill(data, sizeof data, written);
        put = dial_write(g.dial, data, sizeof data);
        if (put != (ssize_t)sizeof data)
            break;
        written += sizeof data;
        assert_true(written < (size_t)100 * 1024 * 1024);
    }
    assert_int_equal(put, HX_EAGAIN);
    for (size_t at = 0; at < written; at += sizeof data) {
        fill(data, sizeof data, at);
        assert_true(receive_all(peer, there, sizeof there));
        assert_memory_equal(data, there, sizeof data);
    }
    AWAIT(&g, g.rooms == 1);
    assert_int_equal(dial_write(g.dial, "more", 4), 4);
    assert_true(receive_all(peer, there, 4));
    assert_memory_equal(there, "more", 4);
    close(peer);
    dialing_end(&g);
}

static void every_callback_may_close_it(void **state)
{
    struct dialing at_open = {.close_at_open = true}, at_bytes = {.close_at_bytes = true};
    struct dialing at_end = {.close_at_end = true};
    char address[64];
    int peer;
    (void)state;
    int listener = listen_at(address, sizeof address, "127.0.0.1", 1);
    dialing_begin(&at_open, address, PATIENCE_MS, straight);
    AWAIT(&at_open, at_open.opens == 1);
    assert_null(at_open.dial);
    close(listener);
    begin_and_accept(&at_bytes, &peer);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    AWAIT(&at_bytes, !at_bytes.dial);
    assert_int_equal(recv(peer, address, 1, 0), 0);
    close(peer);
    begin_and_accept(&at_end, &peer);
    close(peer);
    AWAIT(&at_end, at_end.ends == 1);
    assert_null(at_end.dial);
    dialing_end(&at_open);
    dialing_end(&at_bytes);
    dialing_end(&at_end);
}

static int enter(void **state)
{
    (void)state;
    return engine_enter(0);
}

static int leave(void **state)
{
    (void)state;
    engine_unlock();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways_and_the_other_side_ends_in_order),
        cmocka_unit_test(a_reset_is_no_end_in_order),
        cmocka_unit_test(the_address_that_answers_is_found_among_those_that_refuse),
        cmocka_unit_test(a_port_where_nobody_listens_has_refused),
        cmocka_unit_test(a_name_without_addresses_is_told_apart),
        cmocka_unit_test(who_does_not_answer_is_given_up_at_the_deadline),
        cmocka_unit_test(a_lookup_that_hangs_does_not_outlast_the_deadline),
        cmocka_unit_test(what_is_written_to_one_that_does_not_read_is_bounded_and_arrives_whole),
        cmocka_unit_test(every_callback_may_close_it),
    };
    int failed = cmocka_run_group_tests(tests, enter, leave);
    engine_end();
    return failed;
}
