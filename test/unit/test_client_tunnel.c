/* client/tunnel, against a TCP server that the test plays. */
#include "base/discard_only.h"
#include "client/eyeballs.h"
#include "client/tunnel.h"
#include "shim/net/net_port.h"
#include "test/unit/dial_fixture.h"
#include <poll.h>
#include <stdatomic.h>

#define AGREED                                                                                              \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\nCapsule-Protocol: " \
    "?1\r\n\r\n"

struct using
{
    struct tunnel_user user;
    int opens, ends, error;
    char text[256];
    bool leave_at_open;
};

static pthread_cond_t told;

static void on_tunnel_open(struct tunnel_user *u)
{
    struct using *g = u->owner;

    g->opens++;
    if (g->leave_at_open)
        tunnel_leave(u);
    pthread_cond_broadcast(&told);
}

static void on_tunnel_end(struct tunnel_user *u, int error, const char *text)
{
    struct using *g = u->owner;

    g->ends++;
    g->error = error;
    snprintf(g->text, sizeof g->text, "%s", text);
    pthread_cond_broadcast(&told);
}

#define AWAIT_TOLD(condition)                                     \
    do {                                                          \
        int64_t await_deadline_ms = clock_now_ms() + PATIENCE_MS; \
        while (!(condition))                                      \
            assert_true(engine_wait(&told, await_deadline_ms));   \
    } while (0)

static struct tunnel_place listen_there(int *listener, int backlog)
{
    char address[64];
    struct tunnel_place place = {.udp_port = 7001};

    *listener = listen_at(address, sizeof address, "127.0.0.1", backlog);
    assert_int_equal(host_port_parse(&place.tcp, address, 1), HX_OK);
    return place;
}

static void use(struct using *g, const struct tunnel_place *place)
{
    g->user = (struct tunnel_user){.on_open = on_tunnel_open, .on_end = on_tunnel_end, .owner = g};
    assert_int_equal(tunnel_use(&g->user, engine_port(), place, FAMILY_ANY), HX_OK);
    assert_int_equal(g->opens + g->ends, 0);
}

/* Takes the request, which is this, and says `answer`. */
static int answer(int listener, const char *bytes, size_t len)
{
    static const char request[] = "GET /.well-known/masque/udp/localhost/7001/ HTTP/1.1\r\nHost: 127.0.0.1:";
    char head[1024] = {0};
    size_t got = 0;
    int fd = accept_one(listener);

    while (got < 4 || memcmp(head + got - 4, "\r\n\r\n", 4) != 0) {
        assert_true(got < sizeof head && receive_all(fd, head + got, 1));
        got++;
    }
    assert_memory_equal(head, request, sizeof request - 1);
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    return fd;
}

#define ANSWER(listener, text) answer(listener, text, sizeof(text) - 1)

/* With "*" for where the nameserver should be, once. */
static void check_text(const struct using *g, const struct tunnel_place *place, const char *text)
{
    char expected[512], at[HOST_PORT_TEXT_MAX];
    const char *star = strchr(text, '*');

    if (star)
        snprintf(expected, sizeof expected, "%.*s%s%s", (int)(star - text), text,
                 host_port_format(&place->tcp, at), star + 1);
    assert_string_equal(g->text, star ? expected : text);
}

static void check_ends(const char *bytes, size_t len, int opens, int error, const char *text)
{
    struct using g = {.opens = 0};
    int listener;
    struct tunnel_place place = listen_there(&listener, 1);

    use(&g, &place);
    int fd = answer(listener, bytes, len);
    if (error == HX_EEOF)
        close(fd);
    AWAIT_TOLD(g.ends == 1);
    assert_int_equal(g.opens, opens);
    assert_int_equal(g.error, error);
    check_text(&g, &place, text);
    assert_false(tunnel_is_open(engine_port(), &place));
    tunnel_leave(&g.user); /* again is fine */
    if (error != HX_EEOF)
        close(fd);
    close(listener);
}

#define ENDS(bytes, opens, error, text) check_ends(bytes, sizeof(bytes) - 1, opens, error, text)

static void what_refuses_or_breaks_it_is_told(void **state)
{
    (void)state;
    ENDS("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nnot here\n", 0, HX_EREJECTED, "not here");
    ENDS("HTTP/1.1 101 S\r\nConnection: Upg", 0, HX_EEOF, "* has closed the connection without an answer");
    ENDS(AGREED "\0\xff\xff\xff\xff\xff\xff\xff\xff", 0, HX_ETOOBIG,
         "what comes back through TCP are no datagrams");
}

/* Networks have login pages, and a port may be anybody's. */
static void what_is_no_nameserver_is_told_as_that(void **state)
{
    (void)state;
    ENDS("SSH-2.0-OpenSSH\r\n", 0, HX_EPROTO, "what answers at * is no hx-nameserver");
    ENDS("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 0, HX_EPROTO,
         "what answers at * is no hx-nameserver");
    ENDS("HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 4\r\n\r\nhere", 0,
         HX_EREJECTED,
         "* sends elsewhere (302): no hx-nameserver, but another web server or this network's login page");
    ENDS("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n", 0, HX_EREJECTED,
         "what answers at * (200) is no hx-nameserver, or before it something takes \"Upgrade: connect-udp\" "
         "away");
    ENDS("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, HX_EREJECTED,
         "what answers at * (404) is no hx-nameserver, or before it something takes \"Upgrade: connect-udp\" "
         "away");
    ENDS("HTTP/1.1 400 Bad Request\r\nContent-Length: 7\r\n\r\n<html>\n", 0, HX_EREJECTED,
         "what answers at * (400) is no hx-nameserver, or before it something takes \"Upgrade: connect-udp\" "
         "away");
    ENDS("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", 0, HX_EREJECTED,
         "the web server at * does not reach a nameserver behind it (502)");
}

