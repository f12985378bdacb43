/* Transcripts: bytes that were written are read back, whatever the pieces; with secrets left out as many
 * bytes, the same but for '*', and the pieces do not matter; what is read as a text means the same when it is
 * written anew. */
#include "proto/transcript.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct transcript transcript;
    struct transcript_stream open, closed;
    struct buf with, without;
    int64_t at_us;
};

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    struct transcript before = r->transcript;
    r->at_us += 1000;
    FUZZ_CHECK(transcript_write_bytes(&r->transcript, &r->with, &r->open, r->at_us, TRANSCRIPT_SENT, data,
                                      len) == HX_OK);
    FUZZ_CHECK(transcript_write_bytes(&before, &r->without, &r->closed, r->at_us, TRANSCRIPT_SENT, data,
                                      len) == HX_OK);
}

/* Appends what the lines of `text` have; `each` may look at them. */
static void read_all(const struct buf *text, struct buf *bytes)
{
    static struct transcript_line line;
    const char *at = buf_data(text), *end = at + text->len;
    int64_t last_us = 0;
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        FUZZ_CHECK(next && next - at < TRANSCRIPT_LINE_MAX);
        FUZZ_CHECK(transcript_read(&line, at, (size_t)(next - at)) == HX_OK);
        FUZZ_CHECK(line.mark == TRANSCRIPT_SENT || line.mark == TRANSCRIPT_TITLE);
        if (line.mark == TRANSCRIPT_SENT) {
            FUZZ_CHECK(line.at_us >= last_us && buf_append(bytes, line.data, line.len) == HX_OK);
            last_us = line.at_us;
        }
        at = next + 1;
    }
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.open = {.title = "open", .with_secrets = true}, .closed = {.title = "closed"}};
    struct buf with, without;
    buf_init(&r.with, 0);
    buf_init(&r.without, 0);
    buf_init(&with, 0);
    buf_init(&without, 0);
    fuzz_feed(in, step, feed, &r);
    read_all(&r.with, &with);
    read_all(&r.without, &without);
    FUZZ_CHECK(with.len == in->len && without.len == in->len);
    FUZZ_CHECK(in->len == 0 || memcmp(buf_data(&with), in->data, in->len) == 0);
    for (size_t i = 0; i < in->len; i++)
        FUZZ_CHECK(buf_data(&without)[i] == in->data[i] || buf_data(&without)[i] == '*');
    fuzz_log_add(log, buf_data(&without), without.len);
    buf_free(&r.with);
    buf_free(&r.without);
    buf_free(&with);
    buf_free(&without);
}

/* The input is a line of a transcript. */
static void check_line(const char *text, size_t len)
{
    static struct transcript_line line, again;
    int64_t unix_ms;
    if (transcript_read_begin(&unix_ms, text, len) == HX_OK)
        FUZZ_CHECK(transcript_read(&line, text, len) == HX_OK && line.mark == TRANSCRIPT_NOTHING);
    if (transcript_read(&line, text, len) != HX_OK)
        return;
    FUZZ_CHECK(line.len <= TRANSCRIPT_LINE_MAX && line.data[line.len] == '\0' && line.at_us >= 0);
    if (line.mark != TRANSCRIPT_SENT && line.mark != TRANSCRIPT_RECEIVED)
        return;
    struct transcript t = {.begun_us = 0};
    struct transcript_stream s = {.title = "t", .with_secrets = true};
    struct buf out, bytes;
    buf_init(&out, 0);
    buf_init(&bytes, 0);
    FUZZ_CHECK(transcript_write_bytes(&t, &out, &s, line.at_us, line.mark, line.data, line.len) == HX_OK);
    const char *at = buf_data(&out), *end = at + out.len;
    for (const char *next; at < end; at = next + 1) {
        next = memchr(at, '\n', (size_t)(end - at));
        FUZZ_CHECK(transcript_read(&again, at, (size_t)(next - at)) == HX_OK);
        FUZZ_CHECK(again.mark == TRANSCRIPT_TITLE || (again.mark == line.mark && again.at_us == line.at_us));
        if (again.mark != TRANSCRIPT_TITLE)
            FUZZ_CHECK(buf_append(&bytes, again.data, again.len) == HX_OK);
    }
    FUZZ_CHECK(bytes.len == line.len && memcmp(buf_data(&bytes), line.data, line.len) == 0);
    buf_free(&out);
    buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    fuzz_check_cuts(&in, run);
    if (in.data)
        check_line(in.data, in.len);
    return 0;
}
