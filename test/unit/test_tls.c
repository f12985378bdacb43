#include "test/unit/sanitized.h"
#include "test/unit/tls_pair.h"
#include <stdio.h>

#define FLOOD          (10 << 20) /* bytes */
#define LEGACY_VERSION 2 /* the byte of the first record that means nothing (RFC 8446, section 5.1) */

static char key[KEY_TEXT_MAX], other_key[KEY_TEXT_MAX];

static int set_up(void **state)
{
    (void)state;
    return key_generate(key) == HX_OK ? key_generate(other_key) : HX_ESYS;
}

static void says(struct side *from, struct side *to, const char *text)
{
    char buf[256];
    size_t len = strlen(text), got = 0;
    assert_int_equal(tls_write(from->tls, text, len), len);
    while (got < len) { /* a narrow pipe needs its turns */
        ssize_t n = tls_read(to->tls, buf + got, sizeof buf - got);
        assert_true(n > 0 || (n == HX_EAGAIN && from->out->len > 0));
        got += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(got, len);
    assert_memory_equal(buf, text, len);
}

static void says_nothing(struct side *s, int expected)
{
    char c;
    assert_int_equal(tls_read(s->tls, &c, 1), expected);
    assert_int_equal(tls_read(s->tls, &c, 1), expected); /* and stays so */
}

/* ---- the proof ---- */

static void who_shares_a_key_is_proven_to_both_and_bytes_pass_both_ways(void **state)
{
    struct pair p;
    (void)state;
    pair_init(&p, key, key);
    assert_string_equal(tls_label(p.accepting.tls), "");
    pair_proven(&p);
    says(&p.connecting, &p.accepting, "hello");
    says(&p.accepting, &p.connecting, "good day");
    says_nothing(&p.connecting, HX_EAGAIN);
    pair_free(&p);
}

static void reading_and_writing_make_the_proof_themselves(void **state)
{
    struct pair p;
    char buf[8];
    (void)state;
    pair_init(&p, key, key);
    assert_int_equal(tls_write(p.connecting.tls, "hello", 5), HX_EAGAIN);
    assert_int_equal(tls_read(p.accepting.tls, buf, sizeof buf), HX_EAGAIN);
    assert_int_equal(tls_write(p.connecting.tls, "hello", 5), 5);
    assert_int_equal(tls_read(p.accepting.tls, buf, sizeof buf), 5);
    pair_free(&p);
}

static void the_label_is_that_of_the_key_which_came_in(void **state)
{
    char ring[256], mine[256];
    struct pair p;
    (void)state;
    snprintf(ring, sizeof ring, "%s anna\n%s berta\n", other_key, key);
    snprintf(mine, sizeof mine, "%s home\n%s elsewhere\n", key, other_key); /* the first one is used */
    pair_init(&p, mine, ring);
    pair_proven(&p);
    assert_string_equal(tls_label(p.accepting.tls), "berta");
    assert_string_equal(tls_label(p.connecting.tls), "home");
    pair_free(&p);
}

static void both_sides_and_nobody_else_can_derive_one_secret(void **state)
{
    uint8_t ours[32], theirs[32], other[32];
    struct pair p, q;
    (void)state;
    pair_init(&p, key, key);
    assert_int_equal(tls_export(p.connecting.tls, "EXPERIMENTAL hx a", ours, sizeof ours), HX_EAGAIN);
    pair_proven(&p);
    assert_int_equal(tls_export(p.connecting.tls, "EXPERIMENTAL hx a", ours, sizeof ours), HX_OK);
    assert_int_equal(tls_export(p.accepting.tls, "EXPERIMENTAL hx a", theirs, sizeof theirs), HX_OK);
    assert_memory_equal(ours, theirs, sizeof ours);
    assert_int_equal(tls_export(p.accepting.tls, "EXPERIMENTAL hx b", other, sizeof other), HX_OK);
    assert_memory_not_equal(ours, other, sizeof ours);
    pair_init(&q, key, key); /* the same key, another connection */
    pair_proven(&q);
    assert_int_equal(tls_export(q.connecting.tls, "EXPERIMENTAL hx a", other, sizeof other), HX_OK);
    assert_memory_not_equal(ours, other, sizeof ours);
    pair_free(&p);
    pair_free(&q);
}

static void a_wrong_key_is_refused_on_both_sides_and_nothing_else_is_said(void **state)
{
    struct pair p;
    int c, a;
    (void)state;
    pair_init(&p, other_key, key);
    pair_handshake(&p, &c, &a);
    assert_int_equal(c, HX_EAUTH);
    assert_int_equal(a, HX_EAUTH);
    assert_int_equal(p.down.written, 7); /* the alert */
    assert_int_equal(tls_write(p.accepting.tls, "x", 1), HX_EAUTH);
    assert_int_equal(tls_end(p.connecting.tls), HX_EAUTH);
    assert_string_equal(tls_label(p.accepting.tls), "");
    says_nothing(&p.accepting, HX_EAUTH);
    says_nothing(&p.connecting, HX_EAUTH);
    assert_int_equal(p.down.written, 7);
    pair_free(&p);
}

/* Knows what an eavesdropper knows: the identity. */
static void init_impostor(struct side *s, bool connecting)
{
    struct tls_transport io = {.read = pipe_read, .write = pipe_write, .user = s};
    struct keyring ring;
    int line;
    assert_int_equal(keyring_parse(&ring, key, strlen(key), &line), HX_OK);
    memset(ring.keys[0].psk, 7, PSK_BYTES);
    tls_destroy(s->tls);
    assert_int_equal(tls_create(&s->tls, &ring, connecting, &io), HX_OK);
    keyring_free(&ring);
}

static void a_key_whose_identity_alone_is_known_is_refused(void **state)
{
    struct pair p;
    int c, a;
    (void)state;
    for (int connecting = 0; connecting <= 1; connecting++) {
        pair_init(&p, key, key);
        init_impostor(connecting ? &p.connecting : &p.accepting, connecting);
        pair_handshake(&p, &c, &a);
        assert_int_equal(c, HX_EAUTH);
        assert_int_equal(a, HX_EAUTH);
        pair_free(&p);
    }
}

static void put(struct pipe_end *p, const void *data, size_t len)
{
    memcpy(p->data + p->start + p->len, data, len);
    p->len += len;
}

static void a_peer_that_speaks_no_tls_is_told_apart(void **state)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                                        "0123456789012345678901234567890123456789",
                                        "\x16\x03\x01\xff\xff..."};
    struct pair p;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pair_init(&p, key, key);
        put(&p.up, texts[i], strlen(texts[i]));
        put(&p.down, texts[i], strlen(texts[i]));
        assert_int_equal(tls_handshake(p.accepting.tls), HX_EPROTO);
        assert_int_equal(tls_handshake(p.connecting.tls), HX_EPROTO);
        says_nothing(&p.accepting, HX_EPROTO);
        pair_free(&p);
    }
}

