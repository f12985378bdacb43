/* A secure channel whose first bytes go ahead of its stream: lost, doubled, late, cut, altered. Two
 * channels, and streams that a test carries from one to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/hx.h"
#include "client/secure_channel.h"
#include "test/fake_stream.h"
#include <stdlib.h>
#include <string.h>

#define TURNS 8 /* of both streams; more than any handshake takes */

struct flight { /* as it is on its way */
    uint8_t bytes[PROBE_EARLY_MAX];
    size_t len;
};

struct two {
    struct fake_stream up, down; /* of the caller, of the called */
    struct secure_channel *caller, *called;
};

static char key[KEY_TEXT_MAX], other_key[KEY_TEXT_MAX];

static int make_keys(void **state)
{
    (void)state;
    return key_generate(key) == HX_OK ? key_generate(other_key) : HX_ESYS;
}

static int end_library(void **state)
{
    (void)state;
    hx_cleanup();
    return 0;
}

static struct secure_channel *channel(const char *key_text, bool connecting)
{
    struct secure_channel *s = NULL;
    struct keyring ring = {.count = 0};
    int line;
    if (key_text)
        assert_int_equal(keyring_parse(&ring, key_text, strlen(key_text), &line), HX_OK);
    assert_int_equal(secure_channel_create(&s, &ring, connecting), HX_OK);
    keyring_free(&ring);
    return s;
}

static void begin(struct two *t, const char *callers_key)
{
    fake_stream_init(&t->up, "192.0.2.1:1");
    fake_stream_init(&t->down, "192.0.2.2:2");
    t->caller = channel(callers_key, true);
    t->called = channel(key, false);
}

static void end(struct two *t)
{
    secure_channel_destroy(t->caller);
    secure_channel_destroy(t->called);
    fake_stream_free(&t->up);
    fake_stream_free(&t->down);
}

static void say(struct secure_channel *s, struct flight *f)
{
    const uint8_t *bytes = NULL;
    f->len = secure_channel_early(s, &bytes);
    assert_true(f->len <= sizeof f->bytes);
    if (f->len > 0)
        memcpy(f->bytes, bytes, f->len);
}

static void hear(struct secure_channel *s, const struct flight *f)
{
    secure_channel_take_early(s, f->bytes, f->len);
}

static void attach(struct two *t)
{
    secure_channel_attach(t->caller, &t->up.stream);
    secure_channel_attach(t->called, &t->down.stream);
}

static void carry(struct fake_stream *from, struct fake_stream *to)
{
    if (from->output_len > 0)
        fake_stream_say_bytes(to, from->output, from->output_len);
    fake_stream_forget(from);
}

/* The streams carry what there is until the proof has ended on both sides. */
static void prove(struct two *t, int *caller, int *called)
{
    for (int i = 0; i < TURNS; i++) {
        *caller = secure_channel_prove(t->caller);
        carry(&t->up, &t->down);
        *called = secure_channel_prove(t->called);
        carry(&t->down, &t->up);
    }
}

