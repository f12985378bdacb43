/* Any text as what a peer says of itself: cut anywhere it is read alike, and neither people nor JSON's readers are
 * shown anything but printable ASCII. */
#include "base/error.h"
#include "client/tool/info.h"
#include "client/tool/info_words.h"
#include "test/fuzz/fuzz.h"
#include <stdbool.h>

struct run {
    struct info_reader reader;
    struct info_words words;
    struct fuzz_log *log;
    int err;
};

static int on_line(void *user, const char *key, const char *value)
{
    struct run *r = user;
    fuzz_log_text(r->log, key);
    fuzz_log_text(r->log, value);
    return info_words_take(&r->words, key, value);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    if (r->err == HX_OK)
        r->err = info_feed(&r->reader, data, len);
}

static void check_shown(const struct info_words *w, int (*print)(const struct info_words *w, struct buf *out))
{
    struct buf out;
    buf_init(&out, 0);
    FUZZ_CHECK(print(w, &out) == HX_OK);
    for (size_t i = 0; i < out.len; i++) {
        char c = buf_data(&out)[i];
        FUZZ_CHECK(c == '\n' || (c >= ' ' && c <= '~'));
    }
    buf_free(&out);
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.reader = {.on_line = on_line, .user = &r}, .log = log};
    info_words_init(&r.words, "peer");
    fuzz_feed(in, step, feed, &r);
    FUZZ_CHECK(r.err == HX_OK || r.err == HX_EPROTO);
    if (r.err == HX_OK)
        r.err = info_feed_end(&r.reader);
    fuzz_log_number(log, r.err);
    check_shown(&r.words, info_words_print);
    check_shown(&r.words, info_words_json);
    info_words_free(&r.words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    setenv("LC_ALL", "C", 1);
    struct fuzz_input in = fuzz_input(data, size);
    fuzz_check_cuts(&in, run);
    return 0;
}