/* ---- cuts ---- */

static size_t bytes_up(void)
{
    struct pair p;
    pair_init(&p, key, key);
    pair_proven(&p);
    says(&p.connecting, &p.accepting, "hello");
    assert_int_equal(tls_end(p.connecting.tls), HX_OK);
    assert_int_equal(tls_flush(p.connecting.tls), HX_OK);
    size_t bytes = p.up.written;
    pair_free(&p);
    return bytes;
}

static void bytes_that_come_one_at_a_time_are_understood(void **state)
{
    struct pair p;
    (void)state;
    pair_init(&p, key, key);
    p.up.read_max = p.down.read_max = 1;
    pair_proven(&p);
    says(&p.connecting, &p.accepting, "hello");
    says(&p.accepting, &p.connecting, "good day");
    pair_free(&p);
}

static void a_pause_at_any_byte_changes_nothing(void **state)
{
    size_t bytes = bytes_up();
    struct pair p;
    (void)state;
    for (size_t cut = 0; cut < bytes; cut++) {
        pair_init(&p, key, key);
        p.up.stop_at = p.down.stop_at = cut;
        p.up.stop_error = p.down.stop_error = HX_EAGAIN;
        pair_proven(&p);
        p.up.stop_at = SIZE_MAX;
        says(&p.connecting, &p.accepting, "hello");
        pair_free(&p);
    }
}

