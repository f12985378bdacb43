/* Statuses and texts of what the server refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "server/reply.h"
#include <stdlib.h>
#include <string.h>

static char text[2048];

static const char *written(const struct reply *r)
{
    struct buf b;

    buf_init(&b, 0);
    assert_int_equal(reply_write(&b, r), HX_OK);
    assert_true(b.len < sizeof text);
    memcpy(text, buf_data(&b), b.len);
    text[b.len] = '\0';
    buf_free(&b);
    return text;
}

static void each_reason_has_its_status_and_says_what_to_do(void **state)
{
    static const struct {
        enum reply_reason reason;
        int status;
        bool close;
    } rows[] = {{REPLY_UNKNOWN, 404, false},    {REPLY_HELD, 409, false},      {REPLY_LATE, 408, true},
                {REPLY_CUT, 400, true},         {REPLY_PEER_LIMIT, 429, true}, {REPLY_PEER_OFTEN, 429, true},
                {REPLY_TOTAL_LIMIT, 503, true}, {REPLY_NO_MEMORY, 503, true},  {REPLY_STOPPING, 503, true}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r = reply_for(rows[i].reason);

        assert_int_equal(r.status, rows[i].status);
        assert_int_equal(r.close, rows[i].close);
        assert_non_null(strstr(r.text, "; ")); /* what was wrong; what to do */
        assert_null(strpbrk(r.text, "\r\n"));
        assert_int_equal(strstr(written(&r), "\r\nConnection: close\r\n") != NULL, r.close);
    }
}

static void limits_say_when_to_come_again(void **state)
{
    struct reply r = reply_for(REPLY_PEER_LIMIT);

    (void)state;
    assert_non_null(strstr(written(&r), "\r\nRetry-After: 10\r\n"));
    r = reply_for(REPLY_TOTAL_LIMIT);
    assert_non_null(strstr(written(&r), "\r\nRetry-After: 10\r\n"));
    r = reply_for(REPLY_UNKNOWN);
    assert_null(strstr(written(&r), "Retry-After"));
}

static void a_405_says_which_methods_are_allowed(void **state)
{
    struct request_refusal refusal = {.status = 405, .text = "use GET", .head = false, .fatal = false};
    struct reply r = reply_for_refusal(&refusal);

    (void)state;
    assert_non_null(strstr(written(&r), "\r\nAllow: GET, HEAD\r\n"));
    assert_non_null(strstr(text, "\r\n\r\nuse GET\r\n"));
}

static void a_refused_head_gets_the_length_and_no_body(void **state)
{
    struct request_refusal refusal = {.status = 404, .text = "no", .head = true, .fatal = true};
    struct reply r = reply_for_refusal(&refusal);

    (void)state;
    assert_true(r.close);
    assert_non_null(strstr(written(&r), "\r\nContent-Length: 4\r\n"));
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
}

static void error_codes_have_their_reasons(void **state)
{
    (void)state;
    assert_int_equal(reply_reason_for(HX_ELIMIT), REPLY_PEER_LIMIT);
    assert_int_equal(reply_reason_for(HX_ENOMEM), REPLY_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_status_and_says_what_to_do),
        cmocka_unit_test(limits_say_when_to_come_again),
        cmocka_unit_test(a_405_says_which_methods_are_allowed),
        cmocka_unit_test(a_refused_head_gets_the_length_and_no_body),
        cmocka_unit_test(error_codes_have_their_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
