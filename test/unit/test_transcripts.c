/* What is recorded of streams, and who gets to see which address. The store is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/config.h"
#include "server/counters.h"
#include "server/store_state.h"
#include "server/transcript_addresses.h"
#include "server/transcripts.h"
#include "test/fake_stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct transcripts *transcripts;
static struct server_config config;
static struct counters counters;
static struct store store;
static int other; /* what the store would read */

static int begin(void **state)
{
    int fds[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -1;
    store = (struct store){.fd = fds[0], .pid = -1, .reap_ms = -1};
    other = fds[1];
    server_config_defaults(&config);
    memset(&counters, 0, sizeof counters);
    return transcripts_create(&transcripts, &store, &config, &counters);
}

static int end(void **state)
{
    (void)state;
    transcripts_destroy(transcripts);
    close(store.fd);
    close(other);
    log_set_addresses(LOG_ADDRESSES_FULL);
    return 0;
}

/* All that has been written, as one text; valid until the next call. */
static const char *written(void)
{
    static char text[65536];
    uint8_t bytes[STORE_MESSAGE_MAX];
    struct store_message m;
    size_t len = 0;
    ssize_t n;

    while ((n = recv(other, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        assert_int_equal(store_message_read(&m, bytes, (size_t)n), HX_OK);
        assert_int_equal(m.kind, STORE_WRITE);
        assert_true(len + m.value.len < sizeof text);
        memcpy(text + len, m.value.data, m.value.len);
        len += m.value.len;
    }
    text[len] = '\0';
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no %s in\n%s", part, text);
}

static struct fake_stream h1, h2;
static struct stream *r1, *r2; /* as they are recorded */

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n";
static const char part[] = "b: 192.0.2.2:1002\r\nSession: ID 0123456789abcdef\r\n\r\n";

static void say(struct fake_stream *under, struct stream *s, const char *text)
{
    char bytes[32768];

    fake_stream_say(under, text);
    assert_int_equal(stream_read(s, bytes, sizeof bytes), strlen(text));
}

static void reply(struct stream *s, const char *text)
{
    assert_int_equal(stream_write(s, text, strlen(text)), strlen(text));
}

/* A holder, and somebody who has asked for it. */
static void two(void)
{
    fake_stream_init(&h1, "192.0.2.1:1001");
    fake_stream_init(&h2, "192.0.2.2:1002");
    r1 = transcripts_record(transcripts, &h1.stream);
    r2 = transcripts_record(transcripts, &h2.stream);
    assert_true(r1 && r2);
    say(&h1, r1, "GET /bind?host_id=a HTTP/1.1\r\n\r\n");
    reply(r1, head);
    transcripts_holds(r1);
    reply(r1, "a part of somebody else");
    say(&h2, r2, "GET /connect?host_id=a HTTP/1.1\r\n\r\n");
}

static void leave(void)
{
    stream_close(r2);
    stream_close(r1);
    assert_true(h1.closed && h2.closed);
    fake_stream_free(&h1);
    fake_stream_free(&h2);
}

static void meet(void)
{
    transcripts_told(transcripts, r1, part, strlen(part), 0);
    transcripts_met(transcripts, r2, "a", false);
    reply(r2, head);
    reply(r2, "a: 192.0.2.1:1001\r\n\r\n");
}

static void both_streams_are_there_and_nothing_of_others(void **state)
{
    (void)state;
    two();
    assert_string_equal(written(), "");
    meet();
    const char *text = written();
    assert_has(text, "=== h1 a\n  0.000000 = opened, over UDT, from 192.0.2.1:1001\n"
                     "  0.000000 > GET /bind?host_id=a HTTP/1.1\\r\\n\n");
    assert_has(text, "=== h2 a\n  0.000000 = opened, over UDT, from 192.0.2.2:1002\n"
                     "  0.000000 > GET /connect?host_id=a HTTP/1.1\\r\\n\n");
    assert_has(text, "< b: 192.0.2.2:1002\\r\\n\n");
    assert_has(text, "< Session: ID ****************\\r\\n\n");
    assert_has(text, "< a: 192.0.2.1:1001\\r\\n\n");
    assert_null(strstr(text, "somebody else"));
    say(&h2, r2, "GET /report?outcome=direct HTTP/1.1\r\n\r\n");
    assert_has(written(), "> GET /report?outcome=direct HTTP/1.1");
    leave();
    assert_has(written(), "= ended");
    assert_int_equal(counters.of[COUNTER_TRANSCRIPTS], 1);
    assert_int_equal(counters.of[COUNTER_TRANSCRIPTS_CUT], 0);
}

static void what_was_asked_before_on_the_connection_is_there_as_well(void **state)
{
    (void)state;
    two();
    reply(r2, head); /* as that of a HEAD */
    say(&h2, r2, "GET /connect?host_id=again HTTP/1.1\r\n\r\n");
    meet();
    assert_has(written(), "> GET /connect?host_id=again HTTP/1.1");
    leave();
}

static void a_second_holder_of_the_name_is_told_from_the_first(void **state)
{
    struct fake_stream h3;

    (void)state;
    two();
    meet();
    written();
    fake_stream_init(&h3, "192.0.2.3:1003");
    struct stream *r3 = transcripts_record(transcripts, &h3.stream);
    say(&h3, r3, "GET /bind?host_id=a HTTP/1.0\r\n\r\n");
    transcripts_told(transcripts, r3, part, strlen(part), 0);
    transcripts_met(transcripts, r2, "a", false);
    const char *text = written();
    assert_has(text, "=== h1 a, another one\n");
    assert_has(text, "> GET /bind?host_id=a HTTP/1.0");
    stream_close(r3);
    fake_stream_free(&h3);
    leave();
}

static void who_is_only_looked_up_has_no_transcript(void **state)
{
    (void)state;
    two();
    transcripts_met(transcripts, r2, "a", true);
    reply(r2, head);
    leave();
    assert_string_equal(written(), "");
}

static void a_holder_that_ends_before_who_was_told_of_it_is_none(void **state)
{
    (void)state;
    two();
    transcripts_told(transcripts, r1, part, strlen(part), 0);
    stream_close(r1);
    transcripts_met(transcripts, r2, "a", false);
    assert_null(strstr(written(), "h1 a"));
    stream_close(r2);
    fake_stream_free(&h1);
    fake_stream_free(&h2);
}

static void who_says_more_than_is_kept_has_no_transcript(void **state)
{
    char *much = calloc(1, TRANSCRIPTS_KEPT_MAX + 1);

    (void)state;
    assert_non_null(much);
    memset(much, 'x', TRANSCRIPTS_KEPT_MAX);
    two();
    say(&h2, r2, much);
    meet();
    assert_string_equal(written(), "");
    leave();
    free(much);
}

static void a_transcript_is_bounded_and_that_it_is_cut_is_counted(void **state)
{
    char much[8001];
    size_t len = 0;

    (void)state;
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    two();
    meet();
    for (int i = 0; i < 2 * TRANSCRIPTS_FILE_MAX / 8000; i++) {
        len += strlen(written());
        reply(r2, much);
    }
    leave();
    assert_string_equal(written(), "");
    assert_true(len <= TRANSCRIPTS_FILE_MAX && len > TRANSCRIPTS_FILE_MAX - 10000);
    assert_int_equal(counters.of[COUNTER_TRANSCRIPTS_CUT], 1);
}

static void what_the_store_does_not_take_is_counted_and_the_rest_left_out(void **state)
{
    (void)state;
    two();
    meet();
    close(other);
    other = -1;
    reply(r2, "more");
    reply(r2, "and more");
    leave();
    assert_int_equal(counters.of[COUNTER_TRANSCRIPTS_CUT], 1);
}

/* In two pieces. Valid until the next call. */
static const char *shown_cut(enum log_addresses addresses, const char *text, size_t at)
{
    static char as[512];
    struct transcript_tail tail = {0};
    struct buf out;

    buf_init(&out, 0);
    log_set_addresses(addresses);
    assert_int_equal(transcript_addresses(&out, &tail, addresses, text, at), HX_OK);
    assert_int_equal(transcript_addresses(&out, &tail, addresses, text + at, strlen(text) - at), HX_OK);
    assert_int_equal(transcript_addresses(&out, &tail, addresses, NULL, 0), HX_OK);
    snprintf(as, sizeof as, "%.*s", (int)out.len, buf_data(&out));
    buf_free(&out);
    return as;
}

static const char *shown(enum log_addresses addresses, const char *text)
{
    return shown_cut(addresses, text, strlen(text));
}

static void addresses_are_shown_as_in_the_log(void **state)
{
    static const char text[] =
        "a: 192.0.2.7:4711\r\nCandidate:[2001:db8::1]:5 host\r\nHost:192.0.2.7\r\nface: 1.2.3 fe:ed ::1";

    (void)state;
    assert_string_equal(shown(LOG_ADDRESSES_FULL, text), text);
    assert_string_equal(
        shown(LOG_ADDRESSES_NONE, text),
        "a: 0.0.0.0:0\r\nCandidate:0.0.0.0:0 host\r\nHost:0.0.0.0:0\r\nface: 1.2.3 fe:ed 0.0.0.0:0");
    const char *prefix = shown(LOG_ADDRESSES_PREFIX, text);
    assert_null(strstr(prefix, "192.0.2.7"));
    assert_null(strstr(prefix, "::1]"));
    assert_has(prefix, "192.0.2.0");
    log_set_addresses(LOG_ADDRESSES_FULL);
}

/* That of who came over TCP has the port 0; and clients write what they like. */
static void addresses_are_found_however_they_are_written(void **state)
{
    static const char *const texts[][2] = {
        {"b: 192.0.2.7:0\r\n", "b: 0.0.0.0:0\r\n"},
        {"b: [2001:db8::1]:0\r\n", "b: 0.0.0.0:0\r\n"},
        {"Candidate:192.0.2.7:9 host", "Candidate:0.0.0.0:0 host"},
        {"for=192.0.2.7, 2001:db8::1;", "for=0.0.0.0:0, 0.0.0.0:0;"},
        {"::ffff:192.0.2.7 by [2001:db8::1].", "0.0.0.0:0 by 0.0.0.0:0."},
        {"at 12:34:56 1.2.3.4.5 a:b 10.5", "at 12:34:56 1.2.3.4.5 a:b 10.5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t cut = 0; cut <= strlen(texts[i][0]); cut++)
            assert_string_equal(shown_cut(LOG_ADDRESSES_NONE, texts[i][0], cut), texts[i][1]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(shown_cut(LOG_ADDRESSES_FULL, texts[i][0], 9), texts[i][0]);
    log_set_addresses(LOG_ADDRESSES_FULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_streams_are_there_and_nothing_of_others),
        TEST(what_was_asked_before_on_the_connection_is_there_as_well),
        TEST(a_second_holder_of_the_name_is_told_from_the_first),
        TEST(who_is_only_looked_up_has_no_transcript),
        TEST(a_holder_that_ends_before_who_was_told_of_it_is_none),
        TEST(who_says_more_than_is_kept_has_no_transcript),
        TEST(a_transcript_is_bounded_and_that_it_is_cut_is_counted),
        TEST(what_the_store_does_not_take_is_counted_and_the_rest_left_out),
        TEST(addresses_are_shown_as_in_the_log),
        TEST(addresses_are_found_however_they_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
