/* test/fuzz/fuzz.h: what the fuzzers share. A fuzzer's first two bytes say where to cut its input in two. */
#ifndef HX_TEST_FUZZ_H
#define HX_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CUT_BYTES 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                       \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* What a parser said about its input, to be compared; grows as needed. */
struct fuzz_log {
    char *data;
    size_t len;
    size_t cap;
};

static inline void fuzz_log_add(struct fuzz_log *log, const void *data, size_t len)
{
    if (log->cap - log->len < len) {
        log->cap = 2 * (log->len + len);
        log->data = realloc(log->data, log->cap);
        FUZZ_CHECK(log->data);
    }
    if (len > 0)
        memcpy(log->data + log->len, data, len);
    log->len += len;
}

/* With the NUL, so that what follows cannot make two logs equal by chance. */
static inline void fuzz_log_text(struct fuzz_log *log, const char *text)
{
    fuzz_log_add(log, text, strlen(text) + 1);
}

static inline void fuzz_log_number(struct fuzz_log *log, long long number)
{
    fuzz_log_add(log, &number, sizeof number);
}

struct fuzz_input {
    const char *data; /* behind the cut's bytes */
    size_t len;
    size_t cut; /* 0 to len */
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {0};

    if (size < FUZZ_CUT_BYTES)
        return in;
    in.data = (const char *)data + FUZZ_CUT_BYTES;
    in.len = size - FUZZ_CUT_BYTES;
    in.cut = ((size_t)data[0] << 8 | data[1]) % (in.len + 1);
    return in;
}

/* Each piece in memory of its own, gone after the call: reading past it, or later, is seen. */
static inline void fuzz_feed_piece(const char *data, size_t len,
                                   void (*feed)(void *user, const char *data, size_t len), void *user)
{
    char *copy = malloc(len ? len : 1);

    FUZZ_CHECK(copy);
    memcpy(copy, data, len);
    feed(user, copy, len);
    free(copy);
}

/* Runs the parser over the input whole, cut in two, and byte by byte (`step` 1), and checks that the logs are
 * equal. `run` begins anew, feeds [0,cut) and then the rest in pieces of `step` bytes, and logs. */
static inline void fuzz_check_cuts(const struct fuzz_input *in,
                                   void (*run)(const struct fuzz_input *in, size_t step,
                                               struct fuzz_log *log))
{
    struct fuzz_log whole = {0}, cut = {0}, bytes = {0};
    struct fuzz_input uncut = {in->data, in->len, in->len};

    run(&uncut, in->len + 1, &whole);
    run(in, in->len + 1, &cut);
    FUZZ_CHECK(whole.len == cut.len && (whole.len == 0 || memcmp(whole.data, cut.data, cut.len) == 0));
    run(in, 1, &bytes);
    FUZZ_CHECK(whole.len == bytes.len && (whole.len == 0 || memcmp(whole.data, bytes.data, bytes.len) == 0));
    free(whole.data);
    free(cut.data);
    free(bytes.data);
}

/* For `run`: the pieces of which fuzz_check_cuts() speaks. */
static inline void fuzz_feed(const struct fuzz_input *in, size_t step,
                             void (*feed)(void *user, const char *data, size_t len), void *user)
{
    if (in->cut > 0)
        fuzz_feed_piece(in->data, in->cut, feed, user);
    for (size_t at = in->cut; at < in->len; at += step)
        fuzz_feed_piece(in->data + at, step < in->len - at ? step : in->len - at, feed, user);
}

#endif
