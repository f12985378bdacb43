#include "client/files/listing.h"
#include "client/files/path.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* needs those above */

struct seen {
    int count;
    struct file_entry last;
    char path[PATH_TEXT_MAX];
};

static int on_entry(void *user, const struct file_entry *e)
{
    struct seen *s = user;
    s->count++;
    s->last = *e;
    snprintf(s->path, sizeof s->path, "%s", e->path);
    return HX_OK;
}

/* Whole, and a byte at a time. */
static int feed(const char *text, struct seen *seen, bool *ended)
{
    static struct listing_reader r;
    struct seen twice;
    memset(seen, 0, sizeof *seen);
    memset(&twice, 0, sizeof twice);
    listing_reader_init(&r, on_entry, &twice);
    for (size_t i = 0; text[i]; i++)
        (void)listing_feed(&r, text + i, 1);
    int bytewise = r.failed;
    listing_reader_init(&r, on_entry, seen);
    int err = listing_feed(&r, text, strlen(text));
    assert_int_equal(err, bytewise);
    assert_int_equal(seen->count, twice.count);
    *ended = r.ended;
    return err;
}

static void what_is_written_is_read_again(void **state)
{
    static const char *const paths[] = {"a", "a/b c", "\xff\x01\n %/..x", "...", "~-._"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[2 * LISTING_LINE_MAX];
        struct seen s;
        bool ended;
        struct file_entry e = {
            .type = 'f', .mode = 0640, .size = FILE_SIZE_MAX, .mtime_ns = INT64_MIN + 1, .path = paths[i]};
        int len = listing_format(text, &e);
        assert_true(len > 0);
        listing_format_end(text + len, 1, 0);
        assert_int_equal(feed(text, &s, &ended), HX_OK);
        assert_true(ended);
        assert_int_equal(s.count, 1);
        assert_int_equal(s.last.mode, e.mode);
        assert_int_equal(s.last.size, e.size);
        assert_int_equal(s.last.mtime_ns, e.mtime_ns);
        assert_string_equal(s.path, e.path);
    }
}

static void a_listing_without_its_last_line_is_not_whole(void **state)
{
    struct seen s;
    bool ended;
    (void)state;
    assert_int_equal(feed("f 644 1 1 a\n. 1 0", &s, &ended), HX_OK);
    assert_false(ended);
    assert_int_equal(feed(". 0 7\n", &s, &ended), HX_OK);
    assert_true(ended);
}

static void malformed_lines_are_refused(void **state)
{
    static const char *const bad[] = {"\n",
                                      " \n",
                                      "f\n",
                                      "f 644 1 1\n",
                                      "f 644 1 1 a b\n",
                                      "f  644 1 1 a\n",
                                      "ff 644 1 1 a\n",
                                      "x 644 1 1 a\n",
                                      "f 0644 1 1 a\n",
                                      "f 648 1 1 a\n",
                                      "f 644 +1 1 a\n",
                                      "f 644 1 1e3 a\n",
                                      "f 644 1 -9223372036854775808 a\n",
                                      "f 644 1 - a\n",
                                      "f 644 1 1 a/\n",
                                      "f 644 1 1 /a\n",
                                      "f 644 1 1 .\n",
                                      "f 644 1 1 a%\n",
                                      "f 644 1 1 \xc3\xbc\n",
                                      ". 1 0\n",
                                      ". 0\n",
                                      ". 0 -1\n",
                                      "s 000 0 0 a\n. 0 0\n"};
    struct seen s;
    bool ended;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(feed(bad[i], &s, &ended), HX_EPROTO);
        assert_false(ended);
    }
}

