/* proto/transcript.c, proto/transcript_secrets.c */
#include "proto/transcript.h"
#include "test/unit/cuts.h"

#define ID  "0123456789abcdef0123456789abcdef"
#define KEY "fedcba9876543210fedcba9876543210"
#define S32 "********************************"

struct writing {
    struct transcript t;
    struct transcript_stream s;
    struct buf out;
};

static struct writing begin(bool with_secrets)
{
    struct writing w = {.t.begun_us = 5000000,
                        .s = {.title = "hx connect home", .with_secrets = with_secrets}};
    buf_init(&w.out, 0);
    return w;
}

static void write_piece(void *user, const char *data, size_t len)
{
    struct writing *w = user;
    assert_int_equal(transcript_write_bytes(&w->t, &w->out, &w->s, w->t.begun_us, TRANSCRIPT_SENT, data, len),
                     HX_OK);
}

static void assert_text(struct buf *out, const char *expected)
{
    assert_int_equal(buf_append(out, "", 1), HX_OK);
    assert_string_equal(buf_data(out), expected);
    buf_free(out);
}

static void streams_are_written_line_by_line_under_their_titles(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n", answer[] = "HTTP/1.1 200 OK\r\nAl";
    struct writing w = begin(true);
    struct transcript_stream other = {.title = "hx bind home"};
    struct transcript *t = &w.t;
    (void)state;
    assert_int_equal(transcript_write_begin(&w.out, 1796024712123), HX_OK);
    assert_int_equal(transcript_write_note(t, &w.out, &w.s, 5000000, "to 192.0.2.1:7000"), HX_OK);
    assert_int_equal(transcript_write_bytes(t, &w.out, &w.s, 5000104, TRANSCRIPT_SENT, request, 18), HX_OK);
    assert_int_equal(transcript_write_bytes(t, &w.out, &other, 5010000, TRANSCRIPT_SENT, "\r\n", 2), HX_OK);
    assert_int_equal(transcript_write_bytes(t, &w.out, &w.s, 105014333, TRANSCRIPT_RECEIVED, answer, 19),
                     HX_OK);
    assert_int_equal(transcript_write_bytes(t, &w.out, &w.s, 105020000, TRANSCRIPT_RECEIVED, "", 0), HX_OK);
    assert_text(&w.out, "# begun 2026-11-30T07:45:12.123Z\n"
                        "=== hx connect home\n"
                        "  0.000000 = to 192.0.2.1:7000\n"
                        "  0.000104 > GET / HTTP/1.1\\r\\n\n"
                        "  0.000104 > \\r\\n\n"
                        "=== hx bind home\n"
                        "  0.010000 > \\r\\n\n"
                        "=== hx connect home\n"
                        "100.014333 < HTTP/1.1 200 OK\\r\\n\n"
                        "100.014333 < Al\n");
}

static void what_cannot_be_printed_is_escaped_and_read_back(void **state)
{
    static struct transcript_line line;
    struct writing w = begin(true);
    char bytes[256];
    size_t have = 0;
    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    write_piece(&w, bytes, sizeof bytes);
    write_piece(&w, "a b ", 4);
    for (char *at = (char *)buf_data(&w.out), *end; have < 256; at = end + 1) {
        end = strchr(at, '\n');
        assert_int_equal(transcript_read(&line, at, (size_t)(end - at)), HX_OK);
        if (line.mark == TRANSCRIPT_TITLE)
            continue;
        assert_memory_equal(line.data, bytes + have, line.len);
        have += line.len;
    }
    assert_int_equal(buf_append(&w.out, "", 1), HX_OK);
    assert_non_null(strstr(buf_data(&w.out), "> a b\\x20\n"));
    buf_free(&w.out);
}

static void assert_hidden(const char *bytes, const char *expected)
{
    size_t len = strlen(bytes);
    for (size_t first = 1; first <= len; first++) {
        static struct transcript_line line;
        struct cuts cuts = {bytes, len, first, first == 1 ? 1 : len};
        struct writing w = begin(false);
        char got[512] = "";
        feed_cuts(&cuts, write_piece, &w);
        assert_int_equal(buf_append(&w.out, "", 1), HX_OK);
        for (const char *at = buf_data(&w.out), *end; (end = strchr(at, '\n')); at = end + 1) {
            assert_int_equal(transcript_read(&line, at, (size_t)(end - at)), HX_OK);
            if (line.mark == TRANSCRIPT_SENT)
                strcat(got, line.data);
        }
        assert_string_equal(got, expected);
        buf_free(&w.out);
    }
}

static void secrets_are_left_out_wherever_the_pieces_end(void **state)
{
    (void)state;
    assert_hidden("bob: 127.0.0.1:4\r\nSession: " ID " " KEY "\r\nCandidate: 1\r\n",
                  "bob: 127.0.0.1:4\r\nSession: " ID " " S32 "\r\nCandidate: 1\r\n");
    assert_hidden("session:\t" ID "  " KEY " \n", "session:\t" ID "  " S32 " \n");
    assert_hidden("Session: " ID "\r\nBind-Session: " ID "\r\njoin-session: " ID "\r\n",
                  "Session: " ID "\r\nBind-Session: " S32 "\r\njoin-session: " S32 "\r\n");
    assert_hidden("GET /Session: HTTP/1.1\r\nX-Session: a b\r\n",
                  "GET /Session: HTTP/1.1\r\nX-Session: a b\r\n");
}

