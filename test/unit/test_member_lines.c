/* What a member of a group says, line by line, and how it is shown. */
#include "base/error.h"
#include "client/tool/member_lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct heard { /* what was told, each line in brackets */
    struct member_lines lines;
    struct buf text;
};

static void on_line(void *user, const char *text, size_t len)
{
    struct heard *h = user;
    assert_int_equal(buf_append(&h->text, "[", 1), HX_OK);
    assert_int_equal(buf_append(&h->text, text, len), HX_OK);
    assert_int_equal(buf_append(&h->text, "]", 1), HX_OK);
}

static void begin(struct heard *h)
{
    *h = (struct heard){.lines = {.line = on_line, .user = h}};
}

static void end(struct heard *h)
{
    buf_free(&h->lines.part);
    buf_free(&h->text);
}

static void heard(const struct heard *h, const char *expected)
{
    assert_int_equal(h->text.len, strlen(expected));
    assert_memory_equal(buf_data(&h->text), expected, h->text.len);
}

static void lines_are_the_same_wherever_they_are_cut(void **state)
{
    static const char text[] = "one\n\ntwo and a half\r\n\n\nlast";
    (void)state;
    for (size_t a = 0; a < sizeof text; a++) {
        for (size_t b = a; b < sizeof text; b++) {
            struct heard h;
            begin(&h);
            assert_int_equal(member_lines_feed(&h.lines, text, a), HX_OK);
            assert_int_equal(member_lines_feed(&h.lines, text + a, b - a), HX_OK);
            assert_int_equal(member_lines_feed(&h.lines, text + b, sizeof text - 1 - b), HX_OK);
            member_lines_flush(&h.lines);
            member_lines_flush(&h.lines);
            heard(&h, "[one][][two and a half\r][][][last]");
            end(&h);
            if (b == sizeof text - 2)
                break;
        }
        if (a == sizeof text - 2)
            break;
    }
}

static void what_was_shown_early_is_not_shown_again(void **state)
{
    struct heard h;
    (void)state;
    begin(&h);
    member_lines_feed(&h.lines, "name? ", 6);
    heard(&h, "");
    member_lines_flush(&h.lines);
    member_lines_feed(&h.lines, "\nnext\n\n", 7);
    member_lines_feed(&h.lines, "go", 2);
    member_lines_flush(&h.lines);
    member_lines_feed(&h.lines, " on\n", 4);
    heard(&h, "[name? ][next][][go][ on]");
    end(&h);
}

/* Of `bytes` in one line, in pieces of `piece`: the lines that are told. */
static int count_of(size_t bytes, size_t piece)
{
    struct heard h;
    int count = 0;
    char *data = malloc(bytes + 1);
    assert_non_null(data);
    memset(data, 'x', bytes);
    data[bytes] = '\n';
    begin(&h);
    for (size_t at = 0; at < bytes + 1; at += piece)
        assert_int_equal(
            member_lines_feed(&h.lines, data + at, bytes + 1 - at < piece ? bytes + 1 - at : piece), HX_OK);
    assert_int_equal(h.lines.part.len, 0);
    const char *text = buf_data(&h.text);
    size_t len = 0;
    for (size_t i = 0; i < h.text.len; i++) {
        count += text[i] == '[';
        len += text[i] == 'x';
    }
    assert_int_equal(len, bytes);
    end(&h);
    free(data);
    return count;
}

static void a_line_that_is_too_long_goes_on_as_another_one(void **state)
{
    static const size_t pieces[] = {1000, MEMBER_LINE_MAX - 1, MEMBER_LINE_MAX, MEMBER_LINE_MAX + 1, 1000000};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_int_equal(count_of(MEMBER_LINE_MAX - 1, pieces[i]), 1);
        assert_int_equal(count_of(MEMBER_LINE_MAX, pieces[i]), 1);
        assert_int_equal(count_of(MEMBER_LINE_MAX + 1, pieces[i]), 2);
        assert_int_equal(count_of((size_t)2 * MEMBER_LINE_MAX, pieces[i]), 2);
        assert_int_equal(count_of((size_t)5 * MEMBER_LINE_MAX + 7, pieces[i]), 6);
    }
}

static void writes(enum member_form form, const char *text, size_t len, const char *expected)
{
    struct buf out = {.len = 0};
    assert_int_equal(member_line_write(&out, form, "al", text, len), HX_OK);
    if (out.len != strlen(expected) || memcmp(buf_data(&out), expected, out.len) != 0)
        fail_msg("'%.*s', not '%s'", (int)out.len, buf_data(&out), expected);
    buf_free(&out);
}

#define TEXT(text) text, sizeof(text) - 1

static void a_pipe_gets_the_bytes_as_they_are(void **state)
{
    (void)state;
    writes(MEMBER_EXACT, TEXT("hello\r"), "al: hello\r\n");
    writes(MEMBER_EXACT, TEXT("\033[2J\xff"), "al: \033[2J\xff\n");
    writes(MEMBER_EXACT, TEXT(""), "al: \n");
}

static void a_terminal_is_told_nothing_that_it_obeys(void **state)
{
    (void)state;
    writes(MEMBER_TERMINAL, TEXT("hello\r"), "al: hello\n");
    writes(MEMBER_TERMINAL, TEXT("a\tb"), "al: a\tb\n");
    writes(MEMBER_TERMINAL, TEXT("\t\t"), "al: \t\t\n");
    writes(MEMBER_TERMINAL, TEXT("\033[2J\rbob: no\a"), "al: \\033[2J\\rbob: no\\a\n");
    writes(MEMBER_TERMINAL, TEXT("\0\0x\0"), "al: \\000\\000x\\000\n");
    writes(MEMBER_TERMINAL, TEXT("\xff\x9b"), "al: \\377\\233\n");
    writes(MEMBER_TERMINAL, TEXT(""), "al: \n");
}

static void json_has_what_is_no_text_besides(void **state)
{
    (void)state;
    writes(MEMBER_JSON, TEXT("a \"b\"\\"),
           "{\"event\":\"line\",\"name\":\"al\",\"text\":\"a \\\"b\\\"\\\\\"}\n");
    writes(MEMBER_JSON, TEXT("a\0b"), "{\"event\":\"line\",\"name\":\"al\",\"text\":\"a\\u0000b\"}\n");
    writes(MEMBER_JSON, TEXT("x\xff"),
           "{\"event\":\"line\",\"name\":\"al\",\"text\":\"x\\ufffd\",\"base64\":\"eP8=\"}\n");
    writes(MEMBER_JSON, TEXT(""), "{\"event\":\"line\",\"name\":\"al\",\"text\":\"\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_wherever_they_are_cut),
        cmocka_unit_test(what_was_shown_early_is_not_shown_again),
        cmocka_unit_test(a_line_that_is_too_long_goes_on_as_another_one),
        cmocka_unit_test(a_pipe_gets_the_bytes_as_they_are),
        cmocka_unit_test(a_terminal_is_told_nothing_that_it_obeys),
        cmocka_unit_test(json_has_what_is_no_text_besides),
    };
    return cmocka_run_group_tests_name("member lines", tests, NULL, NULL);
}