static void a_line_may_not_be_endless(void **state)
{
    static struct listing_reader r;
    static char line[2 * LISTING_LINE_MAX];
    struct seen s;
    (void)state;
    memset(line, 'f', sizeof line);
    listing_reader_init(&r, on_entry, &s);
    assert_int_equal(listing_feed(&r, line, LISTING_LINE_MAX), HX_OK);
    assert_int_equal(listing_feed(&r, line, 1), HX_EPROTO);
    assert_int_equal(listing_feed(&r, "\n", 1), HX_EPROTO); /* it stays failed */
    listing_reader_init(&r, on_entry, &s);
    assert_int_equal(listing_feed(&r, "f 644 1 1 a\0b\n", 14), HX_EPROTO);
}

static void paths_are_cleaned_as_people_write_them(void **state)
{
    static const struct {
        const char *written, *clean; /* NULL: refused */
        bool slash;
    } cases[] = {
        {"", "", false},           {".", "", true},     {"./", "", true},    {"a", "a", false},
        {"a/", "a", true},         {"a//", "a", true},  {"a/.", "a", true},  {"./a/./b//c", "a/b/c", false},
        {"a/..b", "a/..b", false}, {"/a", NULL, false}, {"..", NULL, false}, {"a/../b", NULL, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[PATH_TEXT_MAX];
        bool slash = false;
        int err = path_clean(out, cases[i].written, &slash);
        assert_int_equal(err, cases[i].clean ? HX_OK : HX_EINVAL);
        if (!cases[i].clean)
            continue;
        assert_string_equal(out, cases[i].clean);
        assert_int_equal(slash, cases[i].slash);
    }
}

static void a_path_of_any_length_is_bounded(void **state)
{
    static char text[3 * PATH_TEXT_MAX];
    static char out[PATH_TEXT_MAX];
    bool slash;
    (void)state;
    for (size_t len = PATH_TEXT_MAX - 600; len < PATH_TEXT_MAX + 600; len++) {
        memset(text, 'x', len);
        for (size_t i = 250; i < len; i += 251)
            text[i] = '/';
        text[len] = '\0';
        if (text[len - 1] == '/')
            continue;
        int expected = len < PATH_TEXT_MAX ? HX_OK : HX_ETOOBIG;
        assert_int_equal(path_decode(out, text, len), expected);
        assert_int_equal(path_clean(out, text, &slash), expected);
        assert_int_equal(path_check(text), expected);
    }
}

static void names_of_parts_fit_and_are_told_apart(void **state)
{
    char name[PATH_NAME_MAX + 1];
    char other[PATH_NAME_MAX + 1];
    char part[PATH_NAME_MAX + 1];
    (void)state;
    memset(name, 'n', PATH_NAME_MAX);
    name[PATH_NAME_MAX] = '\0';
    assert_int_equal(path_part_name(part, name, 1, 2), HX_OK);
    assert_true(path_is_part(part));
    assert_int_equal(path_check(part), HX_OK);
    name[PATH_NAME_MAX - 1] = 'm'; /* where the part's name is cut already */
    assert_int_equal(path_part_name(other, name, 1, 2), HX_OK);
    assert_string_not_equal(part, other);
    assert_int_equal(path_part_name(part, "f", 1, 2), HX_OK);
    assert_int_equal(path_part_name(other, "f", 2, 2), HX_OK);
    assert_string_not_equal(part, other);
    assert_int_equal(path_part_name(other, "f", 1, 3), HX_OK);
    assert_string_not_equal(part, other);
    assert_int_equal(strncmp(part, ".f.hx-part-", 11), 0);
    assert_false(path_is_part(".f.hx-part-0123456789abcde"));
    assert_false(path_is_part("f.hx-part-0123456789abcdef"));
    assert_false(path_is_part(".f.hx-part-0123456789abcdeF"));
    assert_false(path_is_part(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_listing_without_its_last_line_is_not_whole),
        cmocka_unit_test(malformed_lines_are_refused),
        cmocka_unit_test(a_line_may_not_be_endless),
        cmocka_unit_test(paths_are_cleaned_as_people_write_them),
        cmocka_unit_test(a_path_of_any_length_is_bounded),
        cmocka_unit_test(names_of_parts_fit_and_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