static void check_says(struct secure_channel *from, struct fake_stream *out, struct secure_channel *to,
                       struct fake_stream *in, const char *text)
{
    char buf[64];
    size_t got = 0, len = strlen(text);
    assert_int_equal(secure_channel_write(from, text, len), len);
    carry(out, in);
    for (size_t i = 0; got < len && i < 1000; i++) { /* a stream may give a byte at a time */
        ssize_t n = secure_channel_read(to, buf + got, sizeof buf - got);
        assert_true(n > 0 || n == HX_EAGAIN);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(got, len);
    assert_memory_equal(buf, text, len);
}

static void check_works(struct two *t)
{
    int caller, called;
    prove(t, &caller, &called);
    assert_int_equal(caller, HX_OK);
    assert_int_equal(called, HX_OK);
    check_says(t->caller, &t->up, t->called, &t->down, "ping");
    check_says(t->called, &t->down, t->caller, &t->up, "pong");
}

static void the_caller_is_proven_before_there_is_a_stream_and_its_first_words_are_read_at_once(void **state)
{
    struct two t;
    struct flight hello, answer;
    (void)state;
    begin(&t, key);
    say(t.caller, &hello);
    hear(t.called, &hello);
    say(t.called, &answer);
    assert_in_range(hello.len, 1, PROBE_EARLY_MAX);
    assert_in_range(answer.len, 1, hello.len); /* client/agent.h: else no answer would have it */
    hear(t.caller, &answer);
    assert_int_equal(secure_channel_prove(t.caller), HX_OK);
    assert_int_equal(secure_channel_prove(t.called), HX_EAGAIN);
    attach(&t);
    assert_int_equal(t.down.output_len, answer.len); /* the streams say all of it again */
    assert_memory_equal(t.down.output, answer.bytes, answer.len);
    assert_memory_equal(t.up.output, hello.bytes, hello.len);
    check_says(t.caller, &t.up, t.called, &t.down, "ping"); /* nothing has come back meanwhile */
    check_says(t.called, &t.down, t.caller, &t.up, "pong");
    end(&t);
}

static void what_is_lost_comes_with_the_stream(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct two t;
        struct flight hello, answer;
        begin(&t, key);
        say(t.caller, &hello);
        if (lost == 0)
            hear(t.called, &hello);
        say(t.called, &answer);
        assert_int_equal(answer.len > 0, lost == 0);
        attach(&t);
        check_works(&t);
        end(&t);
    }
}

static void what_comes_twice_or_after_the_stream_s_own_changes_nothing(void **state)
{
    struct two t;
    struct flight hello, answer, wrong = {.len = 0};
    (void)state;
    begin(&t, key);
    say(t.caller, &hello);
    hear(t.called, &hello);
    hear(t.called, &hello);
    hear(t.called, &wrong);
    say(t.called, &answer);
    attach(&t);
    carry(&t.down, &t.up);
    assert_int_equal(secure_channel_prove(t.caller), HX_OK);
    hear(t.caller, &answer); /* late */
    wrong = answer;
    wrong.bytes[0] ^= 1;
    hear(t.caller, &wrong);
    hear(t.called, &hello);
    check_works(&t);
    end(&t);
}

static void one_that_comes_when_the_stream_is_there_but_silent_counts(void **state)
{
    struct two t;
    struct flight hello;
    (void)state;
    begin(&t, key);
    say(t.caller, &hello);
    attach(&t);
    hear(t.called, &hello);
    assert_int_not_equal(t.down.output_len, 0); /* the answer leaves by the stream */
    check_works(&t);
    end(&t);
}

static void one_that_is_cut_at_any_byte_is_a_beginning(void **state)
{
    struct flight hello, answer;
    struct two t;
    (void)state;
    for (size_t cut = 0;; cut++) {
        begin(&t, key);
        say(t.caller, &hello);
        bool whole = cut >= hello.len;
        hello.len = whole ? hello.len : cut;
        hear(t.called, &hello);
        say(t.called, &answer);
        assert_int_equal(answer.len > 0, whole);
        if (whole) { /* now the answer, at the byte as far from its end */
            answer.len -= cut - hello.len < answer.len ? cut - hello.len : answer.len;
            hear(t.caller, &answer);
        }
        attach(&t);
        t.down.read_max = t.up.read_max = cut % 3; /* 0: all that there is */
        check_works(&t);
        end(&t);
        if (whole && answer.len == 0)
            break;
    }
}

/* The session's key proves whose they are, and the nameserver has that, too. */
static void who_says_other_bytes_in_the_stream_than_before_is_refused(void **state)
{
    struct flight hello, answer;
    struct two t;
    size_t len = 1;
    (void)state;
    for (size_t at = 0; at < 2 * len; at += 3) {
        int caller, called;
        begin(&t, key);
        say(t.caller, &hello);
        len = hello.len;
        if (at < len)
            hello.bytes[at] ^= 1;
        hear(t.called, &hello);
        say(t.called, &answer);
        if (at >= len && at - len < answer.len) {
            answer.bytes[at - len] ^= 1;
            hear(t.caller, &answer);
        } else if (at >= len) {
            end(&t);
            break;
        }
        attach(&t);
        prove(&t, &caller, &called);
        int err = at < len ? called : caller;
        char c;
        if (err == HX_OK) /* TLS has no use for a record's version: it is found out when the stream is read */
            err = (int)secure_channel_read(at < len ? t.called : t.caller, &c, 1);
        assert_true(err == HX_EPROTO || err == HX_EAUTH);
        end(&t);
    }
    assert_int_not_equal(len, 1);
}

