/* What a host says of itself to hx info, how that is read, and what becomes of it on the terminal. */
#include "base/error.h"
#include "client/tool/info.h"
#include "client/tool/info_words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char lines[2048];

static int keep(void *user, const char *key, const char *value)
{
    (void)user;
    size_t len = strlen(lines);
    snprintf(lines + len, sizeof lines - len, "%s=%s;", key, value);
    return HX_OK;
}

/* `text` whole, in one piece or two. */
static int read_cut(const char *text, size_t len, size_t cut)
{
    struct info_reader r = {.on_line = keep};
    lines[0] = '\0';
    int err = info_feed(&r, text, cut);
    if (err == HX_OK)
        err = info_feed(&r, text + cut, len - cut);
    return err == HX_OK ? info_feed_end(&r) : err;
}

static void check_every_cut(const char *text, int error, const char *expected)
{
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        assert_int_equal(read_cut(text, strlen(text), cut), error);
        if (error == HX_OK)
            assert_string_equal(lines, expected);
    }
}

static void what_is_written_is_read(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, INFO_MAX);
    assert_int_equal(info_add(&b, "allow", "/run/two words\n%\033\xe9"), HX_OK);
    assert_int_equal(info_add(&b, "label", ""), HX_OK);
    assert_int_equal(info_add(&b, "allow", "[2001:db8::1]:*"), HX_OK);
    assert_int_equal(buf_append(&b, "", 1), HX_OK);
    assert_string_equal(buf_data(&b), "allow /run/two%20words%0A%25%1B%E9\nlabel \nallow [2001:db8::1]:*\n");
    check_every_cut(buf_data(&b), HX_OK, "allow=/run/two words\n%\033\xe9;label=;allow=[2001:db8::1]:*;");
    buf_free(&b);
}

static void a_text_that_is_none_is_refused(void **state)
{
    static const char *const wrong[] = {"",     "version",     "version\n",   "\n",
                                        " x\n", "allow %zz\n", "allow %00\n", "version 1\nlabel"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_every_cut(wrong[i], HX_EPROTO, NULL);
    assert_int_equal(read_cut("version 1\0\n", 11, 0), HX_EPROTO);
}

static void a_line_and_the_whole_are_bounded(void **state)
{
    static char text[INFO_MAX + INFO_LINE_MAX];
    (void)state;
    memset(text, 'x', sizeof text);
    text[1] = ' ';
    text[INFO_LINE_MAX - 1] = '\n';
    assert_int_equal(read_cut(text, INFO_LINE_MAX, 0), HX_OK);
    text[INFO_LINE_MAX - 1] = 'x';
    text[INFO_LINE_MAX] = '\n';
    assert_int_equal(read_cut(text, INFO_LINE_MAX + 1, 0), HX_EPROTO);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "a b\n"[i % 4];
    assert_int_equal(read_cut(text, INFO_MAX, 1), HX_OK);
    assert_int_equal(read_cut(text, INFO_MAX + 1, 1), HX_EPROTO);
}

static void as_many_patterns_as_can_be_given_have_room(void **state)
{
    struct buf b;
    char path[108];
    (void)state;
    memset(path, '\xff', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    buf_init(&b, INFO_MAX - 1024);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(info_add(&b, "allow", path), HX_OK);
        assert_int_equal(info_add(&b, "allow-listen", path), HX_OK);
    }
    buf_free(&b);
}

static const char *printed(struct info_words *w, int (*print)(const struct info_words *w, struct buf *out))
{
    static char text[4096];
    struct buf b;
    buf_init(&b, sizeof text - 1);
    assert_int_equal(print(w, &b), HX_OK);
    snprintf(text, sizeof text, "%.*s", (int)b.len, buf_data(&b));
    buf_free(&b);
    return text;
}

static void what_a_peer_says_moves_no_terminal(void **state)
{
    static const char *const keys[] = {"version", "label", "allow", "allow-listen", "share", "exec", "other"};
    struct info_words w;
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    info_words_init(&w, "home");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(info_words_take(&w, keys[i], "\033[2J\xe2\x80\xae\n\x9b"), HX_OK);
    const char *shown[] = {printed(&w, info_words_print), printed(&w, info_words_json)};
    for (int i = 0; i < 2; i++) {
        for (const char *c = shown[i]; *c; c++)
            assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
    }
    info_words_free(&w);
}

static void an_older_peer_is_told_from_one_that_allows_nothing(void **state)
{
    struct info_words w;
    (void)state;
    info_words_init(&w, "home");
    assert_non_null(strstr(printed(&w, info_words_print), "target      none\n"));
    assert_non_null(strstr(printed(&w, info_words_json), "\"allow\":[]"));
    w.older = true;
    assert_null(strstr(printed(&w, info_words_print), "target"));
    assert_non_null(strstr(printed(&w, info_words_print), "older than hx info"));
    assert_non_null(strstr(printed(&w, info_words_json), "\"older\":true}"));
    info_words_free(&w);
}

static void a_path_through_tcp_has_no_address(void **state)
{
    struct info_words w;
    (void)state;
    info_words_init(&w, "home");
    w.path = (struct hx_path){.kind = "relayed", .address = HX_ADDRESS_TCP};
    w.rtt_us = 20345;
    w.found_ms = 612;
    assert_non_null(strstr(printed(&w, info_words_print), "path        relayed, through TCP\n"
                                                          "round trip  20.345 ms\n"
                                                          "found       612 ms after the search began\n"));
    assert_non_null(strstr(printed(&w, info_words_json), "\"rtt_ms\":20.345,\"found_ms\":612}"));
    info_words_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_text_that_is_none_is_refused),
        cmocka_unit_test(a_line_and_the_whole_are_bounded),
        cmocka_unit_test(as_many_patterns_as_can_be_given_have_room),
        cmocka_unit_test(what_a_peer_says_moves_no_terminal),
        cmocka_unit_test(an_older_peer_is_told_from_one_that_allows_nothing),
        cmocka_unit_test(a_path_through_tcp_has_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
