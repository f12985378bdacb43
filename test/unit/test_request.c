/* proto/request.h: request lines and their targets, one request after the other. */
#include "test/unit/request_fixture.h"

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

    (void)state;
    struct request_parser *p;
    assert_int_equal(request_parser_create(&p), HX_OK);
    assert_false(request_parser_started(p));
    size_t taken;
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

static void a_copy_outlives_the_parser_and_its_next_request(void **state)
{
    static const char text[] = "GET /connect?host_id=far&name=near HTTP/1.1\r\nPrefer: wait=5\r\n\r\n";
    struct request_parser *p;
    size_t taken;

    (void)state;
    assert_int_equal(request_parser_create(&p), HX_OK);
    assert_int_equal(request_parser_feed(p, text, strlen(text), &taken), REQUEST_DONE);
    struct request *copy = request_copy(request_parser_request(p));
    assert_int_equal(request_parser_feed(p, GET "\r\n", strlen(GET "\r\n"), &taken), REQUEST_DONE);
    assert_string_equal(request_parser_request(p)->host_id, "");
    request_parser_destroy(p);
    assert_non_null(copy);
    assert_int_equal(copy->target, REQUEST_CONNECT);
    assert_string_equal(copy->host_id, "far");
    assert_string_equal(copy->name, "near");
    assert_int_equal(copy->wait_s, 5);
    free(copy);
}

static void nothing_is_taken_after_a_fatal_refusal(void **state)
{
    size_t taken = 9;

    (void)state;
    struct request_parser *p;
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
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        check_refused(targets[i]);
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

static void written_requests_are_read_back(void **state)
{
    char text[512];

    (void)state;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(request_write_bind(&out, "a@b&c=d%", NULL, NULL), HX_EINVAL);
    assert_int_equal(request_write_bind(&out, "", NULL, NULL), HX_EINVAL);
    assert_int_equal(request_write_connect(&out, "a", "b:c", NULL, NULL), HX_EINVAL);
    assert_int_equal(out.len, 0);
    assert_int_equal(request_write_bind(&out, "a@b&c%+#", "Connection: close\r\n", NULL), HX_OK);
    assert_int_equal(request_write_connect(&out, "a", "", NULL, NULL), HX_OK);
    assert_int_equal(request_write_connect(&out, "a", NULL, NULL, NULL), HX_OK);
    assert_int_equal(request_write_connect(&out, "a", "|&me", "Prefer: wait=9\r\n", NULL), HX_OK);
    assert_true(out.len < sizeof text);
    memcpy(text, buf_data(&out), out.len);
    text[out.len] = '\0';
    check(text, "/bind id=a@b&c%+# close\n/connect id=a\n/connect id=a\n/connect id=a name=|&me wait=9\n");
    buf_free(&out);
    buf_init(&out, 10);
    assert_int_equal(request_write_bind(&out, "a", NULL, NULL), HX_ETOOBIG);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_lf_and_empty_lines_before_a_request_are_read),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(the_bytes_after_a_request_are_left),
        cmocka_unit_test(a_copy_outlives_the_parser_and_its_next_request),
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
        cmocka_unit_test(written_requests_are_read_back),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