static void a_wrong_key_is_told_early_and_in_the_stream(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct two t;
        struct flight hello, alert;
        int caller, called;
        begin(&t, other_key);
        say(t.caller, &hello);
        hear(t.called, &hello);
        assert_int_equal(secure_channel_prove(t.called), HX_EAUTH);
        say(t.called, &alert);
        assert_in_range(alert.len, 1, hello.len);
        if (early) {
            hear(t.caller, &alert);
            assert_int_equal(secure_channel_prove(t.caller), HX_EAUTH);
        }
        attach(&t);
        assert_int_equal(t.down.output_len, alert.len);
        prove(&t, &caller, &called);
        assert_int_equal(caller, HX_EAUTH);
        assert_int_equal(called, HX_EAUTH);
        end(&t);
    }
}

static void what_is_no_tls_is_refused_and_what_is_too_long_is_ignored(void **state)
{
    static const uint8_t text[PROBE_EARLY_MAX + 1] = "GET / HTTP/1.1\r\n";
    struct two t;
    (void)state;
    begin(&t, key);
    secure_channel_take_early(t.called, text, sizeof text);
    assert_int_equal(secure_channel_prove(t.called), HX_EAGAIN);
    secure_channel_take_early(t.called, text, 16);
    assert_int_equal(secure_channel_prove(t.called), HX_EPROTO);
    end(&t);
}

static void a_stream_that_ends_before_it_has_said_all_of_it_is_no_whole_one(void **state)
{
    struct two t;
    struct flight hello;
    (void)state;
    begin(&t, key);
    say(t.caller, &hello);
    hear(t.called, &hello);
    attach(&t);
    t.down.input_ends = true;
    assert_int_equal(secure_channel_prove(t.called), HX_ECLOSED);
    end(&t);
}

static void without_keys_there_is_nothing_to_say_before(void **state)
{
    struct secure_channel *s = channel(NULL, true);
    struct fake_stream stream;
    const uint8_t *bytes;
    char buf[8];
    (void)state;
    fake_stream_init(&stream, "192.0.2.1:1");
    assert_int_equal(secure_channel_early(s, &bytes), 0);
    secure_channel_take_early(s, (const uint8_t *)"early", 5);
    secure_channel_attach(s, &stream.stream);
    fake_stream_say(&stream, "early");
    assert_int_equal(secure_channel_read(s, buf, sizeof buf), 5);
    secure_channel_destroy(s);
    fake_stream_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caller_is_proven_before_there_is_a_stream_and_its_first_words_are_read_at_once),
        cmocka_unit_test(what_is_lost_comes_with_the_stream),
        cmocka_unit_test(what_comes_twice_or_after_the_stream_s_own_changes_nothing),
        cmocka_unit_test(one_that_comes_when_the_stream_is_there_but_silent_counts),
        cmocka_unit_test(one_that_is_cut_at_any_byte_is_a_beginning),
        cmocka_unit_test(who_says_other_bytes_in_the_stream_than_before_is_refused),
        cmocka_unit_test(a_wrong_key_is_told_early_and_in_the_stream),
        cmocka_unit_test(what_is_no_tls_is_refused_and_what_is_too_long_is_ignored),
        cmocka_unit_test(a_stream_that_ends_before_it_has_said_all_of_it_is_no_whole_one),
        cmocka_unit_test(without_keys_there_is_nothing_to_say_before),
    };

    return cmocka_run_group_tests_name("early bytes of a secure channel", tests, make_keys, end_library);
}
