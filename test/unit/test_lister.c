/* hx ls writes what a peer lists: sorted, bounded, and so that neither a terminal nor a JSON reader is
 * misled. */
#include "client/tool/json.h"
#include "client/tool/lister.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[4096];
static size_t used, lines;
static bool sorted;
static char last[300];

static int keep(void *user, const char *line, size_t len)
{
    (void)user;
    assert_true(used + len < sizeof text);
    memcpy(text + used, line, len);
    used += len;
    text[used] = '\0';
    return HX_OK;
}

static int count(void *user, const char *line, size_t len)
{
    (void)user;
    if (lines++ < LISTER_SORTED_MAX && lines > 1)
        sorted = sorted && strncmp(last, line, len) < 0;
    snprintf(last, sizeof last, "%.*s", (int)len, line);
    return HX_OK;
}

static struct lister of(bool details, bool json)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    used = 0;
    text[0] = '\0';
    return (struct lister){.details = details, .json = json, .line = keep};
}

static void add(struct lister *l, char type, int64_t size, int64_t mtime_ns, const char *path)
{
    struct file_entry e = {.type = type, .mode = 0754, .size = size, .mtime_ns = mtime_ns, .path = path};
    assert_int_equal(lister_add(l, &e), HX_OK);
}

static void names_are_sorted_and_what_is_deeper_is_passed_over(void **state)
{
    struct lister l = of(false, false);
    (void)state;
    add(&l, 'f', 1, 0, "b");
    add(&l, 'd', 1, 0, "a");
    add(&l, 'f', 1, 0, "a/inside");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "a\nb\n");
}

static void details_stand_in_columns(void **state)
{
    struct lister l = of(true, false);
    (void)state;
    add(&l, 'f', 12345, INT64_C(981173106500000000), "file");
    add(&l, 'd', 0, -1, "old");
    add(&l, 's', 0, 0, "odd");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "-rwxr-xr-- 12345 2001-02-03 04:05 file\n"
                              "?rwxr-xr--     ?                ? odd\n"
                              "drwxr-xr--     0 1969-12-31 23:59 old\n");
}

static void no_time_that_a_peer_tells_is_too_much(void **state)
{
    struct lister l = of(true, true);
    (void)state;
    add(&l, 'f', FILE_SIZE_MAX, INT64_MAX, "late");
    add(&l, 'f', 0, INT64_MIN + 1, "early");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_non_null(strstr(text, "\"mtime\":-9223372036.854775807}"));
    assert_non_null(strstr(text, "\"mtime\":9223372036.854775807}"));
}

static void a_million_entries_take_no_more_than_ten_thousand(void **state)
{
    struct lister l = {.line = count};
    char name[16];
    (void)state;
    lines = 0;
    sorted = true;
    for (int i = 1000000; i > 0; i--) {
        snprintf(name, sizeof name, "%07d", i);
        add(&l, 'f', 1, 0, name);
        assert_true(l.count <= LISTER_SORTED_MAX);
    }
    assert_int_equal(lister_end(&l), HX_OK);
    assert_int_equal(lines, 1000000);
    assert_true(sorted);
    assert_true(l.unsorted);
}

static void an_error_of_the_output_is_passed_on_and_nothing_is_kept(void **state)
{
    struct lister l = of(false, false);
    (void)state;
    add(&l, 'f', 1, 0, "b");
    lister_free(&l);
    assert_null(l.kept);
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "");
}

static void names_that_a_terminal_obeys_are_quoted(void **state)
{
    struct lister l = of(false, false);
    (void)state;
    add(&l, 'f', 1, 0, "\033[31m\xe2\x80\xae\n");
    assert_int_equal(lister_end(&l), HX_OK);
    for (size_t i = 0; i + 1 < used; i++)
        assert_in_range(text[i], ' ', '~');
}

static void json_is_ascii_and_tells_bytes_that_are_no_text(void **state)
{
    struct lister l = of(false, true);
    (void)state;
    add(&l, 's', 1, 0, "\033\"\\\xe2\x80\xae\xf0\x9f\x98\x80");
    add(&l, 's', 1, 0, "caf\xe9");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "[\n{\"name\":\"\\u001b\\\"\\\\\\u202e\\ud83d\\ude00\",\"type\":\"other\"},\n"
                              "{\"name\":\"caf\\ufffd\",\"bytes\":\"caf%E9\",\"type\":\"other\"}\n]\n");
}

static void add_link(struct lister *l, const char *path, const char *target)
{
    struct file_entry e = {.type = 'l', .mode = 0777, .path = path, .target = target};
    assert_int_equal(lister_add(l, &e), HX_OK);
}

