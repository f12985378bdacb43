#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "test/unit/cuts.h"

struct run {
    struct request_parser *parser;
    struct account *account;
    bool dead;
};

static void account_result(struct run *r, enum request_result result)
{
    static const char *const targets[] = {"/", "/bind", "/connect"};
    const struct request *q = request_parser_request(r->parser);
    const struct request_refusal *f = request_parser_refusal(r->parser);

    if (result == REQUEST_DONE) {
        account_add(r->account, "%s", targets[q->target]);
        if (*q->host_id)
            account_add(r->account, " id=%s", q->host_id);
        if (*q->name)
            account_add(r->account, " name=%s", q->name);
        if (q->wait_s)
            account_add(r->account, " wait=%d", q->wait_s);
        account_add(r->account, "%s%s\n", q->head ? " head" : "", q->close ? " close" : "");
    } else if (result == REQUEST_REFUSED) {
        assert_non_null(f->text);
        assert_null(strpbrk(f->text, "\r\n"));
        account_add(r->account, "%d%s%s\n", f->status, f->head ? " head" : "", f->fatal ? " fatal" : "");
        r->dead = f->fatal;
    }
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;

    while (len > 0 && !r->dead) {
        size_t taken = SIZE_MAX;
        enum request_result result = request_parser_feed(r->parser, data, len, &taken);
        assert_true(taken <= len);
        if (result == REQUEST_MORE)
            assert_int_equal(taken, len);
        account_result(r, result);
        data += taken;
        len -= taken;
    }
}

static void run(const struct cuts *c, struct account *a)
{
    struct run r = {.account = a};

    assert_int_equal(request_parser_create(&r.parser), HX_OK);
    feed_cuts(c, feed, &r);
    if (request_parser_started(r.parser) && !r.dead)
        account_add(a, "more\n");
    request_parser_destroy(r.parser);
}

static void check_bytes(const char *data, size_t len, const char *expected)
{
    check_every_cut_of(data, len, expected, run);
}

static void check(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), expected);
}

struct row {
    const char *text;
    const char *expected;
};
#define CHECK_ROWS(check, rows)                                   \
    for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) \
    check((rows)[i].text, (rows)[i].expected)

/* A well-formed GET for `target`, answered with `expected`. */
static void check_target(const char *target, const char *expected)
{
    char text[REQUEST_LINE_MAX + 64];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n", target);
    check(text, expected);
}

#define GET    "GET / HTTP/1.1\r\n"
#define PREFER "GET /connect?host_id=a HTTP/1.1\r\nPrefer: "

static void bare_lf_and_empty_lines_before_a_request_are_read(void **state)
{
    (void)state;
    check("GET /bind?host_id=a HTTP/1.1\nHost: x\n\n", "/bind id=a\n");
    check("\r\n\n\r\nGET / HTTP/1.1\r\n\r\n\r\n", "/\n");
}

static void requests_follow_each_other(void **state)
{
    (void)state;
    check(GET "\r\nHEAD /bind?host_id=a HTTP/1.1\r\n\r\nGET /bind?host_id=b HTTP/1.1\r\n\r\nGET /bi",
          "/\n/bind id=a head\n/bind id=b\nmore\n");
}

static void the_bytes_after_a_request_are_left(void **state)
{
    static const char text[] = GET "\r\nGET /x HTTP/1.1\r\n\r\nrest";
    struct request_parser *p;
    size_t taken;

    (void)state;
    assert_int_equal(request_parser_create(&p), HX_OK);
    assert_false(request_parser_started(p));
    assert_int_equal(request_parser_feed(p, text, strlen(text), &taken), REQUEST_DONE);
    assert_int_equal(taken, strlen(GET "\r\n"));
    assert_false(request_parser_started(p));
    assert_int_equal(request_parser_feed(p, text + taken, strlen(text) - taken, &taken), REQUEST_REFUSED);
    assert_int_equal(taken, strlen("GET /x HTTP/1.1\r\n\r\n"));
    assert_false(request_parser_started(p));
    assert_int_equal(request_parser_feed(p, "\r\n", 2, &taken), REQUEST_MORE);
    assert_false(request_parser_started(p));
    assert_int_equal(request_parser_feed(p, "G", 1, &taken), REQUEST_MORE);
    assert_true(request_parser_started(p));
    request_parser_destroy(p);
}