static void of_an_authorization_the_signature_alone_is_left_out(void **state)
{
    (void)state;
    assert_hidden("Authorization: HX key=\"ed25519:AB\", sig=\"Zm9v\"\r\nA: b\r\n",
                  "Authorization: HX key=\"ed25519:AB\", sig=\"****\"\r\nA: b\r\n");
    assert_hidden("authorization:hx SIG = Zm9v ,key=\"a, sig=\\\"b\", x=y\r\n",
                  "authorization:hx SIG = **** ,key=\"a, sig=\\\"b\", x=y\r\n");
    assert_hidden("Authorization: HX sig=\"a\\\"b, c\" , key=d\r\n",
                  "Authorization: HX sig=\"*******\" , key=d\r\n");
}

static void of_other_schemes_all_is_left_out(void **state)
{
    (void)state;
    assert_hidden("Authorization: Bearer abc.def\r\nHost: s\r\n",
                  "Authorization: Bearer *******\r\nHost: s\r\n");
    assert_hidden("Proxy-Authorization: Basic YTpi=\r\n", "Proxy-Authorization: Basic *****\r\n");
}

static void assert_read(const char *text, enum transcript_mark mark, int64_t at_us, const char *data)
{
    static struct transcript_line line;
    assert_int_equal(transcript_read(&line, text, strlen(text)), HX_OK);
    assert_int_equal(line.mark, mark);
    assert_int_equal(line.at_us, at_us);
    assert_string_equal(line.data, data);
    assert_int_equal(line.len, strlen(data));
}

static void lines_are_read_as_a_person_writes_them(void **state)
{
    (void)state;
    assert_read("0 > GET / HTTP/1.1\\r\\n", TRANSCRIPT_SENT, 0, "GET / HTTP/1.1\r\n");
    assert_read("  1.5 < a\\x20b\r", TRANSCRIPT_RECEIVED, 1500000, "a b");
    assert_read("12.000001 > ", TRANSCRIPT_SENT, 12000001, "");
    assert_read("3 = closed", TRANSCRIPT_NOTE, 3000000, "closed");
    assert_read("=== hx connect home", TRANSCRIPT_TITLE, 0, "hx connect home");
    assert_read("# what it is about", TRANSCRIPT_NOTHING, 0, "");
    assert_read("", TRANSCRIPT_NOTHING, 0, "");
    assert_read("\r", TRANSCRIPT_NOTHING, 0, "");
}

static void what_is_no_line_of_a_transcript_is_refused(void **state)
{
    static const char *const bad[] = {"GET / HTTP/1.1",
                                      "===",
                                      "1",
                                      "1 ",
                                      "1 >",
                                      "1 >a",
                                      "1 ? a",
                                      "1.0000001 > a",
                                      "-1 > a",
                                      ".5 > a",
                                      "1 > a\\",
                                      "1 > \\q",
                                      "1 > \\x1",
                                      "1 > \\xg0",
                                      "1 > a\tb",
                                      "1 > \xc3\xa4",
                                      "99999999999999999999 > a"};
    static struct transcript_line line;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (transcript_read(&line, bad[i], strlen(bad[i])) != HX_EPROTO)
            fail_msg("taken: %s", bad[i]);
    char *longest = repeated('a', TRANSCRIPT_LINE_MAX + 1);
    longest[0] = '1';
    longest[1] = longest[3] = ' ';
    longest[2] = '>';
    assert_int_equal(transcript_read(&line, longest, TRANSCRIPT_LINE_MAX), HX_OK);
    assert_int_equal(transcript_read(&line, longest, TRANSCRIPT_LINE_MAX + 1), HX_ETOOBIG);
    free(longest);
}

static void when_one_has_begun_is_read_back(void **state)
{
    static const char *const bad[] = {"# begun -.123Z", "# begun", "# begun 2026-11-30T07:45:12Z",
                                      "begun 2026-11-30T07:45:12.123Z",
                                      "# begun 2026-11-30T07:45:12.123Z and so on"};
    int64_t unix_ms = 0;
    struct buf out;
    (void)state;
    buf_init(&out, 0);
    assert_int_equal(transcript_write_begin(&out, 1796024712123), HX_OK);
    assert_int_equal(transcript_read_begin(&unix_ms, buf_data(&out), out.len - 1), HX_OK);
    assert_true(unix_ms == 1796024712123);
    buf_free(&out);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(transcript_read_begin(&unix_ms, bad[i], strlen(bad[i])), HX_EPROTO);
}

static void what_does_not_fit_leaves_everything_as_it_was(void **state)
{
    struct writing w = begin(false);
    (void)state;
    w.out.limit = 30;
    assert_int_equal(transcript_write_bytes(&w.t, &w.out, &w.s, 0, TRANSCRIPT_SENT, "Bind-Session: ab", 16),
                     HX_ETOOBIG);
    assert_int_equal(w.out.len, 0);
    w.out.limit = 0;
    write_piece(&w, "cd", 2);
    assert_text(&w.out, "=== hx connect home\n  0.000000 > cd\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_written_line_by_line_under_their_titles),
        cmocka_unit_test(what_cannot_be_printed_is_escaped_and_read_back),
        cmocka_unit_test(secrets_are_left_out_wherever_the_pieces_end),
        cmocka_unit_test(of_an_authorization_the_signature_alone_is_left_out),
        cmocka_unit_test(of_other_schemes_all_is_left_out),
        cmocka_unit_test(lines_are_read_as_a_person_writes_them),
        cmocka_unit_test(what_is_no_line_of_a_transcript_is_refused),
        cmocka_unit_test(when_one_has_begun_is_read_back),
        cmocka_unit_test(what_does_not_fit_leaves_everything_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
