/* shim/net/batch and net_port: what the kernel brings as a run is one for the relay, and datagrams for
 * everybody else; and a run leaves as the datagrams that it is made of, whatever the kernel can do. */
#include "proto/relay_frame.h"
#include "shim/net/net_port.h"
#include "shim/net/tunnels.h"
#include <netinet/in.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define EACH      100
#define LAST      40 /* bytes of a run's last datagram */
#define TAKEN_MAX 16

static struct net_port *port;
static int peer;
static struct net_address peer_address;
static struct {
    enum net_user user;
    size_t len, each;
    uint8_t bytes[TAKEN_MAX * EACH];
} taken[TAKEN_MAX];
static int taken_count;

static bool take(enum net_user user, const struct net_datagram *d)
{
    assert_in_range(taken_count, 0, TAKEN_MAX - 1);
    assert_false(d->cut);
    assert_true(net_address_equal(&d->from, &peer_address));
    taken[taken_count].user = user;
    taken[taken_count].len = d->len;
    taken[taken_count].each = d->each;
    assert_int_equal(demux_gather(d, taken[taken_count].bytes, sizeof taken->bytes), d->len);
    taken_count++;
    return false;
}

static bool take_udt(void *context, struct net_datagram *d)
{
    (void)context;
    return take(NET_USER_UDT, d);
}

static bool take_relay(void *context, struct net_datagram *d)
{
    (void)context;
    return take(NET_USER_RELAY, d);
}

static int begin(void **state)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct net_port_config config = {.local = (struct sockaddr *)&local, .batch = true, .runs = true};
    socklen_t len = sizeof local;

    (void)state;
    taken_count = 0;
    assert_int_equal(net_port_open(&port, &config), HX_OK);
    net_port_set_handler(port, NET_USER_UDT, take_udt, NULL);
    net_port_set_handler(port, NET_USER_RELAY, take_relay, NULL);
    peer = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer, (struct sockaddr *)&local, sizeof local), 0);
    assert_int_equal(getsockname(peer, (struct sockaddr *)&local, &len), 0);
    net_address_from(&peer_address, (struct sockaddr *)&local);
    return 0;
}

static int end(void **state)
{
    (void)state;
    net_port_close(port);
    close(peer);
    return 0;
}

/* Where the port is, for the peer: a dual-stack socket names itself in IPv6's form. */
static struct sockaddr_in port_name(void)
{
    struct sockaddr_storage name;
    struct net_address a;
    socklen_t len;

    net_address_from(&a, net_port_local(port, &len));
    assert_true(net_address_to(&a, AF_INET, &name, &len));
    return *(struct sockaddr_in *)&name;
}

/* `len` bytes leave with one system call, cut into datagrams of EACH. */
static void send_run(uint8_t *bytes, size_t len)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = {.head = {.cmsg_level = IPPROTO_UDP,
                          .cmsg_type = UDP_SEGMENT,
                          .cmsg_len = CMSG_LEN(sizeof(uint16_t))}};
    struct sockaddr_in to = port_name();
    struct iovec part = {bytes, len};
    struct msghdr mh = {.msg_name = &to,
                        .msg_namelen = sizeof to,
                        .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes};
    uint16_t each = EACH;

    memcpy(CMSG_DATA(&control.head), &each, sizeof each);
    struct mmsghdr one = {.msg_hdr = mh};
    assert_int_equal(sendmmsg(peer, &one, 1, 0), 1);
}

/* Into two parts, as UDT reads; until nothing more has come. */
static void read_all(void)
{
    uint8_t head[DEMUX_BYTES], body[EACH];
    struct iovec parts[2] = {{head, sizeof head}, {body, sizeof body}};
    struct net_datagram d = {.parts = parts, .part_count = 2};

    while (net_port_read(port, &d) >= 0)
        ;
}

static void write_data(uint8_t *at, uint8_t session, uint8_t fill)
{
    struct relay_frame f = {.kind = RELAY_DATA, .session = {session}};

    memset(at, fill, EACH);
    relay_frame_write_head(&f, at);
}