static void nothing_is_taken_after_a_fatal_refusal(void **state)
{
    struct request_parser *p;
    size_t taken = 9;

    (void)state;
    assert_int_equal(request_parser_create(&p), HX_OK);
    assert_int_equal(request_parser_feed(p, "\x16\x03", 2, &taken), REQUEST_REFUSED);
    assert_int_equal(request_parser_feed(p, GET "\r\n", strlen(GET "\r\n"), &taken), REQUEST_REFUSED);
    assert_int_equal(taken, 0);
    assert_int_equal(request_parser_refusal(p)->status, 400);
    assert_false(request_parser_started(p));
    request_parser_destroy(p);
    request_parser_destroy(NULL);
}

static void targets_lead_to_their_resources(void **state)
{
    static const struct row rows[] = {
        {"/", "/\n"},
        {"/?host_id=a:b", "/\n"},
        {"http://nameserver:7000", "/\n"},
        {"http://nameserver?x", "/\n"},
        {"udt://[2001:db8::1]:7000/bind?host_id=a", "/bind id=a\n"},
        {"/%62ind?host_id=a", "/bind id=a\n"},
        {"/BIND?host_id=a", "404\n"},
        {"/bind/?host_id=a", "404\n"},
        {"//bind?host_id=a", "404\n"},
        {"/binds", "404\n"},
        {"/favicon.ico", "404\n"},
        {"http:///bind?host_id=a", "400\n"},
        {"1http://h/bind?host_id=a", "400\n"},
        {"bind?host_id=a", "400\n"},
        {"*", "400\n"},
    };

    (void)state;
    CHECK_ROWS(check_target, rows);
}

static void query_parameters_are_decoded_and_unknown_ones_ignored(void **state)
{
    static const struct row rows[] = {
        {"/bind?host_id=a%40b", "/bind id=a@b\n"},
        {"/bind?host_id=a@b~", "/bind id=a@b~\n"},
        {"/bind?host_id=a+b%2B", "/bind id=a+b+\n"},
        {"/bind?host%5Fid=%26%25%23", "/bind id=&%#\n"},
        {"/bind?x&=&y=%20&host_id=a&&host_ids=c", "/bind id=a\n"},
        {"/bind?host_id=a&name=:", "/bind id=a\n"},
        {"/connect?name=me&host_id=a", "/connect id=a name=me\n"},
        {"/connect?name=&host_id=a", "/connect id=a\n"},
        {"/connect?name&host_id=a", "/connect id=a\n"},
        {"/bind?HOST_ID=a", "400\n"},
        {"/bind?host_id=a?b", "400\n"},
    };

    (void)state;
    CHECK_ROWS(check_target, rows);
}

static void bad_names_and_bad_percent_encoding_are_refused_and_the_next_request_works(void **state)
{
    static const char *const targets[] = {
        "/bind",
        "/bind?",
        "/bind?host_id",
        "/bind?host_id=",
        "/bind?host_id=a%3Ab",
        "/bind?host_id=a:b",
        "/bind?host_id=a%20b",
        "/bind?host_id=a%0Ab",
        "/bind?host_id=a%00",
        "/bind?host_id=%00a",
        "/bind?host_id=a&x=%00",
        "/bind?host_id=a%7f",
        "/bind?host_id=a%C3%A4",
        "/bind?host_id=a%",
        "/bind?host_id=a%4",
        "/bind?host_id=a%4g",
        "/bind?host_id=a&x=%zz",
        "/b%?host_id=a",
        "/bind?host_id=a&host_id=a",
        "/bind?host_id=a&host_id=b",
        "/bind?host_id=a#b",
        "/connect?host_id=a&name=a:b",
        "/connect?host_id=a&name=a&name=b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n" GET "\r\n", targets[i]);
        check(text, "400\n/\n");
    }
}

static void a_name_of_255_bytes_is_taken_and_256_are_refused(void **state)
{
    char target[2 * HOST_ID_MAX], expected[2 * HOST_ID_MAX];
    char *name = repeated('n', HOST_ID_MAX);

    (void)state;
    snprintf(target, sizeof target, "/bind?host_id=%s", name);
    snprintf(expected, sizeof expected, "/bind id=%s\n", name);
    check_target(target, expected);
    strcat(target, "n");
    check_target(target, "400\n");
    snprintf(target, sizeof target, "/connect?host_id=a&name=%s", name);
    snprintf(expected, sizeof expected, "/connect id=a name=%s\n", name);
    check_target(target, expected);
    strcat(target, "n");
    check_target(target, "400\n");
    free(name);
}

