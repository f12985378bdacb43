/* What udtcurl --replay makes of a transcript: the steps, the requests as they are sent again, and which answers are
 * alike. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/authorization.h"
#include "secure/identity.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/replay_kinds.h"
#include "test/udtcurl/replay_request.h"
#include "test/udtcurl/replay_script.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID    "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define S32   "********************************"

static bool alike(const char *a, const char *b)
{
    return kinds_alike(a, strlen(a), b, strlen(b)) && kinds_alike(b, strlen(b), a, strlen(a));
}

static void lines_are_alike_but_for_what_is_another_one_each_time(void **state)
{
    static const char *const same[][2] = {
        {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n"},
        {"External-Address: 192.0.2.1:4\r\n", "External-Address: [2001:db8::1]:40002\r\n"},
        {"home: 192.0.2.1:4\r\n", "home: 198.51.100.200:40001\r\n"},
        {": 192.0.2.1:4\r\n", ": 192.0.2.1:5\r\n"},
        {"you are 192.0.2.1:4, this is it", "you are 192.0.2.22:44, this is it"},
        {"Session: " ID " " S32 "\r\n", "Session: " OTHER " " ID "\r\n"},
        {"WWW-Authenticate: HX nonce=\"AAAA\"\r\n", "WWW-Authenticate: HX nonce=\"BBBBBBBB\"\r\n"},
        {"Authentication-Info: nextnonce=\"AAAA\"\r\n", "Authentication-Info: nextnonce=\"B\"\r\n"},
        {"Content-Length: 9\r\n", "Content-Length: 54\r\n"},
        {"Retry-After: 1\r\n", "Retry-After: 30\r\n"},
        {"2d\r\n", "ea\r\n"},
        {"", ""}};
    static const char *const others[][2] = {
        {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 404 Not Found\r\n"},
        {"home: 192.0.2.1:4\r\n", "away: 192.0.2.1:4\r\n"},
        {"home: 192.0.2.1:4\r\n", "home: -\r\n"},
        {"Members: 1/3\r\n", "Members: 2/3\r\n"},
        {"Session: " ID " " ID "\r\n", "Session: " ID "\r\n"},
        {"Content-Length: 9\r\n", "Retry-After: 9\r\n"},
        {"2d\r\n", "0\r\n"},
        {"2d\r\n", "2d more\r\n"},
        {"a", "ab"},
        {"Candidate: 192.0.2.1:4 host\r\n", "Candidate: 192.0.2.1:4 mapped\r\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!alike(same[i][0], same[i][1]))
            fail_msg("not alike: %s / %s", same[i][0], same[i][1]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (alike(others[i][0], others[i][1]))
            fail_msg("alike: %s / %s", others[i][0], others[i][1]);
}

static void assert_sent(const struct replay_ids *ids, const char *head, const struct identity *device,
                        const char *nonce, const char *expected)
{
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(replay_request(&out, ids, head, strlen(head), device, nonce), HX_OK);
    assert_int_equal(buf_append(&out, "", 1), HX_OK);
    if (expected)
        assert_string_equal(buf_data(&out), expected);
    else
        assert_string_not_equal(buf_data(&out), head);
    buf_free(&out);
}

static void requests_go_on_with_the_ids_of_now(void **state)
{
    static const char request[] = "GET /connect?host_id=a HTTP/1.1\r\nSession: " ID "\r\n\r\n";
    static struct replay_ids ids;
    (void)state;
    replay_ids_init(&ids);
    assert_sent(&ids, request, NULL, "", request);
    replay_ids_told(&ids, ID, OTHER);
    assert_sent(&ids, request, NULL, "", "GET /connect?host_id=a HTTP/1.1\r\nSession: " OTHER "\r\n\r\n");
    assert_sent(&ids, "\r\n", NULL, "", "\r\n");
}

static void what_a_holder_is_known_by_is_the_same_for_a_name_and_another_one_each_run(void **state)
{
    static const char home[] = "GET /bind?host_id=home HTTP/1.1\r\nBind-Session: " S32 "\r\n\r\n",
                      away[] = "GET /bind?host_id=away HTTP/1.1\r\nBind-Session: " S32 "\r\n\r\n",
                      open[] = "GET /bind?host_id=home HTTP/1.1\r\nBind-Session: " ID "\r\n\r\n";
    static struct replay_ids ids, another;
    struct buf got[4];
    (void)state;
    replay_ids_init(&ids);
    replay_ids_init(&another);
    const char *const heads[] = {home, home, away, home};
    for (int i = 0; i < 4; i++) {
        buf_init(&got[i], 0);
        assert_int_equal(
            replay_request(&got[i], i == 3 ? &another : &ids, heads[i], strlen(heads[i]), NULL, ""), HX_OK);
        assert_int_equal(got[i].len, strlen(heads[i]));
        assert_null(memchr(buf_data(&got[i]), '*', got[i].len));
    }
    assert_memory_equal(buf_data(&got[0]), buf_data(&got[1]), got[0].len);
    assert_memory_not_equal(buf_data(&got[0]) + 40, buf_data(&got[2]) + 40, got[0].len - 40);
    assert_memory_not_equal(buf_data(&got[0]), buf_data(&got[3]), got[0].len);
    for (int i = 0; i < 4; i++)
        buf_free(&got[i]);
    assert_sent(&ids, open, NULL, "", open);
}

static void a_proof_is_made_anew_by_who_has_the_key(void **state)
{
    static const char request[] = "GET /bind?host_id=home HTTP/1.1\r\nHost:  ns.example \r\n"
                                  "Authorization: HX key=\"ed25519:AAAA\", sig=\"****\"\r\n\r\n";
    static struct replay_ids ids;
    struct identity device;
    struct authorization a;
    char message[AUTHORIZATION_MESSAGE_MAX];
    struct buf out;
    (void)state;
    replay_ids_init(&ids);
    assert_int_equal(identity_generate(&device), HX_OK);
    assert_sent(&ids, request, NULL, "nonce", request);
    assert_sent(&ids, request, &device, "", request);
    buf_init(&out, 0);
    assert_int_equal(replay_request(&out, &ids, request, strlen(request), &device, "nonce"), HX_OK);
    assert_int_equal(buf_append(&out, "", 1), HX_OK);
    const char *at = strstr(buf_data(&out), "Authorization: ");
    assert_non_null(at);
    at += strlen("Authorization: ");
    assert_int_equal(authorization_parse(&a, at, strcspn(at, "\r")), HX_OK);
    ssize_t len = authorization_message(message, "nonce", "GET", "/bind?host_id=home", "ns.example");
    assert_int_equal(identity_verify(device.public_key, message, (size_t)len, a.proof), HX_OK);
    buf_free(&out);
    identity_wipe(&device);
}

static void transcripts_are_put_in_the_order_of_their_times(void **state)
{
    static const char text[] = "# begun 2026-11-30T07:45:12.500Z\n"
                               "=== 1: /bind?host_id=a\n"
                               "  0.000000 = opened, to S\n"
                               "  0.000100 > GET /bind\\r\\n\n"
                               "  0.300000 < HTTP/1.1 200\n"
                               "  0.300000 <  OK\\r\\n\n"
                               "  0.300000 < part\n"
                               "  0.900000 = ended, end of stream\n"
                               "# begun 2026-11-30T07:45:12.400Z\n"
                               "=== 1: /bind?host_id=a\n"
                               "  0.150000 > GET /connect\\r\\n\n"
                               "  0.600000 = closed\n";
    static struct script s;
    char why[128];
    (void)state;
    assert_int_equal(script_read(&s, text, strlen(text), why, sizeof why), UC_OK);
    assert_int_equal(s.stream_count, 2);
    assert_int_equal(s.step_count, 4);
    static const struct {
        enum script_kind kind;
        int stream;
        int64_t at_us;
    } steps[] = {
        {SCRIPT_OPEN, 0, 0}, {SCRIPT_SEND, 0, 100}, {SCRIPT_SEND, 1, 50000}, {SCRIPT_CLOSE, 1, 500000}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s.steps[i].kind, steps[i].kind);
        assert_int_equal(s.steps[i].stream, steps[i].stream);
        assert_int_equal(s.steps[i].at_us, steps[i].at_us);
    }
    assert_int_equal(s.streams[0].count, 2);
    assert_int_equal(s.streams[0].lines[0].len, strlen("HTTP/1.1 200 OK\r\n"));
    assert_int_equal(s.streams[0].lines[1].len, strlen("part"));
    assert_true(s.streams[0].ended && !s.streams[1].ended);
    assert_int_equal(s.end_us, 900000);
    script_free(&s);
}

static void what_is_no_transcript_is_told_with_its_line(void **state)
{
    static const char *const bad[][2] = {{"=== a\n  0.0 > b\nc\n", "line 3"},
                                         {"  0.0 > b\n", "line 1"},
                                         {"=== a\n  0.0 < b\n", "nothing that was sent"},
                                         {"", "nothing that was sent"}};
    static struct script s;
    char why[128];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(script_read(&s, bad[i][0], strlen(bad[i][0]), why, sizeof why), UC_USAGE);
        assert_non_null(strstr(why, bad[i][1]));
        script_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_alike_but_for_what_is_another_one_each_time),
        cmocka_unit_test(requests_go_on_with_the_ids_of_now),
        cmocka_unit_test(what_a_holder_is_known_by_is_the_same_for_a_name_and_another_one_each_run),
        cmocka_unit_test(a_proof_is_made_anew_by_who_has_the_key),
        cmocka_unit_test(transcripts_are_put_in_the_order_of_their_times),
        cmocka_unit_test(what_is_no_transcript_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