/* The peer said "hello" and its end; the transport ends after `cut` bytes of it. */
static void check_truncated(size_t cut, int how, bool complete)
{
    struct pair p;
    char buf[16];
    int c, a;
    pair_init(&p, key, key);
    p.up.stop_at = cut;
    p.up.stop_error = how;
    pair_handshake(&p, &c, &a);
    (void)tls_write(p.connecting.tls, "hello", 5);
    (void)tls_end(p.connecting.tls);
    (void)tls_flush(p.connecting.tls);
    ssize_t got = tls_read(p.accepting.tls, buf, sizeof buf);
    if (got > 0)
        assert_memory_equal(buf, "hello", 5);
    says_nothing(&p.accepting, complete ? HX_EEOF : HX_ECLOSED);
    pair_free(&p);
}

static void an_end_that_the_peer_did_not_say_itself_is_never_taken_for_one(void **state)
{
    size_t bytes = bytes_up();
    (void)state;
    for (size_t cut = 0; cut < bytes; cut++) {
        check_truncated(cut, HX_EEOF, false);
        check_truncated(cut, HX_ECLOSED, false);
    }
    check_truncated(bytes, HX_EEOF, true);
    check_truncated(bytes, HX_ECLOSED, true);
}

static void a_byte_that_was_changed_on_the_way_is_noticed(void **state)
{
    size_t bytes = bytes_up();
    struct pair p;
    char buf[16];
    int c, a;
    (void)state;
    for (size_t at = 0; at < bytes; at++) {
        pair_init(&p, key, key);
        p.up.flip_at = at;
        pair_handshake(&p, &c, &a);
        (void)tls_write(p.connecting.tls, "hello", 5);
        (void)tls_end(p.connecting.tls);
        (void)tls_flush(p.connecting.tls);
        ssize_t got = tls_read(p.accepting.tls, buf, sizeof buf);
        if (got > 0)
            assert_memory_equal(buf, "hello", 5);
        got = tls_read(p.accepting.tls, buf, sizeof buf);
        bool noticed = got == HX_EPROTO || got == HX_EAUTH || got == HX_EAGAIN; /* waits for more bytes */
        assert_true(noticed || at == LEGACY_VERSION);
        pair_free(&p);
    }
}

static void the_transports_error_is_passed_on(void **state)
{
    struct pair p;
    (void)state;
    pair_init(&p, key, key);
    pair_proven(&p);
    assert_int_equal(tls_write(p.accepting.tls, "bye", 3), 3);
    p.up.write_error = HX_ECLOSED;
    (void)tls_write(p.connecting.tls, "x", 1);
    assert_int_equal(tls_write(p.connecting.tls, "x", 1), HX_ECLOSED);
    assert_int_equal(tls_flush(p.connecting.tls), HX_ECLOSED);
    char buf[4];
    assert_int_equal(tls_read(p.connecting.tls, buf, sizeof buf), 3); /* what came can be read */
    says_nothing(&p.connecting, HX_EAGAIN);
    p.down.stop_at = 0;
    p.down.stop_error = HX_ETIMEDOUT;
    says_nothing(&p.connecting, HX_ETIMEDOUT);
    pair_free(&p);
}

/* ---- ends ---- */