static void methods_other_than_get_and_head_are_refused_and_the_next_request_works(void **state)
{
    static const char *const methods[] = {"POST",    "PUT",     "get",      "G",   "GETX", "GE",    "HEADS",
                                          "OPTIONS", "CONNECT", "M-SEARCH", "PRI", "BREW", "SOURCE"};

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s /bind?host_id=a HTTP/1.1\r\n\r\n" GET "\r\n", methods[i]);
        check(text, "405\n/\n");
    }
    check("CONNECT host:443 HTTP/1.1\r\n\r\n" GET "\r\n", "405\n/\n");
    check("OPTIONS * HTTP/1.1\r\n\r\n" GET "\r\n", "405\n/\n");
}

static void a_refused_head_says_so(void **state)
{
    (void)state;
    check("HEAD /x HTTP/1.1\r\n\r\n", "404 head\n");
    check("HEAD / HTTP/2.0\r\n", "505 head fatal\n");
    check("HEAD / HTTP/1.1\r\nContent-Length: 1\r\n", "501 head fatal\n");
}

static void an_upgrade_that_is_offered_is_ignored(void **state)
{
    (void)state;
    check(GET "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" GET "\r\n", "/\n/\n");
    check("CONNECT h:1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" GET "\r\n", "405\n/\n");
}

static void what_is_not_http_is_refused_at_its_first_wrong_byte(void **state)
{
    (void)state;
    check_bytes("\x16\x03\x01\x00\xa5\x01\x00", 7, "400 fatal\n");
    check_bytes("\x00", 1, "400 fatal\n");
    check_bytes("G\x00T / HTTP/1.1\r\n\r\n", 18, "400 fatal\n");
    check("\x80", "400 fatal\n");
    check(" GET", "400 fatal\n");
    check("GET\t", "400 fatal\n");
    check("SSH-2.0-OpenSSH_9.2\r", "400 fatal\n");
    check("--hx_hole_punching\r", "400 fatal\n");
    check("GET  ", "400 fatal\n");
    check("GET /\x01", "400 fatal\n");
    check("GET /\xc3", "400 fatal\n");
    check("GET /\x7f", "400 fatal\n");
    check("GET /\r", "400 fatal\n");
    check("GET /\n", "400 fatal\n");
    check("GET /  ", "400 fatal\n");
    check("GET / FTP", "400 fatal\n");
    check("GET / http", "400 fatal\n");
    check("GET / HTTP/x", "400 fatal\n");
    check("GET / HTTP/1.x", "400 fatal\n");
    check("GET / HTTP/1.1 ", "400 fatal\n");
    check("GET / HTTP/1.1\rX", "400 fatal\n");
}

static void versions_other_than_1_are_refused(void **state)
{
    (void)state;
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 fatal\n");
    check("GET / HTTP/2.0\r\n", "505 fatal\n");
    check("GET / HTTP/2\r", "505 fatal\n");
    check("GET / HTTP/3.1\n", "505 fatal\n");
    check("GET / HTTP/0.9\r\n", "505 fatal\n");
    check("GET / HTTP/1.0\r\n\r\n", "/ close\n");
    check("GET / HTTP/1.2\r\n\r\n", "/\n");
}

static void connection_options_decide_about_the_close(void **state)
{
    (void)state;
    check(GET "Connection: close\r\n\r\n", "/ close\n");
    check(GET "connection: x, CLOSE\r\n\r\n", "/ close\n");
    check(GET "Connection: keep-alive\r\n\r\n", "/\n");
    check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/\n");
    check("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", "404 fatal\n");
}