static void expect(int i, enum net_user user, const uint8_t *bytes, size_t len, size_t each)
{
    assert_true(i < taken_count);
    assert_int_equal(taken[i].user, user);
    assert_int_equal(taken[i].len, len);
    assert_int_equal(taken[i].each, each);
    assert_memory_equal(taken[i].bytes, bytes, len);
}

static void a_run_of_udt_s_comes_one_by_one(void **state)
{
    uint8_t bytes[4 * EACH + LAST];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i / EACH + 1);
    send_run(bytes, sizeof bytes);
    read_all();
    assert_int_equal(taken_count, 5);
    for (int i = 0; i < 4; i++)
        expect(i, NET_USER_UDT, bytes + (size_t)i * EACH, EACH, 0);
    expect(4, NET_USER_UDT, bytes + sizeof bytes - LAST, LAST, 0);
}

static void a_run_of_the_relay_s_comes_whole(void **state)
{
    uint8_t bytes[5 * EACH];

    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        write_data(bytes + i * EACH, 7, i);
    send_run(bytes, 4 * EACH + LAST);
    read_all();
    assert_int_equal(taken_count, 1);
    expect(0, NET_USER_RELAY, bytes, 4 * EACH + LAST, EACH);
}

static void a_mixed_run_is_cut_where_its_heads_change(void **state)
{
    uint8_t bytes[6 * EACH];

    (void)state;
    write_data(bytes, 7, 1);
    write_data(bytes + EACH, 7, 2);
    write_data(bytes + 2 * EACH, 8, 3);
    memset(bytes + 3 * EACH, 9, EACH); /* UDT's */
    write_data(bytes + 4 * EACH, 8, 4);
    write_data(bytes + 5 * EACH, 8, 5);
    send_run(bytes, sizeof bytes);
    read_all();
    assert_int_equal(taken_count, 4);
    expect(0, NET_USER_RELAY, bytes, 2 * EACH, EACH);
    expect(1, NET_USER_RELAY, bytes + 2 * EACH, EACH, 0);
    expect(2, NET_USER_UDT, bytes + 3 * EACH, EACH, 0);
    expect(3, NET_USER_RELAY, bytes + 4 * EACH, 2 * EACH, EACH);
}

static void without_a_relay_its_frames_are_nobody_s(void **state)
{
    uint8_t bytes[3 * EACH];

    (void)state;
    net_port_set_handler(port, NET_USER_RELAY, NULL, NULL);
    write_data(bytes, 7, 1);
    write_data(bytes + EACH, 7, 2);
    memset(bytes + 2 * EACH, 9, EACH);
    send_run(bytes, sizeof bytes);
    read_all();
    assert_int_equal(taken_count, 1);
    expect(0, NET_USER_UDT, bytes + 2 * EACH, EACH, 0);
}

/* Datagrams too short for a frame make none together. */
static void a_head_that_lies_across_two_datagrams_is_none(void **state)
{
    uint8_t frame[EACH], bytes[EACH + RELAY_HEAD_BYTES];

    (void)state;
    write_data(frame, 7, 1);
    memset(bytes, 9, sizeof bytes);
    memcpy(bytes + EACH - RELAY_HEAD_BYTES / 2, frame, RELAY_HEAD_BYTES);
    send_run(bytes, sizeof bytes);
    read_all();
    assert_int_equal(taken_count, 2);
    expect(0, NET_USER_UDT, bytes, EACH, 0);
    expect(1, NET_USER_UDT, bytes + EACH, RELAY_HEAD_BYTES, 0);
}

static void leaves_whole(void)
{
    uint8_t bytes[4 * EACH + LAST], got[2 * EACH];
    struct iovec run = {bytes, sizeof bytes};
    struct net_route route = {.to = peer_address};

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i / EACH + 1);
    assert_int_equal(net_port_send_run(port, &route, &run, EACH), 5);
    for (int i = 0; i < 5; i++) {
        size_t len = i < 4 ? EACH : LAST;

        assert_int_equal(recv(peer, got, sizeof got, 0), len);
        assert_memory_equal(got, bytes + (size_t)i * EACH, len);
    }
    assert_int_equal(recv(peer, got, sizeof got, 0), -1);
}

