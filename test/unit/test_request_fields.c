/* proto/request.h: header fields, and the bounds of a head. */
#include "test/unit/request_fixture.h"

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
        {GET "Host: \t a:1 \t \r\n\r\n", "/\n"},
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

static void who_would_be_relayed_says_so(void **state)
{
    static const struct row rows[] = {
        {"GET /connect?host_id=a HTTP/1.1\r\nRelay: only\r\n\r\n", "/connect id=a relayed\n"},
        {"GET /connect?host_id=a HTTP/1.1\r\nrelay:  ONLY \r\nRelay: x\r\n\r\n", "/connect id=a relayed\n"},
        {"GET /connect?host_id=a HTTP/1.1\r\nRelay: onl\r\nRelay: only;\r\nRelay:\r\n\r\n",
         "/connect id=a\n"},
        {"GET /bind?host_id=a HTTP/1.1\r\nRelay: only\r\n\r\n", "/bind id=a\n"},
        {"GET / HTTP/1.1\r\nRelay: only\r\n\r\n", "/\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
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

#define BIND    "GET /bind?host_id=a HTTP/1.1\r\n"
#define CONNECT "GET /connect?host_id=a HTTP/1.1\r\n"
#define ID      "00112233445566778899aabbccddeeff"
#define HOST    "Candidate: 10.0.0.1:5 host\r\n"
#define MAPPING "Mapping: endpoint-independent; ports=preserving\r\n"

static void what_a_host_tells_its_peers_is_read(void **state)
{
    static const struct row rows[] = {
        {BIND "\r\n", "/bind id=a\n"},
        {BIND HOST "\r\n", "/bind id=a\n" HOST},
        {BIND "mapping:endpoint-independent;ports=preserving \r\ncandidate:\t10.0.0.1:5 host; "
              "x=y\t\r\n\r\n" CONNECT "\r\n",
         "/bind id=a\n" HOST MAPPING "/connect id=a\n"},
        {BIND "Session: " ID "\r\n" HOST "\r\n", "/bind id=a\n" HOST},
        {CONNECT "Session: 00112233445566778899AABBCCDDEEFF\r\n" HOST "Candidate: [::1]:6 mapped\r\n\r\n",
         "/connect id=a\nSession: " ID "\r\n" HOST "Candidate: [::1]:6 mapped\r\n"},
        {"GET / HTTP/1.1\r\n" HOST "\r\n", "/\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
}

static void of_what_it_tells_wrongly_nothing_is_refused(void **state)
{
    static const struct row rows[] = {
        {BIND MAPPING "\r\n", "/bind id=a\n"},
        {CONNECT "Session: " ID "\r\n\r\n", "/connect id=a\nSession: " ID "\r\n"},
        {BIND "Candidate:\r\nCandidate: x\r\nCandidate: 10.0.0.1:0 host\r\nCandidate: 10.0.0.1:5\r\n\r\n",
         "/bind id=a\n"},
        {BIND "Candidate: 10.0.0.1:5 relay\r\n" HOST HOST "Mapping: a b\r\n" MAPPING
              "Mapping: unknown\r\n\r\n",
         "/bind id=a\n" HOST MAPPING},
        {CONNECT HOST "Session: 0\r\nSession: " ID "\r\nSession: ffffffffffffffffffffffffffffffff\r\n\r\n",
         "/connect id=a\nSession: " ID "\r\n" HOST},
        {BIND HOST "Candidatexxxxxxxxxxxxxxxxxxxxxxxxxxx: 10.0.0.1:6 host\r\n\r\n", "/bind id=a\n" HOST},
    };

    (void)state;
    CHECK_ROWS(check, rows);
}

static void eight_candidates_are_taken_and_more_ignored(void **state)
{
    struct account text = {.len = 0}, expected = {.len = 0};

    (void)state;
    account_add(&text, BIND);
    account_add(&expected, "/bind id=a\n");
    for (int i = 1; i <= CANDIDATES_TOLD_MAX + 1; i++) {
        account_add(&text, "Candidate: 10.0.0.1:%d host\r\n", i);
        if (i <= CANDIDATES_TOLD_MAX)
            account_add(&expected, "Candidate: 10.0.0.1:%d host\r\n", i);
    }
    account_add(&text, "\r\n");
    check(text.text, expected.text);
}

static void what_a_host_tells_its_peers_is_written_and_read_back(void **state)
{
    struct peer_fields own = {
        .mapping = {NAT_MAPPING_ADDRESS_DEPENDENT, NAT_PORTS_RANDOM, 0, 7, false, false}};
    struct endpoint e;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(endpoint_parse(&e, "10.0.0.1:5", 10), HX_OK);
    assert_int_equal(candidates_add(&own.candidates, &e, CANDIDATE_SRFLX), HX_OK);
    assert_int_equal(request_write_bind(&out, "a", "X: y\r\n", &own), HX_OK);
    assert_int_equal(session_id_parse(own.session.id, ID, strlen(ID)), HX_OK);
    own.session.given = true;
    assert_int_equal(request_write_connect(&out, "a", "b", NULL, &own), HX_OK);
    check_bytes(
        buf_data(&out), out.len,
        "/bind id=a\nCandidate: 10.0.0.1:5 srflx\r\nMapping: address-dependent; ports=random; last=7\r\n"
        "/connect id=a name=b\nSession: " ID "\r\nCandidate: 10.0.0.1:5 srflx\r\n"
        "Mapping: address-dependent; ports=random; last=7\r\n");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_options_decide_about_the_close),
        cmocka_unit_test(bodies_and_transfer_codings_are_refused),
        cmocka_unit_test(a_host_is_one_host_or_none),
        cmocka_unit_test(malformed_header_fields_are_refused),
        cmocka_unit_test(who_would_be_relayed_says_so),
        cmocka_unit_test(prefer_wait_is_read),
        cmocka_unit_test(a_request_line_of_2048_bytes_is_read_and_2049_are_refused),
        cmocka_unit_test(header_fields_of_8192_bytes_are_read_and_8193_are_refused),
        cmocka_unit_test(a_prefer_field_of_2048_bytes_is_read_and_a_longer_one_is_ignored),
        cmocka_unit_test(sixty_four_header_fields_are_read_and_65_are_refused),
        cmocka_unit_test(what_a_host_tells_its_peers_is_read),
        cmocka_unit_test(of_what_it_tells_wrongly_nothing_is_refused),
        cmocka_unit_test(eight_candidates_are_taken_and_more_ignored),
        cmocka_unit_test(what_a_host_tells_its_peers_is_written_and_read_back),
    };
    return cmocka_run_group_tests_name("request, fields", tests, NULL, NULL);
}