static void bodies_and_transfer_codings_are_refused(void **state)
{
    static const struct row rows[] = {
        {GET "Content-Length: 0\r\n\r\n" GET "\r\n", "/\n/\n"},
        {"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" GET "\r\n", "405\n/\n"},
        {GET "Content-Length: 1\r\n", "501 fatal\n"},
        {"POST / HTTP/1.1\r\nContent-Length: 10\r\n", "501 fatal\n"},
        {GET "content-length: 1844674407370955160\r\n", "501 fatal\n"},
        {GET "content-length: 99999999999999999999\r\n", "400 fatal\n"},
        {GET "Content-Length: -1\r\n", "400 fatal\n"},
        {GET "Content-Length: 0x1\r\n", "400 fatal\n"},
        {GET "Content-Length:\r\n", "400 fatal\n"},
        {GET "Content-Length: 0\r\nContent-Length: 0\r\n", "400 fatal\n"},
        {GET "Transfer-Encoding: chunked\r\n", "501 fatal\n"},
        {GET "transfer-encoding: identity\n", "501 fatal\n"},
        {GET "Transfer-Encoding:\r\n", "501 fatal\n"},
        {GET "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "501 fatal\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
}

static void a_host_is_one_host_or_none(void **state)
{
    static const struct row rows[] = {
        {GET "Host: a\r\nHost: a\r\n", "400 fatal\n"},
        {GET "Host: a\r\nX: y\r\nhost:\r\n", "400 fatal\n"},
        {GET "Host: a b\r\n", "400 fatal\n"},
        {GET "Host: a,b\r\n", "400 fatal\n"},
        {GET "Host: http://a/\r\n", "400 fatal\n"},
        {GET "Host: a@b\r\n", "400 fatal\n"},
        {GET "Host:\r\n\r\n", "/\n"},
        {GET "Host: ns.example.net:7000\r\n\r\n", "/\n"},
        {GET "Host: [2001:db8::1]:7000\r\n\r\n" GET "Host: b\r\n\r\n", "/\n/\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
}

static void malformed_header_fields_are_refused(void **state)
{
    static const struct row rows[] = {
        {GET "No colon\r\n", "400 fatal\n"},
        {GET ": x\r\n", "400 fatal\n"},
        {GET "Name : x\r\n", "400 fatal\n"},
        {GET "Transfer-Encoding : chunked\r\n", "400 fatal\n"},
        {GET "N\xc3\xa4me: x\r\n", "400 fatal\n"},
        {GET "Name: a\x01\r\n", "400 fatal\n"},
        {GET "Name: \x01\r\n", "400 fatal\n"},
        {GET "Name: a\x7f\r\n", "400 fatal\n"},
        {GET "Name: a\rb", "400 fatal\n"},
        {GET "Name:\rb", "400 fatal\n"},
        {GET " Name: a\r\n", "400 fatal\n"},
        {GET "Name: a\r\n folded\r\n", "400 fatal\n"},
        {GET "Name: a\r\n\tfolded\r\n", "400 fatal\n"},
        {GET "\rX", "400 fatal\n"},
        {GET "Name: \xc3\xa4\r\nEmpty:\r\nBlank: \t \r\n\r\n", "/\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
    check_bytes(GET "Name: a\0b\n", strlen(GET) + 10, "400 fatal\n");
    check_bytes(GET "Name: \0b\n", strlen(GET) + 9, "400 fatal\n");
}

static void prefer_wait_is_read(void **state)
{
    static const struct row rows[] = {
        {PREFER "wait=5\r\n\r\n", "/connect id=a wait=5\n"},
        {PREFER "wait=61\r\n\r\n", "/connect id=a wait=60\n"},
        {PREFER "respond-async\r\nprefer: wait=3\r\nPrefer: wait=4\r\n\r\n", "/connect id=a wait=3\n"},
        {PREFER "wait=x\r\nPrefer:\r\nPrefer: wait=4\r\n\r\n", "/connect id=a wait=4\n"},
        {"GET /connect?host_id=a HTTP/1.1\r\nPrefe: wait=5\r\nPrefers: wait=5\r\n\r\n", "/connect id=a\n"},
        {PREFER "wait=0\r\nPrefer: wait=4\r\n\r\n", "/connect id=a\n"},
        {"GET /bind?host_id=a HTTP/1.1\r\nPrefer: wait=5\r\n\r\n", "/bind id=a\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
}

static void a_request_line_of_2048_bytes_is_read_and_2049_are_refused(void **state)
{
    const size_t rest = strlen("GET /? HTTP/1.1");
    char *fill = repeated('x', REQUEST_LINE_MAX - rest);
    char text[REQUEST_LINE_MAX + 64];

    (void)state;
    snprintf(text, sizeof text, "GET /?%s HTTP/1.1\r\n\r\n", fill);
    check(text, "/\n");
    snprintf(text, sizeof text, "GET /?%sx HTTP/1.1", fill);
    check(text, "414 fatal\n");
    memset(text, 'x', REQUEST_LINE_MAX + 1);
    check_bytes(text, REQUEST_LINE_MAX, "more\n");
    check_bytes(text, REQUEST_LINE_MAX + 1, "414 fatal\n");
    text[3] = ' '; /* the method is whole, the target is not */
    check_bytes(text, REQUEST_LINE_MAX, "more\n");
    check_bytes(text, REQUEST_LINE_MAX + 1, "414 fatal\n");
    free(fill);
}

static void header_fields_of_8192_bytes_are_read_and_8193_are_refused(void **state)
{
    char *value = repeated('v', REQUEST_HEADERS_MAX - strlen("Host: xName: "));
    char text[REQUEST_HEADERS_MAX + 64];

    (void)state;
    snprintf(text, sizeof text, GET "Host: x\r\nName: %s\r\n\r\n", value);
    check(text, "/\n");
    snprintf(text, sizeof text, GET "Host: x\r\nName: %sv", value);
    check(text, "431 fatal\n");
    snprintf(text, sizeof text, GET "Name: %s\r\nHost: x\r\nY", value);
    check(text, "431 fatal\n");
    free(value);
}

static void a_prefer_field_of_2048_bytes_is_read_and_a_longer_one_is_ignored(void **state)
{
    char *fill = repeated('x', REQUEST_LINE_MAX - strlen("wait=5, "));
    char text[REQUEST_LINE_MAX + 64];

    (void)state;
    snprintf(text, sizeof text, PREFER "wait=5, %s\r\n\r\n", fill);
    check(text, "/connect id=a wait=5\n");
    snprintf(text, sizeof text, PREFER "wait=5, %sx\r\n\r\n", fill);
    check(text, "/connect id=a\n");
    free(fill);
}

static void sixty_four_header_fields_are_read_and_65_are_refused(void **state)
{
    char text[1024] = GET;

    (void)state;
    for (int i = 0; i < REQUEST_FIELDS_MAX; i++)
        strcat(text, "X: y\r\n");
    strcat(text, "\r\n");
    check(text, "/\n");
    text[strlen(text) - 2] = '\0';
    strcat(text, "X");
    check(text, "431 fatal\n");
}

static void written_requests_are_read_back(void **state)
{
    struct buf out;
    char text[512];

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(request_write_bind(&out, "a@b&c=d%", NULL), HX_EINVAL);
    assert_int_equal(request_write_bind(&out, "", NULL), HX_EINVAL);
    assert_int_equal(request_write_connect(&out, "a", "b:c", NULL), HX_EINVAL);
    assert_int_equal(out.len, 0);
    assert_int_equal(request_write_bind(&out, "a@b&c%+#", "Connection: close\r\n"), HX_OK);
    assert_int_equal(request_write_connect(&out, "a", "", NULL), HX_OK);
    assert_int_equal(request_write_connect(&out, "a", NULL, NULL), HX_OK);
    assert_int_equal(request_write_connect(&out, "a", "|&me", "Prefer: wait=9\r\n"), HX_OK);
    assert_true(out.len < sizeof text);
    memcpy(text, buf_data(&out), out.len);
    text[out.len] = '\0';
    check(text, "/bind id=a@b&c%+# close\n/connect id=a\n/connect id=a\n/connect id=a name=|&me wait=9\n");
    buf_free(&out);
    buf_init(&out, 10);
    assert_int_equal(request_write_bind(&out, "a", NULL), HX_ETOOBIG);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_lf_and_empty_lines_before_a_request_are_read),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(the_bytes_after_a_request_are_left),
        cmocka_unit_test(nothing_is_taken_after_a_fatal_refusal),
        cmocka_unit_test(targets_lead_to_their_resources),
        cmocka_unit_test(query_parameters_are_decoded_and_unknown_ones_ignored),
        cmocka_unit_test(bad_names_and_bad_percent_encoding_are_refused_and_the_next_request_works),
        cmocka_unit_test(a_name_of_255_bytes_is_taken_and_256_are_refused),
        cmocka_unit_test(methods_other_than_get_and_head_are_refused_and_the_next_request_works),
        cmocka_unit_test(a_refused_head_says_so),
        cmocka_unit_test(an_upgrade_that_is_offered_is_ignored),
        cmocka_unit_test(what_is_not_http_is_refused_at_its_first_wrong_byte),
        cmocka_unit_test(versions_other_than_1_are_refused),
        cmocka_unit_test(connection_options_decide_about_the_close),
        cmocka_unit_test(bodies_and_transfer_codings_are_refused),
        cmocka_unit_test(a_host_is_one_host_or_none),
        cmocka_unit_test(malformed_header_fields_are_refused),
        cmocka_unit_test(prefer_wait_is_read),
        cmocka_unit_test(a_request_line_of_2048_bytes_is_read_and_2049_are_refused),
        cmocka_unit_test(header_fields_of_8192_bytes_are_read_and_8193_are_refused),
        cmocka_unit_test(a_prefer_field_of_2048_bytes_is_read_and_a_longer_one_is_ignored),
        cmocka_unit_test(sixty_four_header_fields_are_read_and_65_are_refused),
        cmocka_unit_test(written_requests_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
