#include "base/buf.h"
#include "base/error.h"
#include "proto/response.h"
#include "test/unit/cuts.h"

static bool test_head_request; /* for run() */

struct run {
    struct response_reader *reader;
    struct account head_bytes;
    struct account body;
    struct account head;
    size_t fed;
    size_t taken;
    int err;
};

static void on_head_bytes(void *user, const char *data, size_t len)
{
    struct run *r = user;

    assert_int_equal(r->head.len, 0);
    account_add(&r->head_bytes, "%.*s", (int)len, data);
}

static void on_head(void *user, const struct response_head *head)
{
    struct run *r = user;
    char external[ENDPOINT_TEXT_MAX];

    assert_ptr_equal(response_reader_head(r->reader), head);
    account_add(&r->head, "%d %s", head->status, head->reason);
    if (*head->content_type)
        account_add(&r->head, " type=%s", head->content_type);
    if (*head->boundary)
        account_add(&r->head, " boundary=%s", head->boundary);
    if (head->content_length >= 0)
        account_add(&r->head, " length=%lld", (long long)head->content_length);
    endpoint_format(&head->external, external);
    if (head->external.family != AF_UNSPEC)
        account_add(&r->head, " external=%s", external);
    if (head->retry_after_s >= 0)
        account_add(&r->head, " retry=%d", head->retry_after_s);
    if (*head->location)
        account_add(&r->head, " location=%s", head->location);
    account_add(&r->head, "%s\n", head->chunked ? " chunked" : "");
}

static void on_body(void *user, const char *data, size_t len)
{
    struct run *r = user;

    assert_true(r->head.len > 0);
    account_add(&r->body, "%.*s", (int)len, data);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    ssize_t n = response_reader_feed(r->reader, data, len);

    r->fed += len;
    if (r->err < 0) {
        assert_int_equal(n, r->err); /* stays failed */
    } else if (n < 0) {
        r->err = (int)n;
    } else {
        assert_true((size_t)n == len || response_reader_done(r->reader));
        r->taken += (size_t)n;
    }
}

/* The head, the body, then "|" and how it ended. */
static void run(const struct cuts *c, struct account *a)
{
    static const struct response_callbacks cb = {on_head_bytes, on_head, on_body, NULL};
    static struct run r;
    struct response_callbacks own = cb;

    memset(&r, 0, sizeof r);
    own.user = &r;
    assert_int_equal(response_reader_create(&r.reader, test_head_request, &own), HX_OK);
    feed_cuts(c, feed, &r);
    account_add(a, "%s%s|", r.head.text, r.body.text);
    if (r.err < 0)
        account_add(a, "%s", hx_error_text(r.err));
    else if (response_reader_done(r.reader))
        account_add(a, "done %zu", r.fed - r.taken);
    else
        account_add(a, response_reader_finish(r.reader) ? "closed" : "more");
    if (r.head.len > 0 && r.err == 0) {
        /* What was told as the head's bytes is the head's bytes. */
        assert_memory_equal(c->data, r.head_bytes.text, r.head_bytes.len);
        assert_int_equal(r.head_bytes.text[r.head_bytes.len - 1], '\n');
    }
    response_reader_destroy(r.reader);
}

static void check_bytes(const char *data, size_t len, const char *expected)
{
    check_every_cut_of(data, len, expected, run);
}

static void check(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), expected);
}

#define OK      "HTTP/1.1 200 OK\r\n"
#define BAD     "|malformed message"
#define BIG     "|message or queue too big"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static void the_streaming_answer_is_read(void **state)
{
    (void)state;
    check(OK "Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n" CHUNKED
             "External-Address: [2001:db8::1]:7\r\n\r\n5\r\nhello\r\n",
          "200 OK type=multipart/x-mixed-replace;boundary=--hx_hole_punching boundary=--hx_hole_punching "
          "external=[2001:db8::1]:7 chunked\nhello|more");
}

