#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "proto/upgrade.h"
#include "test/unit/cuts.h"

/* ---- the answer, as the client reads it ---- */

struct run {
    struct upgrade_reader *reader;
    enum upgrade_result result;
    size_t rest; /* bytes behind the head */
};

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    size_t used = 0;

    if (r->result == UPGRADE_REFUSED)
        return;
    r->result = upgrade_reader_feed(r->reader, data, len, &used);
    assert_true(used == len || r->result != UPGRADE_MORE);
    r->rest += len - used;
}

static void run(const struct cuts *c, struct account *a)
{
    struct run r = {.reader = upgrade_reader_create()};

    assert_non_null(r.reader);
    feed_cuts(c, feed, &r);
    if (r.result == UPGRADE_DONE)
        account_add(a, "done, %zu behind", r.rest);
    else if (r.result == UPGRADE_REFUSED)
        account_add(a, "%d: %s", upgrade_reader_status(r.reader), upgrade_reader_text(r.reader));
    else
        account_add(a, "more");
    upgrade_reader_destroy(r.reader);
}

static void check(const char *text, const char *expected)
{
    check_every_cut_of(text, strlen(text), expected, run);
}

#define UPGRADED "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n"

static void an_answer_of_101_opens_the_tunnel(void **state)
{
    (void)state;
    check(UPGRADED "\r\n", "done, 0 behind");
    check(UPGRADED "Capsule-Protocol: ?1\r\n\r\n", "done, 0 behind");
    check("HTTP/1.1 101 \r\nconnection: upgrade\r\nupgrade:Connect-UDP \r\n\r\nabc", "done, 3 behind");
    check(
        "HTTP/1.1 101 S\r\nX-Upgrade: no\r\nUpgrade: connect-udp\r\nConnection: Upgrade\r\nDate: x\r\n\r\n12",
        "done, 2 behind");
    check("HTTP/1.1 100 Continue\r\n\r\n" UPGRADED "\r\n", "done, 0 behind");
    check(UPGRADED, "more");
    check("", "more");
}

static void another_protocol_is_refused(void **state)
{
    (void)state;
    check("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "0: ");
    check("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: connect-udpx\r\n\r\n", "0: ");
    check("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgraded: connect-udp\r\n\r\n", "0: ");
    check("SSH-2.0-OpenSSH\r\n", "0: ");
    check("HTTP/2 101\r\n\r\n", "0: ");
}

static void a_refusal_is_told_with_its_first_line(void **state)
{
    (void)state;
    check("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nnot here\n", "403: not here");
    check("HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nnot here", "403: not here");
    check("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404: ");
    check("HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhy\x1b\n\r\n0\r\n\r\n", "502: why?");
    check("HTTP/1.1 200 OK\r\nUpgrade: connect-udp\r\nContent-Length: 3\r\n\r\nfoo", "200: foo");
}

static void a_head_without_end_is_refused(void **state)
{
    char *junk = repeated('x', UPGRADE_HEAD_MAX), *text = malloc(UPGRADE_HEAD_MAX + 64);

    (void)state;
    assert_non_null(text);
    sprintf(text, "HTTP/1.1 101 S\r\nA: %s", junk);
    check(text, "0: ");
    free(junk);
    free(text);
}

/* ---- the target, as the server reads it ---- */

static void targets_are_hosts_and_ports(void **state)
{
    static const struct {
        const char *path, *host;
        uint16_t port; /* 0: it is none */
    } rows[] = {{"/.well-known/masque/udp/localhost/7000/", "localhost", 7000},
                {"/.well-known/masque/udp/localhost/7000", "localhost", 7000},
                {"/.well-known/masque/udp/192.0.2.6/443/", "192.0.2.6", 443},
                {"/.well-known/masque/udp/2001%3Adb8%3A%3A42/1/", "2001:db8::42", 1},
                {"/.well-known/masque/udp/localhost/65536/", "", 0},
                {"/.well-known/masque/udp/localhost/0/", "", 0},
                {"/.well-known/masque/udp/localhost/07/", "", 0},
                {"/.well-known/masque/udp/localhost/7a/", "", 0},
                {"/.well-known/masque/udp/localhost//", "", 0},
                {"/.well-known/masque/udp/localhost/", "", 0},
                {"/.well-known/masque/udp//7000/", "", 0},
                {"/.well-known/masque/udp/a%00b/7000/", "", 0},
                {"/.well-known/masque/udp/a/7000/b/", "", 0},
                {"/.well-known/masque/udp/", "", 0},
                {"/.well-known/masque/tcp/localhost/7000/", "", 0},
                {"/bind", "", 0},
                {"", "", 0}};
    struct upgrade_target t;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(upgrade_target_parse(&t, rows[i].path, strlen(rows[i].path)), rows[i].port != 0);
        if (rows[i].port == 0)
            continue;
        assert_string_equal(t.host, rows[i].host);
        assert_int_equal(t.port, rows[i].port);
    }
    char *host = repeated('a', UPGRADE_HOST_MAX + 1), path[2 * UPGRADE_HOST_MAX];
    for (size_t len = UPGRADE_HOST_MAX; len <= UPGRADE_HOST_MAX + 1; len++) {
        int n = snprintf(path, sizeof path, "/.well-known/masque/udp/%.*s/1/", (int)len, host);
        assert_int_equal(upgrade_target_parse(&t, path, (size_t)n), len == UPGRADE_HOST_MAX);
    }
    free(host);
}

