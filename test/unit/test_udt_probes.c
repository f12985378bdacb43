/* What comes to UDT's ports and is a probe. */
#include "test/unit/path_fixture.h"

struct probes {
    atomic_int came;
    int32_t socket;
    uint8_t bytes[128];
};

static bool take_probe(void *context, struct net_datagram *d)
{
    struct probes *p = context;
    (void)demux_gather(d, p->bytes, sizeof p->bytes);
    p->socket = d->socket;
    atomic_fetch_add(&p->came, 1);
    return false;
}

static bool await_count(atomic_int *count, int expected)
{
    for (int64_t end_ms = clock_now_ms() + WAIT_MS; atomic_load(count) < expected && clock_now_ms() < end_ms;)
        poll(NULL, 0, 1);
    return atomic_load(count) == expected;
}

/* One that is too short is UDT's: when that has come, what was sent before has. */
static void say_short(int fd, struct udt_port *p, const struct sockaddr_in *to)
{
    uint8_t packet[63] = {0xE8, 0x68, 0x78, 0x50};
    uint64_t before = counter(p, "dropped_unmatched");
    int64_t end_ms = clock_now_ms() + WAIT_MS;

    (void)!sendto(fd, packet, sizeof packet, 0, (const struct sockaddr *)to, sizeof *to);
    while (counter(p, "dropped_unmatched") == before && clock_now_ms() < end_ms)
        poll(NULL, 0, 1);
    assert_int_equal(counter(p, "dropped_unmatched"), before + 1);
}

static void probes_go_to_their_handler_and_never_to_udt(void **state)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, extra = own;
    struct probes probes = {.came = 0};
    uint8_t packet[100] = {0xE8, 0x68, 0x78, 0x50};
    struct net_address mine, local;
    int fd = loopback_socket(&mine), number;

    (void)state;
    struct udt_port *p = open_port(0); /* to which nothing else comes */
    struct net_port *net = udt_port_net(p);
    assert_int_equal(net_port_extra_open(net, &number), HX_OK);
    assert_true(net_port_extra_local(net, number, &local));
    own.sin_port = port_of(p);
    extra.sin_port = local.port;
    for (size_t i = 4; i < sizeof packet; i++)
        packet[i] = (uint8_t)i;
    (void)!sendto(fd, packet, 64, 0, (struct sockaddr *)&own, sizeof own); /* nobody's yet */
    say_short(fd, p, &own);
    net_port_set_handler(net, NET_USER_PROBE, take_probe, &probes);
    for (int i = 0; i < 20; i++) {
        size_t len = i == 7 ? 100 : 64;

        (void)!sendto(fd, packet, len, 0, (struct sockaddr *)(i % 2 ? &extra : &own), sizeof own);
        assert_true(await_count(&probes.came, i + 1));
        assert_int_equal(probes.socket, i % 2 ? number : 0);
        assert_memory_equal(probes.bytes, packet, len);
    }
    net_port_set_handler(net, NET_USER_PROBE, NULL, NULL);
    (void)!sendto(fd, packet, 64, 0, (struct sockaddr *)&own, sizeof own);
    say_short(fd, p, &own);
    assert_int_equal(atomic_load(&probes.came), 20);
    net_port_extra_close(net, number);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_go_to_their_handler_and_never_to_udt),
    };

    return cmocka_run_group_tests_name("udt_probes", tests, NULL, close_all);
}