static void one_direction_ends_and_the_other_goes_on(void **state)
{
    struct pair p;
    (void)state;
    pair_init(&p, key, key);
    pair_proven(&p);
    assert_int_equal(tls_write(p.connecting.tls, "last", 4), 4);
    assert_int_equal(tls_end(p.connecting.tls), HX_OK);
    assert_int_equal(tls_end(p.connecting.tls), HX_OK);
    assert_int_equal(tls_write(p.connecting.tls, "x", 1), HX_EINVAL);
    assert_int_equal(tls_flush(p.connecting.tls), HX_OK);
    char buf[8];
    assert_int_equal(tls_read(p.accepting.tls, buf, sizeof buf), 4);
    says_nothing(&p.accepting, HX_EEOF);
    for (int i = 0; i < 1000; i++)
        says(&p.accepting, &p.connecting, "and on");
    assert_int_equal(tls_end(p.accepting.tls), HX_OK);
    assert_int_equal(tls_flush(p.accepting.tls), HX_OK);
    says_nothing(&p.connecting, HX_EEOF);
    pair_free(&p);
}

static void an_end_waits_behind_what_was_written(void **state)
{
    static char data[100000], got[100000];
    struct pair p;
    size_t len = 0;
    (void)state;
    pair_init(&p, key, key);
    pair_proven(&p);
    p.up.room = 10;
    ssize_t put_bytes = tls_write(p.connecting.tls, data, sizeof data);
    assert_true(put_bytes > 0);
    assert_int_equal(tls_end(p.connecting.tls), HX_OK);
    assert_int_equal(tls_flush(p.connecting.tls), HX_EAGAIN);
    p.up.room = PIPE_SIZE;
    assert_int_equal(tls_flush(p.connecting.tls), HX_OK);
    for (ssize_t n; (n = tls_read(p.accepting.tls, got + len, sizeof got - len)) > 0;)
        len += (size_t)n;
    assert_int_equal(len, put_bytes);
    says_nothing(&p.accepting, HX_EEOF);
    pair_free(&p);
}

/* ---- bulk ---- */

