/* shim/udt_closed.cc: sessions that end while others go on are removed by the later closes. */
#include "shim/udt.h"
#include <arpa/inet.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the above */
#include <cmocka.h>

#define WAIT_MS   5000
#define LASTS_MS  4000  /* closes are looked at after one second: three more follow */
#define LEFT_MAX  20480 /* bytes; what one session leaves, a hundred times over */
#define SETTLE_MS 2500  /* UDT's collector removes the last ones within this time */

static struct udt_port *server, *client;

static struct udt_port *open_port(int backlog)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct udt_port_config config = {
        .local = (struct sockaddr *)&loopback, .local_len = sizeof(loopback), .backlog = backlog};
    struct udt_port *p;

    assert_int_equal(udt_port_open(&p, &config), HX_OK);
    return p;
}

static int open_all(void **state)
{
    (void)state;
    server = open_port(64);
    client = open_port(0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    udt_shutdown(100);
    return 0;
}

static struct stream *await(struct udt_port *p, enum udt_event_type type)
{
    int64_t deadline_ms = udt_now_ms() + WAIT_MS;
    struct pollfd fd = {.fd = udt_port_fd(p), .events = POLLIN};
    struct udt_event ev;

    while (udt_now_ms() < deadline_ms) {
        while (udt_port_next(p, &ev)) {
            if (ev.type == type)
                return ev.stream;
        }
        poll(&fd, 1, 10);
    }
    fail_msg("no event of type %d", type);
    abort(); /* fail_msg() does not return, which analyzers do not know */
}

static int have_sessions(int ms)
{
    int64_t end_ms = udt_now_ms() + ms;
    int count = 0;

    for (; udt_now_ms() < end_ms; count++) {
        socklen_t len;
        const struct sockaddr *address = udt_port_local(server, &len);
        struct stream *s;

        assert_int_equal(udt_connect(&s, client, address, len, WAIT_MS, NULL), HX_OK);
        assert_ptr_equal(await(client, UDT_EV_CONNECTED), s);
        stream_close(await(server, UDT_EV_ACCEPTED));
        stream_close(s);
    }
    poll(NULL, 0, SETTLE_MS);
    return count;
}

static void sessions_that_end_one_after_the_other_leave_nothing_behind(void **state)
{
    size_t before;
    int count;

    (void)state;
    have_sessions(LASTS_MS); /* tables and buffers get their size */
    before = mallinfo2().uordblks;
    count = have_sessions(LASTS_MS);
    print_message("%d sessions\n", count);
    assert_true(count > 400);
    if (before == 0) {
        print_message("not measured: a sanitizer's malloc() does not count\n");
        skip();
    }
    assert_in_range(mallinfo2().uordblks, 0, before + LEFT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_that_end_one_after_the_other_leave_nothing_behind),
    };

    return cmocka_run_group_tests_name("closed", tests, open_all, close_all);
}
