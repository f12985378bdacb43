#include "client/tool/qr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIDE_MAX 200
#define QUIET    2

struct picture {
    int width, height;
    bool white[SIDE_MAX][SIDE_MAX];
};

/* A character of each row and column: "##" or "  ". */
static void read_ascii(struct picture *p, const char *text)
{
    *p = (struct picture){0};
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        p->width = (int)(end - text) / 2;
        for (int x = 0; x < p->width; x++) {
            assert_int_equal(text[2 * x], text[2 * x + 1]);
            p->white[p->height][x] = text[2 * x] == '#';
        }
        p->height++;
    }
    assert_int_equal(*text, 0);
}

/* Two rows in each line. */
static void read_blocks(struct picture *p, const char *text)
{
    static const struct {
        const char *text;
        bool upper, lower;
    } halves[] = {{" ", false, false},
                  {"\xe2\x96\x84", false, true},
                  {"\xe2\x96\x80", true, false},
                  {"\xe2\x96\x88", true, true}};
    int x = 0;
    *p = (struct picture){0};
    while (*text) {
        if (*text == '\n') {
            p->width = x;
            p->height += 2;
            x = 0;
            text++;
            continue;
        }
        size_t i = 0;
        while (strncmp(text, halves[i].text, strlen(halves[i].text)) != 0)
            assert_true(++i < 4);
        p->white[p->height][x] = halves[i].upper;
        p->white[p->height + 1][x++] = halves[i].lower;
        text += strlen(halves[i].text);
    }
}

/* The square that readers look for: dark, white, dark inside. */
static void has_finder(const struct picture *p, int left, int top)
{
    for (int y = 0; y < 7; y++) {
        for (int x = 0; x < 7; x++) {
            bool ring = (x == 1 || x == 5 || y == 1 || y == 5) && x > 0 && x < 6 && y > 0 && y < 6;
            assert_int_equal(p->white[top + y][left + x], ring);
        }
    }
}

static void a_line_is_drawn_with_a_margin_and_three_finders(void **state)
{
    static struct picture p;
    (void)state;
    char *text = qr_lines("hx recv 0123-4567-89ab-cdef-ghjk-vqs3", false, false);
    assert_non_null(text);
    read_ascii(&p, text);
    qr_free(text);
    assert_int_equal(p.width, p.height);
    int side = p.width - 2 * QUIET;
    assert_int_equal(side % 4, 1); /* 17 and 4 for each version */
    assert_true(side >= 21 && p.width <= 40);
    has_finder(&p, QUIET, QUIET);
    has_finder(&p, QUIET + side - 7, QUIET);
    has_finder(&p, QUIET, QUIET + side - 7);
    for (int i = 0; i < p.width; i++)
        assert_true(p.white[0][i] && p.white[i][0] && p.white[p.width - 1][i] && p.white[i][1]);
}

static void blocks_and_letters_draw_the_same(void **state)
{
    static struct picture a, b;
    (void)state;
    char *letters = qr_lines("hx-aaaq-eaye", false, false);
    char *blocks = qr_lines("hx-aaaq-eaye", true, false);
    read_ascii(&a, letters);
    read_blocks(&b, blocks);
    qr_free(letters);
    qr_free(blocks);
    assert_int_equal(b.width, a.width);
    assert_true(b.height == a.height || b.height == a.height + 1);
    for (int y = 0; y < a.height; y++)
        assert_memory_equal(a.white[y], b.white[y], sizeof a.white[y]);
}

static void colours_end_with_each_line(void **state)
{
    (void)state;
    char *text = qr_lines("x", true, true);
    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        assert_memory_equal(line, "\033[40;97m", 8);
        assert_memory_equal(end - 4, "\033[0m", 4);
    }
    qr_free(text);
}

static void what_is_too_long_is_not_drawn(void **state)
{
    static char text[8000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    assert_null(qr_lines(text, true, true));
    qr_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_drawn_with_a_margin_and_three_finders),
        cmocka_unit_test(blocks_and_letters_draw_the_same),
        cmocka_unit_test(colours_end_with_each_line),
        cmocka_unit_test(what_is_too_long_is_not_drawn),
    };
    return cmocka_run_group_tests_name("qr", tests, NULL, NULL);
}
