/* Which address of ours was asked, and answers by it: on loopback, where all of 127.0.0.0/8 is ours. */
#include "shim/net/net_port.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

struct world {
    struct net_port *port;
    int fd; /* of who asks */
    uint16_t number;
};

static struct sockaddr_in at(const char *address, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = port};

    assert_int_equal(inet_pton(AF_INET, address, &sin.sin_addr), 1);
    return sin;
}

static bool take_all(void *context, struct net_datagram *d)
{
    (void)context;
    (void)d;
    return true;
}

static void open_world(struct world *w, const struct sockaddr *local, bool batch)
{
    struct net_port_config config = {.local = local, .batch = batch};
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    assert_int_equal(net_port_open(&w->port, &config), HX_OK);
    net_port_set_handler(w->port, NET_USER_UDT, take_all, NULL);
    assert_int_equal(getsockname(net_port_fd(w->port), (struct sockaddr *)&sa, &len), 0);
    w->number = sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                         : ((struct sockaddr_in *)&sa)->sin_port;
    w->fd = socket(AF_INET, SOCK_DGRAM, 0);
}

static void close_world(struct world *w)
{
    close(w->fd);
    net_port_close(w->port);
}

/* Asks at `asked`; the port says that it was asked there, and answers. Returns who has answered. */
static struct sockaddr_in ask(struct world *w, const char *asked, const char *told)
{
    uint8_t bytes[DEMUX_BYTES] = {1}, more[64];
    struct sockaddr_in to = at(asked, w->number), from = {0};
    struct iovec parts[] = {{bytes, sizeof bytes}, {more, sizeof more}};
    struct net_datagram d = {.parts = parts, .part_count = 2};
    struct pollfd p = {.fd = net_port_fd(w->port), .events = POLLIN};
    socklen_t len = sizeof from;
    struct net_address expected = {.port = 0};

    assert_int_equal(sendto(w->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to), sizeof bytes);
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(net_port_read(w->port, &d), 1);
    if (told) {
        struct sockaddr_in sin = at(told, 0);

        net_address_from(&expected, (struct sockaddr *)&sin);
    }
    assert_memory_equal(&d.local, &expected, sizeof expected);
    assert_int_equal(d.interface, told ? if_nametoindex("lo") : 0);
    struct net_route back = (struct net_route){.to = d.from, .local = d.local};
    assert_int_equal(net_port_send(w->port, &back, parts, 1, 0), 0);
    p.fd = w->fd;
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(recvfrom(w->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len), sizeof bytes);
    return from;
}

static void check_answers(const struct sockaddr *local, bool batch)
{
    struct world w;

    open_world(&w, local, batch);
    for (int i = 1; i <= 3; i++) {
        char address[24];

        snprintf(address, sizeof address, "127.0.0.%d", i);
        assert_int_equal(ask(&w, address, address).sin_addr.s_addr, at(address, 0).sin_addr.s_addr);
    }
    close_world(&w);
}

static void a_port_on_all_addresses_answers_by_the_one_that_was_asked(void **state)
{
    (void)state;
    check_answers(NULL, false);
    check_answers(NULL, true);
}

static void so_does_one_of_ipv4_alone(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET};

    (void)state;
    check_answers((struct sockaddr *)&any, true);
}

static void one_that_is_bound_to_an_address_needs_not_be_told(void **state)
{
    struct sockaddr_in one = at("127.0.0.2", 0);

    (void)state;
    struct world w;
    open_world(&w, (struct sockaddr *)&one, true);
    assert_int_equal(ask(&w, "127.0.0.2", NULL).sin_addr.s_addr, one.sin_addr.s_addr);
    close_world(&w);
}

/* What shall leave by `local` arrives all the same. */
static void check_kernels_choice(const struct net_address *local)
{
    uint8_t byte = 1;
    struct iovec part = {&byte, 1};
    struct net_route route = {.local = *local};
    struct world w;

    open_world(&w, NULL, false);
    struct sockaddr_in to = ask(&w, "127.0.0.1", "127.0.0.1"); /* whoever asks has a port now */
    socklen_t len = sizeof to;
    assert_int_equal(getsockname(w.fd, (struct sockaddr *)&to, &len), 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    net_address_from(&route.to, (struct sockaddr *)&to);
    assert_int_equal(net_port_send(w.port, &route, &part, 1, 0), 0);
    struct pollfd p = (struct pollfd){.fd = w.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    close_world(&w);
}

static void an_address_that_is_not_ours_gives_way_to_the_kernels_choice(void **state)
{
    struct sockaddr_in gone = at("192.0.2.1", 0);

    (void)state;
    struct net_address local;
    net_address_from(&local, (struct sockaddr *)&gone);
    check_kernels_choice(&local);
}

static void an_interface_that_is_gone_gives_way_to_the_kernels_choice(void **state)
{
    struct sockaddr_in one = at("127.0.0.1", 0);

    (void)state;
    struct net_address local;
    net_address_from(&local, (struct sockaddr *)&one);
    local.scope = INT32_MAX;
    check_kernels_choice(&local);
}

/* How many routers a datagram of the port's may pass, as its receiver on this host sees it. */
static int hops_of(struct world *w, uint8_t hops, const char *local)
{
    struct sockaddr_in to = at("127.0.0.1", 0), from = at(local, 0);
    struct net_route route = {.hops = hops};
    struct iovec part = {.iov_base = (char[]){"hello, who are you"}, .iov_len = 18};
    socklen_t len = sizeof to;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char text[32];
    struct iovec room = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr mh = {
        .msg_iov = &room, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct pollfd came = {.events = POLLIN};
    int on = 1, ttl = 0;

    came.fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(came.fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(setsockopt(came.fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on), 0);
    assert_int_equal(getsockname(came.fd, (struct sockaddr *)&to, &len), 0);
    net_address_from(&route.to, (struct sockaddr *)&to);
    if (from.sin_addr.s_addr != 0)
        net_address_from(&route.local, (struct sockaddr *)&from);
    assert_int_equal(net_port_send(w->port, &route, &part, 1, 0), 0);
    assert_int_equal(poll(&came, 1, 5000), 1);
    assert_int_equal(recvmsg(came.fd, &mh, 0), 18);
    close(came.fd);
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    assert_true(c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL);
    memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
    return ttl;
}

static void check_hops(const struct sockaddr *local)
{
    struct world w;

    open_world(&w, local, false);
    assert_int_equal(hops_of(&w, 2, "0.0.0.0"), 2);
    assert_int_equal(hops_of(&w, 3, "127.0.0.2"), 3);
    assert_true(hops_of(&w, 0, "0.0.0.0") > 3);
    assert_true(hops_of(&w, 0, "127.0.0.2") > 3);
    close_world(&w);
}

static void a_datagram_gets_as_far_as_it_may(void **state)
{
    struct sockaddr_in any = at("0.0.0.0", 0);

    (void)state;
    check_hops(NULL);
    check_hops((struct sockaddr *)&any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_on_all_addresses_answers_by_the_one_that_was_asked),
        cmocka_unit_test(so_does_one_of_ipv4_alone),
        cmocka_unit_test(one_that_is_bound_to_an_address_needs_not_be_told),
        cmocka_unit_test(an_address_that_is_not_ours_gives_way_to_the_kernels_choice),
        cmocka_unit_test(an_interface_that_is_gone_gives_way_to_the_kernels_choice),
        cmocka_unit_test(a_datagram_gets_as_far_as_it_may),
    };
    return cmocka_run_group_tests_name("pktinfo", tests, NULL, NULL);
}
