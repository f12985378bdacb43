/* test/unit/cuts.h: gives a parser the same bytes whole, byte by byte, and cut in two at each byte, and
 * checks that its account of them is always the same. Brings cmocka. */
#ifndef HX_TEST_CUTS_H
#define HX_TEST_CUTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs those above */

#define CUTS_DENSE_MAX 3000 /* bytes; longer inputs are cut at every 61st byte only */

/* What a parser said, as text. */
struct account {
    size_t len;
    char text[8192];
};

__attribute__((format(printf, 2, 3))) static inline void account_add(struct account *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(a->text + a->len, sizeof a->text - a->len, fmt, args);
    va_end(args);
    a->len += (size_t)n;
    assert_true(a->len < sizeof a->text);
}

struct cuts {
    const char *data;
    size_t len;
    size_t first; /* bytes of the first piece */
    size_t piece; /* bytes of each later one */
};

/* Each piece lies in memory of its own, so that reading past it is seen, and is gone after the call. */
static inline void feed_cuts(const struct cuts *c, void (*feed)(void *user, const char *data, size_t len),
                             void *user)
{
    size_t n = c->first;
    for (size_t at = 0; at < c->len; at += n, n = c->piece) {
        if (n > c->len - at)
            n = c->len - at;
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, c->data + at, n);
        feed(user, copy, n);
        free(copy);
    }
}

/* `run` starts a parser anew, feeds it through feed_cuts() and adds to the account. */
static inline void check_every_cut_of(const char *data, size_t len, const char *expected,
                                      void (*run)(const struct cuts *c, struct account *a))
{
    static struct account a;
    size_t step = len > CUTS_DENSE_MAX ? 61 : 1;

    for (size_t first = 0; first <= len; first += step) {
        struct cuts c = {data, len, first ? first : 1, first ? len : 1}; /* 0: byte by byte */
        a.len = 0;
        a.text[0] = '\0';
        run(&c, &a);
        if (strcmp(a.text, expected) != 0)
            fail_msg("cut at %zu of %zu: expected\n%s\ngot\n%s", first, len, expected, a.text);
    }
    struct cuts whole = {data, len, len, len};
    a.len = 0;
    a.text[0] = '\0';
    run(&whole, &a);
    assert_string_equal(a.text, expected);
}

/* `len` times `c`, NUL-terminated; the caller frees it. */
static inline char *repeated(char c, size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, c, len);
    text[len] = '\0';
    return text;
}

#endif
