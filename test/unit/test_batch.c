#include "client/files/batch.h"
#include "cuts.h"

static void what_is_to_be_done_is_read_as_it_was_written(void **state)
{
    static const char *const paths[] = {"a", "a/b c", "\xff\x01\n %/..x", "..."};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        for (const char *letter = "dapgh"; *letter; letter++) {
            char line[LISTING_LINE_MAX + 1];
            char path[PATH_TEXT_MAX];
            struct file_entry read;
            struct file_entry e = {
                .type = *letter, .mode = 0640, .size = 12345, .mtime_ns = INT64_MIN + 1, .path = paths[i]};
            int len = listing_format(line, &e);
            assert_true(len > 0);
            line[len - 1] = '\0';
            assert_int_equal(batch_parse(&read, path, line), HX_OK);
            assert_int_equal(read.type, *letter);
            assert_int_equal(read.mode, e.mode);
            assert_int_equal(read.size, e.size);
            assert_int_equal(read.mtime_ns, e.mtime_ns);
            assert_string_equal(path, e.path);
        }
    }
}

static void lines_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "p",
                                      "p 644 1 1",
                                      "p 644 1 1 a b",
                                      "f 644 1 1 a",
                                      "s 644 1 1 a",
                                      "pp 644 1 1 a",
                                      "p 0644 1 1 a",
                                      "p 4755 1 1 a",
                                      "p 644 -1 1 a",
                                      "p 644 x 1 a",
                                      "p 644 1 1e3 a",
                                      "p 644 99999999999999999999 1 a",
                                      ". 1 0"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64];
        char path[PATH_TEXT_MAX];
        struct file_entry e;
        snprintf(line, sizeof line, "%s", bad[i]);
        assert_int_equal(batch_parse(&e, path, line), HX_EPROTO);
    }
}

/* Only that one thing fails: the others of the batch are well. */
static void a_path_that_is_none_is_told_from_a_line_that_is_none(void **state)
{
    static const char *const bad[] = {"..",
                                      "../a",
                                      "a/../b",
                                      "/a",
                                      "a//b",
                                      "a/",
                                      "%2e%2e",
                                      "a%2fb",
                                      "a%00",
                                      "\xc3\xbc",
                                      ".a.hx-part-0123456789abcdef",
                                      "d/.a.hx-part-0123456789abcdef"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64];
        char path[PATH_TEXT_MAX];
        struct file_entry e;
        snprintf(line, sizeof line, "p 644 7 1 %s", bad[i]);
        assert_int_equal(batch_parse(&e, path, line), HX_OK);
        assert_string_equal(e.path, "");
        assert_int_equal(e.size, 7);
    }
}

static void answers_are_read_as_they_were_written(void **state)
{
    char line[BATCH_ANSWER_MAX + 1];
    char endless[2 * BATCH_ANSWER_MAX];
    struct batch_answer a = {.status = 404, .bytes = BATCH_BYTES_MAX, .reason = "does not\x1b[2J exist\n"};
    (void)state;
    int len = batch_format_answer(line, &a);
    assert_string_equal(line, "404 1048608 does not?[2J exist?\n");
    line[len - 1] = '\0';
    assert_int_equal(batch_parse_answer(&a, line), HX_OK);
    assert_int_equal(a.status, 404);
    assert_int_equal(a.bytes, BATCH_BYTES_MAX);
    assert_string_equal(a.reason, "does not?[2J exist?");
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    a.reason = endless;
    assert_int_equal(batch_format_answer(line, &a), BATCH_ANSWER_MAX);
    assert_int_equal(line[BATCH_ANSWER_MAX - 1], '\n');
}

static void answers_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "",         "200",         "200 0",      "20 0 x",         "2000 0 x", "099 0 x",
        "600 0 x",  "200 -1 x",    "200  x",     "200 1048609 x",  "abc 0 x",  "200 0x1 x",
        " 200 0 x", "200 0 \x1b[", "200 0 \x7f", "200 0 \xc3\xbc", "+20 0 x"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64];
        struct batch_answer a;
        snprintf(line, sizeof line, "%s", bad[i]);
        assert_int_equal(batch_parse_answer(&a, line), HX_EPROTO);
    }
}

/* As both sides do: lines; a 'p' is followed by its bytes. */
struct reader {
    struct batch_input in;
    struct account *account;
    bool content, failed;
};

static void whole(struct reader *r)
{
    struct file_entry e;
    char path[PATH_TEXT_MAX];
    if (r->content) {
        account_add(r->account, "%.3s;", (const char *)r->in.bytes);
        r->content = false;
    } else if (batch_parse(&e, path, r->in.line) < 0) {
        r->failed = true;
    } else {
        account_add(r->account, "%c %s;", e.type, path);
        r->content = e.type == 'p';
        if (r->content)
            batch_input_expect(&r->in, (size_t)e.size);
    }
}

static void feed(void *user, const char *data, size_t len)
{
    struct reader *r = user;
    int err = HX_OK;
    while (err == HX_OK && !r->failed) {
        err = batch_input_feed(&r->in, &data, &len);
        if (err == HX_OK)
            whole(r);
    }
    r->failed = r->failed || err == HX_EPROTO;
}

static void run(const struct cuts *c, struct account *a)
{
    static struct reader r;
    r = (struct reader){.account = a};
    assert_int_equal(batch_input_init(&r.in), HX_OK);
    feed_cuts(c, feed, &r);
    account_add(a, r.failed ? "failed" : batch_input_empty(&r.in) ? "at an end" : "in the midst");
    batch_input_free(&r.in);
}

static void a_body_is_read_the_same_wherever_it_is_cut(void **state)
{
    static const char body[] =
        "d 755 0 1 d\np 644 3 1 d/f\nab\ng 000 5 1 d/g\np 644 3 1 d/h\nxyzh 000 1 1 d/f\n";
    (void)state;
    check_every_cut_of(body, sizeof body - 1, "d d;p d/f;ab\n;g d/g;p d/h;xyz;h d/f;at an end", run);
    check_every_cut_of(body, sizeof body - 2, "d d;p d/f;ab\n;g d/g;p d/h;xyz;in the midst", run);
    check_every_cut_of(body, 59, "d d;p d/f;ab\n;g d/g;p d/h;in the midst", run);
    check_every_cut_of("d 755 0 1 d\nx\n", 14, "d d;failed", run);
    check_every_cut_of("d 755 0 1 d\0\n", 13, "failed", run);
}

static void a_line_may_not_be_endless(void **state)
{
    struct batch_input in;
    char *line = repeated('d', 2 * LISTING_LINE_MAX);
    const char *at = line;
    size_t len = LISTING_LINE_MAX - 1;
    (void)state;
    assert_int_equal(batch_input_init(&in), HX_OK);
    assert_int_equal(batch_input_feed(&in, &at, &len), HX_EAGAIN);
    len = 1;
    assert_int_equal(batch_input_feed(&in, &at, &len), HX_EPROTO);
    batch_input_free(&in);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_to_be_done_is_read_as_it_was_written),
        cmocka_unit_test(lines_that_are_none_are_refused),
        cmocka_unit_test(a_path_that_is_none_is_told_from_a_line_that_is_none),
        cmocka_unit_test(answers_are_read_as_they_were_written),
        cmocka_unit_test(answers_that_are_none_are_refused),
        cmocka_unit_test(a_body_is_read_the_same_wherever_it_is_cut),
        cmocka_unit_test(a_line_may_not_be_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