/* What request_parser_feed() says of a request with these header lines. */
static void check_request(const char *line, const char *headers, int status, uint16_t port)
{
    struct request_parser *p;
    char text[512];
    size_t used;
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\n%s\r\n", line, headers);

    assert_int_equal(request_parser_create(&p), HX_OK);
    enum request_result result = request_parser_feed(p, text, (size_t)n, &used);
    assert_int_equal(used, n);
    if (status == 0) {
        assert_int_equal(result, REQUEST_DONE);
        assert_int_equal(request_parser_request(p)->target, REQUEST_TUNNEL);
        assert_int_equal(request_parser_request(p)->port, port);
        assert_string_equal(request_parser_request(p)->host_id, "localhost");
    } else {
        assert_int_equal(result, REQUEST_REFUSED);
        assert_int_equal(request_parser_refusal(p)->status, status);
    }
    request_parser_destroy(p);
}

#define PATH "/.well-known/masque/udp/localhost/7001/"

static void a_request_for_a_tunnel_says_so_in_its_upgrade(void **state)
{
    (void)state;
    check_request("GET " PATH, "Connection: Upgrade\r\nUpgrade: connect-udp\r\n", 0, 7001);
    check_request("GET " PATH, "Upgrade: h2c , Connect-UDP\r\nConnection: Upgrade\r\n", 0, 7001);
    check_request("GET http://ns.example" PATH, "Connection: Upgrade\r\nUpgrade: connect-udp\r\n", 0, 7001);
    check_request("GET " PATH, "", 404, 0);
    check_request("GET " PATH, "Connection: Upgrade\r\nUpgrade: connect-ip\r\n", 404, 0);
    check_request("HEAD " PATH, "Connection: Upgrade\r\nUpgrade: connect-udp\r\n", 404, 0);
    check_request("POST " PATH, "Connection: Upgrade\r\nUpgrade: connect-udp\r\n", 405, 0);
    check_request("GET /.well-known/masque/udp/localhost/", "Connection: Upgrade\r\nUpgrade: connect-udp\r\n",
                  404, 0);
}

static void what_is_written_is_what_the_other_side_reads(void **state)
{
    struct buf out;
    struct request_parser *p;
    struct account a = {.len = 0};
    size_t used;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(upgrade_write_request(&out, "[2001:db8::1]:7000", 7001), HX_OK);
    assert_int_equal(request_parser_create(&p), HX_OK);
    assert_int_equal(request_parser_feed(p, buf_data(&out), out.len, &used), REQUEST_DONE);
    assert_int_equal(request_parser_request(p)->target, REQUEST_TUNNEL);
    assert_int_equal(request_parser_request(p)->port, 7001);
    request_parser_destroy(p);
    buf_free(&out);
    assert_int_equal(upgrade_write_answer(&out), HX_OK);
    run(&(struct cuts){buf_data(&out), out.len, out.len, out.len}, &a);
    assert_string_equal(a.text, "done, 0 behind");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_answer_of_101_opens_the_tunnel),
                                       cmocka_unit_test(another_protocol_is_refused),
                                       cmocka_unit_test(a_refusal_is_told_with_its_first_line),
                                       cmocka_unit_test(a_head_without_end_is_refused),
                                       cmocka_unit_test(targets_are_hosts_and_ports),
                                       cmocka_unit_test(a_request_for_a_tunnel_says_so_in_its_upgrade),
                                       cmocka_unit_test(what_is_written_is_what_the_other_side_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
