#include "client/run/frames.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

/* What a reader was given of each type. */
struct told {
    uint8_t bytes[5][64];
    size_t len[5];
    size_t most; /* taken at once; 0: none */
};

static ssize_t take(void *user, enum frame_type type, const uint8_t *data, size_t len)
{
    struct told *t = user;
    if (len > t->most)
        len = t->most;
    memcpy(t->bytes[type] + t->len[type], data, len);
    t->len[type] += len;
    return (ssize_t)len;
}

static struct frame_reader reader(struct told *t)
{
    return (struct frame_reader){
        .take = take, .user = t, .types = 1U << FRAME_OUTPUT | 1U << FRAME_ERRORS | 1U << FRAME_EXIT};
}

static const uint8_t frames[] = "\2\0\5hello"
                                "\3\0\3err"
                                "\2\0\0"
                                "\x63\0\4what" /* of no type that there is */
                                "\0\0\2no"     /* not for this reader */
                                "\2\0\1!"
                                "\4\0\1\x07";
#define FRAMES_LEN (sizeof frames - 1)

static void check_told(const struct told *t)
{
    assert_int_equal(t->len[FRAME_OUTPUT], 6);
    assert_memory_equal(t->bytes[FRAME_OUTPUT], "hello!", 6);
    assert_int_equal(t->len[FRAME_ERRORS], 3);
    assert_memory_equal(t->bytes[FRAME_ERRORS], "err", 3);
    assert_int_equal(t->len[FRAME_EXIT], 1);
    assert_int_equal(t->bytes[FRAME_EXIT][0], 7);
    assert_int_equal(t->len[FRAME_INPUT] + t->len[FRAME_WINDOW], 0);
}

static void frames_are_read_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= FRAMES_LEN; cut++) {
        struct told t = {.most = 64};
        struct frame_reader r = reader(&t);
        assert_int_equal(frame_feed(&r, frames, cut), cut);
        assert_int_equal(frame_feed(&r, frames + cut, FRAMES_LEN - cut), FRAMES_LEN - cut);
        check_told(&t);
    }
}

static void who_takes_a_byte_at_once_gets_all_of_them(void **state)
{
    struct told t = {.most = 1};
    struct frame_reader r = reader(&t);
    size_t used = 0;
    (void)state;
    for (int i = 0; i < 100 && used < FRAMES_LEN; i++) {
        ssize_t n = frame_feed(&r, frames + used, FRAMES_LEN - used);
        assert_true(n > 0);
        used += (size_t)n;
    }
    check_told(&t);
}

static void who_takes_nothing_is_asked_again(void **state)
{
    struct told t = {.most = 0};
    struct frame_reader r = reader(&t);
    (void)state;
    assert_int_equal(frame_feed(&r, frames, FRAMES_LEN), FRAME_HEAD);
    assert_int_equal(frame_feed(&r, frames + FRAME_HEAD, FRAMES_LEN - FRAME_HEAD), 0);
    t.most = 64;
    assert_int_equal(frame_feed(&r, frames + FRAME_HEAD, FRAMES_LEN - FRAME_HEAD), FRAMES_LEN - FRAME_HEAD);
    check_told(&t);
}

static void an_exit_has_one_byte_and_a_window_four(void **state)
{
    struct told t = {.most = 64};
    struct frame_reader r = reader(&t);
    (void)state;
    assert_int_equal(frame_feed(&r, (const uint8_t *)"\4\0\2\0\0", 5), HX_EPROTO);
    r = reader(&t);
    assert_int_equal(frame_feed(&r, (const uint8_t *)"\4\0\0", 3), HX_EPROTO);
    r = reader(&t);
    r.types = 1U << FRAME_WINDOW;
    assert_int_equal(frame_feed(&r, (const uint8_t *)"\1\xff\xff", 3), HX_EPROTO);
}

static void a_window_is_read_as_it_was_written(void **state)
{
    uint8_t bytes[FRAME_CONTROL_MAX];
    struct window w = {.columns = 300, .rows = 24};
    (void)state;
    frame_window(bytes, &w);
    w = frame_window_read(bytes);
    assert_int_equal(w.columns, 300);
    assert_int_equal(w.rows, 24);
    assert_int_equal(window_parse(&w, "80x25"), HX_OK);
    assert_int_equal(w.columns * 1000 + w.rows, 80025);
    static const char *const bad[] = {"",       "x",    "80",       "80x",          "x25",
                                      "80x25x", "-1x5", "80x65536", "99999999999x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(window_parse(&w, bad[i]), HX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_read_however_they_are_cut),
        cmocka_unit_test(who_takes_a_byte_at_once_gets_all_of_them),
        cmocka_unit_test(who_takes_nothing_is_asked_again),
        cmocka_unit_test(an_exit_has_one_byte_and_a_window_four),
        cmocka_unit_test(a_window_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