static void counted_bodies_are_read(void **state)
{
    (void)state;
    check(OK "Content-Length: 5\r\n\r\nhelloHTTP", "200 OK length=5\nhello|done 4");
    check(OK "Content-Length: 5\r\n\r\nhell", "200 OK length=5\nhell|more");
    check(OK "Content-Length: 0\r\n\r\nrest", "200 OK length=0\n|done 4");
    check(OK "Content-Length: 9223372036854775807\r\n\r\nx", "200 OK length=9223372036854775807\nx|more");
}

static void chunked_bodies_are_read(void **state)
{
    (void)state;
    check(OK CHUNKED "\r\n5\r\nhello\r\n4;x\r\n you\r\n0\r\nA: b\r\n\r\nHTTP",
          "200 OK chunked\nhello you|done 4");
    check(OK CHUNKED "\r\n5\r\nhellox", "200 OK chunked\nhello" BAD);
    check(OK CHUNKED "\r\n0\r\n", "200 OK chunked\n|more");
}

static void a_body_without_a_length_runs_to_the_close(void **state)
{
    (void)state;
    check(OK "\r\nhello", "200 OK\nhello|closed");
    check(OK "\r\n", "200 OK\n|closed");
    check("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhello\r\n", "200 OK\nhello\r\n|closed");
}

static void answers_that_have_no_body_end_with_their_head(void **state)
{
    (void)state;
    check("HTTP/1.1 204 No Content\r\n\r\nx", "204 No Content\n|done 1");
    check("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nx", "304 Not Modified length=9\n|done 1");
    test_head_request = true;
    check(OK "Content-Length: 9\r\n\r\nx", "200 OK length=9\n|done 1");
    check(OK CHUNKED "\r\nx", "200 OK chunked\n|done 1");
    check(OK "\r\nx", "200 OK\n|done 1");
    test_head_request = false;
}

static void a_stream_that_ends_in_the_head_is_cut_short(void **state)
{
    (void)state;
    check("", "|more");
    check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "|more");
    check("HTTP/1.1 100 Continue\r\n\r\n", "|more");
}