static void links_are_shown_with_where_they_lead(void **state)
{
    struct lister l = of(true, false);
    (void)state;
    add_link(&l, "link", "to\033[31m");
    add_link(&l, "a", "b");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "lrwxrwxrwx 1 1970-01-01 00:00 a -> b\n"
                              "lrwxrwxrwx 7 1970-01-01 00:00 link -> 'to'$'\\033''[31m'\n");
    l = of(false, false);
    add_link(&l, "a", "b");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "a\n");
    l = of(false, true);
    add_link(&l, "a", "b\xe9");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "[\n{\"name\":\"a\",\"type\":\"link\",\"target\":\"b\\ufffd\",\"target_bytes\":"
                              "\"b%E9\",\"mode\":\"777\",\"size\":2,\"mtime\":0.000000000}\n]\n");
}

static void the_longest_names_have_room(void **state)
{
    char name[PATH_TEXT_MAX];
    struct lister l = of(true, true);
    (void)state;
    l.line = count;
    memset(name, '\xff', sizeof name);
    name[sizeof name - 1] = '\0';
    lines = 0;
    add_link(&l, name, name);
    assert_int_equal(lister_end(&l), HX_OK);
    l.json = false;
    add_link(&l, name, name);
    assert_int_equal(lister_end(&l), HX_OK);
    assert_int_equal(lines, 3);
}

static const char *in_order(char order, bool reverse)
{
    struct lister l = of(false, false);
    l.order = order;
    l.reverse = reverse;
    add(&l, 'f', 1, 30, "a");
    add(&l, 'f', 3, 10, "b");
    add(&l, 'f', 2, 20, "c");
    add(&l, 'f', 2, 20, "d");
    assert_int_equal(lister_end(&l), HX_OK);
    return text;
}

static void the_order_is_that_of_ls(void **state)
{
    (void)state;
    assert_string_equal(in_order(0, false), "a\nb\nc\nd\n");
    assert_string_equal(in_order(0, true), "d\nc\nb\na\n");
    assert_string_equal(in_order('t', false), "a\nc\nd\nb\n");
    assert_string_equal(in_order('t', true), "b\nd\nc\na\n");
    assert_string_equal(in_order('S', false), "b\nc\nd\na\n");
}

static void sizes_for_people_are_those_of_ls(void **state)
{
    static const struct {
        int64_t size;
        const char *shown;
    } rows[] = {{0, "0"},
                {1023, "1023"},
                {1024, "1.0K"},
                {1025, "1.1K"},
                {10137, "9.9K"},
                {10138, "10K"},
                {10241, "11K"},
                {1047552, "1023K"},
                {1047553, "1.0M"},
                {INT64_C(4) << 30, "4.0G"},
                {FILE_SIZE_MAX, "4.0E"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[64];
        struct lister l = of(true, false);
        l.human = true;
        add(&l, 'f', rows[i].size, 0, "x");
        assert_int_equal(lister_end(&l), HX_OK);
        snprintf(expected, sizeof expected, "-rwxr-xr-- %s 1970-01-01 00:00 x\n", rows[i].shown);
        assert_string_equal(text, expected);
    }
}

static void what_is_deeper_is_shown_by_its_path_when_that_is_asked_for(void **state)
{
    struct lister l = of(false, false);
    (void)state;
    l.recursive = true;
    add(&l, 'd', 1, 0, "a");
    add(&l, 'f', 1, 0, "a/inside");
    assert_int_equal(lister_end(&l), HX_OK);
    assert_string_equal(text, "a\na/inside\n");
}

static void json_takes_no_utf8_that_is_none(void **state)
{
    static const char *const wrong[] = {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\xe2\x80", "\x80",         "\xff"};
    char out[64];
    bool exact;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t len = json_string(out, wrong[i], &exact);
        assert_false(exact);
        assert_int_equal(len, 2 + JSON_TIMES * strlen(wrong[i]));
    }
    assert_int_equal(json_string(out, "", &exact), 2);
    assert_true(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_what_is_deeper_is_passed_over),
        cmocka_unit_test(details_stand_in_columns),
        cmocka_unit_test(no_time_that_a_peer_tells_is_too_much),
        cmocka_unit_test(a_million_entries_take_no_more_than_ten_thousand),
        cmocka_unit_test(an_error_of_the_output_is_passed_on_and_nothing_is_kept),
        cmocka_unit_test(names_that_a_terminal_obeys_are_quoted),
        cmocka_unit_test(json_is_ascii_and_tells_bytes_that_are_no_text),
        cmocka_unit_test(links_are_shown_with_where_they_lead),
        cmocka_unit_test(the_longest_names_have_room),
        cmocka_unit_test(the_order_is_that_of_ls),
        cmocka_unit_test(sizes_for_people_are_those_of_ls),
        cmocka_unit_test(what_is_deeper_is_shown_by_its_path_when_that_is_asked_for),
        cmocka_unit_test(json_takes_no_utf8_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