static uint8_t pattern_at(size_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

/* `room` and `read_max` of the pipe; `piece`: bytes of a write and of a read. */
static void check_bulk(size_t room, size_t read_max, size_t piece, size_t total)
{
    uint8_t *buf = malloc(piece);
    size_t sent = 0, received = 0;
    struct pair p;
    assert_non_null(buf);
    pair_init(&p, key, key);
    p.up.room = p.down.room = room;
    p.up.read_max = read_max;
    pair_proven(&p);
    while (received < total) {
        size_t len = total - sent < piece ? total - sent : piece;
        for (size_t i = 0; i < len; i++)
            buf[i] = pattern_at(sent + i);
        ssize_t n = len > 0 ? tls_write(p.connecting.tls, buf, len) : tls_flush(p.connecting.tls);
        assert_true(n >= 0 || n == HX_EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        while ((n = tls_read(p.accepting.tls, buf, piece)) > 0) {
            for (ssize_t i = 0; i < n; i++) {
                if (buf[i] != pattern_at(received++))
                    fail_msg("byte %zu is wrong", received - 1);
            }
        }
        assert_int_equal(n, HX_EAGAIN);
    }
    free(buf);
    pair_free(&p);
}

static void ten_megabytes_pass_through_small_pipes(void **state)
{
    (void)state;
    check_bulk(1000, 333, 70000, FLOOD);
    check_bulk(70000, 1356, 5000, FLOOD);
    check_bulk(PIPE_SIZE, 0, 300000, FLOOD);
    check_bulk(7, 3, 100, FLOOD / 200);
}

static void records_are_full_and_leave_together(void **state)
{
    static char data[200000];
    struct pair p;
    (void)state;
    pair_init(&p, key, key);
    pair_proven(&p);
    p.up.start = p.up.len = 0; /* what the proof left there is of no interest any more */
    p.up.writes = 0;
    assert_int_equal(tls_write(p.connecting.tls, data, 16384 * 12), 16384 * 12);
    assert_int_equal(p.up.writes, 3);
    assert_int_equal(p.up.len, 12 * (5 + 16384 + 1 + 16));
    for (size_t at = 0; at < p.up.len; at += 5 + 16384 + 1 + 16) {
        const uint8_t *record = p.up.data + at;
        assert_int_equal(record[0], 23);
        assert_int_equal(record[3] << 8 | record[4], 16384 + 1 + 16);
    }
    pair_free(&p);
}

static void what_the_transport_does_not_take_is_held_back_up_to_a_bound(void **state)
{
    static char data[1 << 20], got[1 << 20];
    struct pair p;
    size_t len = 0;
    (void)state;
    pair_init(&p, key, key);
    pair_proven(&p);
    p.up.room = 0;
    memset(data, 'a', sizeof data);
    ssize_t first = tls_write(p.connecting.tls, data, sizeof data);
    assert_true(first > 0 && first <= 65536 + 16384);
    memset(data, 'b', sizeof data);
    assert_int_equal(tls_write(p.connecting.tls, data, sizeof data), HX_EAGAIN);
    p.up.room = 1000;
    assert_int_equal(tls_write(p.connecting.tls, data, sizeof data), HX_EAGAIN);
    memset(data, 'c', sizeof data); /* other bytes than those that were refused */
    p.up.room = PIPE_SIZE;
    assert_int_equal(tls_write(p.connecting.tls, data, 3), 3);
    for (ssize_t n; (n = tls_read(p.accepting.tls, got + len, sizeof got - len)) > 0;)
        len += (size_t)n;
    assert_int_equal(len, first + 3);
    assert_int_equal(got[first - 1], 'a');
    assert_memory_equal(got + first, "ccc", 3);
    pair_free(&p);
}

static void keys_are_renewed_long_before_they_are_worn_out_even_after_a_half_close(void **state)
{
    enum { BYTE_RECORD = 5 + 1 + 1 + 16, KEY_UPDATE = 5 + 5 + 1 + 16, RENEWED = 1 << 18 };
    const int writes = SANITIZED ? RENEWED / 16 : RENEWED + 10;
    struct pair p;
    char c;
    (void)state;
    pair_init(&p, key, key);
    pair_proven(&p);
    assert_int_equal(tls_end(p.accepting.tls), HX_OK);
    assert_int_equal(tls_flush(p.accepting.tls), HX_OK);
    size_t before = p.up.written;
    for (int i = 0; i < writes; i++) {
        c = (char)i;
        assert_int_equal(tls_write(p.connecting.tls, &c, 1), 1);
        assert_int_equal(tls_read(p.accepting.tls, &c, 1), 1);
        assert_int_equal(c, (char)i);
    }
    assert_int_equal(p.up.written - before, writes * BYTE_RECORD + (writes > RENEWED ? KEY_UPDATE : 0));
    says_nothing(&p.connecting, HX_EEOF);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_shares_a_key_is_proven_to_both_and_bytes_pass_both_ways),
        cmocka_unit_test(reading_and_writing_make_the_proof_themselves),
        cmocka_unit_test(the_label_is_that_of_the_key_which_came_in),
        cmocka_unit_test(both_sides_and_nobody_else_can_derive_one_secret),
        cmocka_unit_test(a_wrong_key_is_refused_on_both_sides_and_nothing_else_is_said),
        cmocka_unit_test(a_key_whose_identity_alone_is_known_is_refused),
        cmocka_unit_test(a_peer_that_speaks_no_tls_is_told_apart),
        cmocka_unit_test(bytes_that_come_one_at_a_time_are_understood),
        cmocka_unit_test(a_pause_at_any_byte_changes_nothing),
        cmocka_unit_test(an_end_that_the_peer_did_not_say_itself_is_never_taken_for_one),
        cmocka_unit_test(a_byte_that_was_changed_on_the_way_is_noticed),
        cmocka_unit_test(the_transports_error_is_passed_on),
        cmocka_unit_test(one_direction_ends_and_the_other_goes_on),
        cmocka_unit_test(an_end_waits_behind_what_was_written),
        cmocka_unit_test(ten_megabytes_pass_through_small_pipes),
        cmocka_unit_test(records_are_full_and_leave_together),
        cmocka_unit_test(what_the_transport_does_not_take_is_held_back_up_to_a_bound),
        cmocka_unit_test(keys_are_renewed_long_before_they_are_worn_out_even_after_a_half_close),
    };
    return cmocka_run_group_tests_name("tls", tests, set_up, NULL);
}