static void bare_lf_ends_lines_too(void **state)
{
    (void)state;
    check("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "200 OK length=5\nhello|done 0");
    check("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n", "200 OK chunked\nhello|done 0");
}

static void informational_answers_are_read_over(void **state)
{
    (void)state;
    check("HTTP/1.1 100 Continue\r\nRetry-After: 5\r\n\r\nHTTP/1.1 103 Early\r\n\r\n" OK
          "Content-Length: 1\r\n\r\nx",
          "200 OK length=1\nx|done 0");
}

static void header_fields_are_understood(void **state)
{
    (void)state;
    check("HTTP/1.1 503 Service Unavailable\r\nretry-after: 7 \r\nX: y\r\nContent-Length: 0\r\n\r\n",
          "503 Service Unavailable length=0 retry=7\n|done 0");
    check(OK "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
          "200 OK length=0\n|done 0");
    check(OK "location:  udt://two.example:7000/ \r\nContent-Length: 0\r\n\r\n",
          "200 OK length=0 location=udt://two.example:7000/\n|done 0");
    check(OK "Retry-After: 9999999999\r\nContent-Length: 0\r\n\r\n", "200 OK length=0\n|done 0");
    check(OK "Retry-After: 999999999\t\r\nContent-Length: 0\r\n\r\n",
          "200 OK length=0 retry=999999999\n|done 0");
    check(OK "External-Address: h2_ip:h2_port\r\nContent-Length: 0\r\n\r\n", "200 OK length=0\n|done 0");
    check(OK "Empty:\r\nExternal-Address:192.0.2.1:1\r\nContent-Length: 0\r\n\r\n",
          "200 OK length=0 external=192.0.2.1:1\n|done 0");
    check("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  length=0\n|done 0");
}

static void the_boundary_is_found(void **state)
{
    static const struct {
        const char *type;
        const char *boundary;
    } rows[] = {
        {"a/b; boundary=x", " boundary=x"},
        {"a/b ;BOUNDARY=x; y=z", " boundary=x"},
        {"a/b;y=z;boundary=\"a b\"", " boundary=a b"},
        {"a/b;boundary=", ""},
        {"a/b;xboundary=x", ""},
        {"a/b", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256], expected[256];
        snprintf(text, sizeof text, OK "Content-Length: 0\r\nContent-Type: %s\r\n\r\n", rows[i].type);
        snprintf(expected, sizeof expected, "200 OK type=%s%s length=0\n|done 0", rows[i].type,
                 rows[i].boundary);
        check(text, expected);
    }
    check(OK "Content-Length: 0\r\nContent-Type: a/b;\r\n boundary=x\r\n\r\n",
          "200 OK type=a/b; boundary=x boundary=x length=0\n|done 0");
}

static void a_boundary_of_72_bytes_is_kept_and_a_longer_one_is_none(void **state)
{
    char *boundary = repeated('b', 73);
    struct response_callbacks none = {0};

    (void)state;
    for (int len = 72; len <= 73; len++) {
        struct response_reader *r;
        char text[256];
        int n = snprintf(text, sizeof text, OK "Content-Type: a/b;boundary=%.*s\r\n\r\n", len, boundary);
        assert_int_equal(response_reader_create(&r, false, &none), HX_OK);
        assert_null(response_reader_head(r));
        assert_int_equal(response_reader_feed(r, text, (size_t)n), n);
        assert_int_equal(strlen(response_reader_head(r)->boundary), len == 72 ? 72 : 0);
        response_reader_destroy(r);
    }
    free(boundary);
}

static void what_does_not_fit_is_cut(void **state)
{
    char *fill = repeated('r', 2000);
    char text[8192], expected[1024];

    (void)state;
    snprintf(text, sizeof text, "HTTP/1.1 200 %s\r\nContent-Type: %s\r\n%s: x\r\nContent-Length: 0\r\n\r\n",
             fill, fill, fill);
    snprintf(expected, sizeof expected, "200 %.63s type=%.127s length=0\n|done 0", fill, fill);
    check(text, expected);
    free(fill);
}

static void what_is_no_http_answer_is_refused(void **state)
{
    static const char *const texts[] = {
        "x",
        "GET / HTTP/1.1\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 20x\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n",
        "HTTP/1.1 200 OK\rx",
        OK "No colon\r\n\r\n",
        OK "A: b\rx",
        OK "A: \x01\r\n\r\n",
        OK "A: b\x7f\r\n\r\n",
        OK "\rx",
        OK "Content-Length: x\r\n\r\n",
        OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK "Content-Length: 9223372036854775808\r\n\r\n",
        OK "Content-Length: 1\r\n" CHUNKED "\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check(texts[i], BAD);
}

static void a_head_of_16384_bytes_is_read_and_16385_are_refused(void **state)
{
    const char start[] = OK "Content-Length: 0\r\nX: ";
    char *fill = repeated('x', RESPONSE_HEAD_MAX - strlen(start) - strlen("\r\n\r\n"));
    static char text[2 * RESPONSE_HEAD_MAX];

    (void)state;
    snprintf(text, sizeof text, "%s%s\r\n\r\n", start, fill);
    /* The account holds no such head: only how it ends is of interest. */
    struct response_reader *r;
    struct response_callbacks none = {0};
    for (size_t first = 1; first <= strlen(text); first += 61) {
        assert_int_equal(response_reader_create(&r, false, &none), HX_OK);
        assert_int_equal(response_reader_feed(r, text, first), first);
        assert_int_equal(response_reader_feed(r, text + first, strlen(text) - first), strlen(text) - first);
        assert_true(response_reader_done(r));
        response_reader_destroy(r);
    }
    snprintf(text, sizeof text, "%s%sx\r\n\r\n", start, fill);
    for (size_t first = 1; first < strlen(text); first += 61) {
        assert_int_equal(response_reader_create(&r, false, &none), HX_OK);
        assert_int_equal(response_reader_feed(r, text, first), first);
        assert_int_equal(response_reader_feed(r, text + first, strlen(text) - first), HX_ETOOBIG);
        assert_null(response_reader_head(r));
        assert_false(response_reader_finish(r));
        response_reader_destroy(r);
    }
    free(fill);
}

static void endless_informational_answers_are_refused(void **state)
{
    struct response_callbacks none = {0};
    ssize_t n = 0;

    (void)state;
    struct response_reader *r;
    assert_int_equal(response_reader_create(&r, false, &none), HX_OK);
    for (int i = 0; i < 2000 && n >= 0; i++)
        n = response_reader_feed(r, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    assert_int_equal(n, HX_ETOOBIG);
    response_reader_destroy(r);
    response_reader_destroy(NULL);
}

static void reasons_are_those_of_the_rfcs(void **state)
{
    (void)state;
    assert_string_equal(response_reason(200), "OK");
    assert_string_equal(response_reason(409), "Conflict");
    assert_string_equal(response_reason(414), "URI Too Long");
    assert_string_equal(response_reason(429), "Too Many Requests");
    assert_string_equal(response_reason(431), "Request Header Fields Too Large");
    assert_string_equal(response_reason(505), "HTTP Version Not Supported");
    assert_string_equal(response_reason(299), "Unknown");
}

static void texts_are_written_with_their_length(void **state)
{
    struct response_text r = {
        .status = 404, .body = "nobody here", .headers = "Retry-After: 1\r\n", .close = true};
    static const char expected[] = "HTTP/1.1 404 Not Found\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Content-Length: 13\r\n"
                                   "Retry-After: 1\r\n"
                                   "Connection: close\r\n"
                                   "\r\n"
                                   "nobody here\r\n";

    (void)state;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(response_write_text(&out, &r), HX_OK);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(buf_data(&out), expected, out.len);
    check_bytes(buf_data(&out), out.len,
                "404 Not Found type=text/plain; charset=utf-8 length=13 retry=1\nnobody here\r\n|done 0");
    buf_consume(&out, out.len);
    r.head_only = true;
    assert_int_equal(response_write_text(&out, &r), HX_OK);
    assert_int_equal(out.len, strlen(expected) - 13);
    assert_memory_equal(buf_data(&out), expected, out.len);
    buf_free(&out);
    buf_init(&out, strlen(expected) - 1);
    r.head_only = false;
    assert_int_equal(response_write_text(&out, &r), HX_ETOOBIG);
    assert_int_equal(response_write_stream_head(&out, &(struct endpoint){0}, false, true, ""), HX_ETOOBIG);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_streaming_answer_is_read),
        cmocka_unit_test(counted_bodies_are_read),
        cmocka_unit_test(chunked_bodies_are_read),
        cmocka_unit_test(a_body_without_a_length_runs_to_the_close),
        cmocka_unit_test(answers_that_have_no_body_end_with_their_head),
        cmocka_unit_test(a_stream_that_ends_in_the_head_is_cut_short),
        cmocka_unit_test(bare_lf_ends_lines_too),
        cmocka_unit_test(informational_answers_are_read_over),
        cmocka_unit_test(header_fields_are_understood),
        cmocka_unit_test(the_boundary_is_found),
        cmocka_unit_test(a_boundary_of_72_bytes_is_kept_and_a_longer_one_is_none),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(what_is_no_http_answer_is_refused),
        cmocka_unit_test(a_head_of_16384_bytes_is_read_and_16385_are_refused),
        cmocka_unit_test(endless_informational_answers_are_refused),
        cmocka_unit_test(reasons_are_those_of_the_rfcs),
        cmocka_unit_test(texts_are_written_with_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