static void a_run_leaves_as_its_datagrams(void **state)
{
    (void)state;
    leaves_whole();
}

static void where_the_kernel_does_not_cut_they_leave_one_by_one(void **state)
{
    int on = 1;

    (void)state;
    assert_int_equal(setsockopt(net_port_fd(port), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    leaves_whole();
}

static int discovers_mtu(void)
{
    int how = -1;
    socklen_t len = sizeof how;

    assert_int_equal(getsockopt(net_port_fd(port), IPPROTO_IP, IP_MTU_DISCOVER, &how, &len), 0);
    return how;
}

static void a_run_is_not_to_be_cut_on_its_way_if_it_is_said_so(void **state)
{
    uint8_t bytes[2 * EACH] = {0x80};
    struct iovec run = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct net_route route = {.to = peer_address, .whole = true};

    (void)state;
    assert_int_equal(net_port_send_run(port, &route, &run, EACH), 2);
    assert_int_equal(discovers_mtu(), IP_PMTUDISC_PROBE);
    route.whole = false;
    assert_int_equal(net_port_send_run(port, &route, &run, EACH), 2);
    assert_int_equal(discovers_mtu(), IP_PMTUDISC_WANT);
}

/* Longer than what UDT reads into. */
static void a_frame_for_the_relay_comes_whole_through_a_tunnel_too(void **state)
{
    uint8_t bytes[TUNNEL_DATAGRAM_MAX] = {0}, udt[EACH] = {0x80};
    int far_fd = net_port_tunnel_fd(port);

    (void)state;
    if (far_fd < 0)
        skip(); /* a kernel without IPv6 */
    peer_address = (struct net_address){.ip = {[0] = 0x01, [15] = 7}, .port = htons(7000)};
    write_data(bytes, 1, 5);
    assert_true(tunnels_give(far_fd, &peer_address, bytes, sizeof bytes));
    assert_true(tunnels_give(far_fd, &peer_address, udt, sizeof udt));
    read_all();
    assert_int_equal(taken_count, 2);
    expect(0, NET_USER_RELAY, bytes, sizeof bytes, 0);
    expect(1, NET_USER_UDT, udt, sizeof udt, 0);
}

/* By a nameserver that relays, before one that does not: systemd keeps the socket between them. */
static void a_socket_that_has_brought_runs_is_taken_over_for_datagrams(void **state)
{
    uint8_t bytes[TAKEN_MAX * EACH]; /* more than what there is for one datagram */
    struct net_port_config config = {.fd = dup(net_port_fd(port)), .batch = true};

    (void)state;
    net_port_close(port);
    assert_int_equal(net_port_open(&port, &config), HX_OK);
    net_port_set_handler(port, NET_USER_UDT, take_udt, NULL);
    memset(bytes, 0, sizeof bytes);
    send_run(bytes, sizeof bytes);
    read_all();
    assert_int_equal(taken_count, TAKEN_MAX);
    for (int i = 0; i < TAKEN_MAX; i++)
        expect(i, NET_USER_UDT, bytes, EACH, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_run_of_udt_s_comes_one_by_one),
        TEST(a_run_of_the_relay_s_comes_whole),
        TEST(a_mixed_run_is_cut_where_its_heads_change),
        TEST(without_a_relay_its_frames_are_nobody_s),
        TEST(a_head_that_lies_across_two_datagrams_is_none),
        TEST(a_run_leaves_as_its_datagrams),
        TEST(where_the_kernel_does_not_cut_they_leave_one_by_one),
        TEST(a_run_is_not_to_be_cut_on_its_way_if_it_is_said_so),
        TEST(a_frame_for_the_relay_comes_whole_through_a_tunnel_too),
        TEST(a_socket_that_has_brought_runs_is_taken_over_for_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