static void nobody_there_is_told(void **state)
{
    struct using g = {.opens = 0};
    int listener;
    struct tunnel_place place = listen_there(&listener, -1);

    (void)state;
    use(&g, &place);
    AWAIT_TOLD(g.ends == 1);
    assert_int_equal(g.error, HX_EREFUSED);
    close(listener);
}

static void one_tunnel_serves_all_who_want_it(void **state)
{
    struct using one = {.opens = 0}, two = {.leave_at_open = true}, late = {.opens = 0},
                 holder = {.opens = 0};
    struct net_address server, other;
    int listener, families;
    struct tunnel_place place = listen_there(&listener, 4);

    (void)state;
    use(&one, &place);
    use(&two, &place);
    int fd = ANSWER(listener, AGREED);
    AWAIT_TOLD(one.opens == 1 && two.opens == 1);
    assert_true(tunnel_is_open(engine_port(), &place));
    use(&late, &place);
    AWAIT_TOLD(late.opens == 1);
    assert_ptr_equal(tunnel_server(&late.user), tunnel_server(&one.user));
    net_address_from(&server, (const struct sockaddr *)tunnel_server(&one.user));
    assert_true(discard_only(server.ip) && server.port == htons(7001));
    other = server;
    other.ip[15]++;
    holder.user = (struct tunnel_user){.on_open = on_tunnel_open, .on_end = on_tunnel_end, .owner = &holder};
    assert_int_equal(tunnel_use_server(&holder.user, engine_port(), &other), HX_ENOTFOUND);
    assert_int_equal(tunnel_use_server(&holder.user, engine_port(), &server), HX_OK);
    assert_true(tunnel_same_place(tunnel_place(&holder.user, &families), &place) && families == FAMILY_ANY);
    AWAIT_TOLD(holder.opens == 1);
    tunnel_leave(&one.user);
    tunnel_leave(&late.user);
    assert_true(tunnel_is_open(engine_port(), &place));
    close(fd);
    AWAIT_TOLD(holder.ends == 1);
    assert_int_equal(one.ends + two.ends + late.ends, 0);
    assert_int_equal(holder.error, HX_EEOF);
    close(listener);
}

static void one_that_is_suspected_is_not_used_any_more(void **state)
{
    struct using old = {.opens = 0}, new = {.opens = 0};
    int listener;
    struct tunnel_place place = listen_there(&listener, 4);

    (void)state;
    use(&old, &place);
    int fd = ANSWER(listener, AGREED);
    AWAIT_TOLD(old.opens == 1);
    tunnel_suspect(&old.user);
    assert_int_equal(old.ends, 0);
    use(&new, &place);
    int again = ANSWER(listener, AGREED);
    AWAIT_TOLD(new.opens == 1 && old.ends == 1);
    tunnel_leave(&new.user);
    close(fd);
    close(again);
    close(listener);
}

static atomic_int came;
static char came_bytes[64];

static bool take(void *context, struct net_datagram *d)
{
    (void)context;
    if (!discard_only(d->from.ip))
        return false;
    (void)demux_gather(d, (uint8_t *)came_bytes, sizeof came_bytes);
    atomic_store(&came, (int)d->len);
    return false;
}

static void datagrams_go_and_come_as_capsules(void **state)
{
    static const char stun[] = "\1\1\0\0\x21\x12\xa4\x42twelve bytes";
    struct using g = {.opens = 0};
    struct net_route route = {.socket = 0};
    struct iovec part = {.iov_base = (char *)stun, .iov_len = 20};
    struct net_port *net = udt_port_net(engine_port());
    char got[24];
    int listener;
    struct tunnel_place place = listen_there(&listener, 1);

    (void)state;
    use(&g, &place);
    int fd = ANSWER(listener, AGREED);
    AWAIT_TOLD(g.opens == 1);
    net_address_from(&route.to, (const struct sockaddr *)tunnel_server(&g.user));
    assert_int_equal(net_port_send(net, &route, &part, 1, MSG_DONTWAIT), 0);
    assert_true(receive_all(fd, got, 23));
    assert_memory_equal(got, "\0\x15\0", 3);
    assert_memory_equal(got + 3, stun, 20);
    net_port_set_handler(net, NET_USER_STUN, take, NULL);
    assert_int_equal(send(fd, got, 23, MSG_NOSIGNAL), 23);
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; atomic_load(&came) == 0 && clock_now_ms() < end_ms;) {
        engine_unlock();
        poll(NULL, 0, 1);
        engine_lock();
    }
    assert_int_equal(atomic_load(&came), 20);
    assert_memory_equal(came_bytes, stun, 20);
    tunnel_leave(&g.user);
    close(fd);
    close(listener);
}

static int begin(void **state)
{
    (void)state;
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    if (engine_cond_init(&told) < 0)
        return -1;
    return engine_enter(0);
}

static int end(void **state)
{
    (void)state;
    engine_unlock();
    engine_end();
    return pthread_cond_destroy(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_refuses_or_breaks_it_is_told),
                                       cmocka_unit_test(what_is_no_nameserver_is_told_as_that),
                                       cmocka_unit_test(nobody_there_is_told),
                                       cmocka_unit_test(one_tunnel_serves_all_who_want_it),
                                       cmocka_unit_test(one_that_is_suspected_is_not_used_any_more),
                                       cmocka_unit_test(datagrams_go_and_come_as_capsules)};
    return cmocka_run_group_tests_name("client tunnel", tests, begin, end);
}
