/* Chunks: the cut does not matter; what is written, in chunks as the cut says, is read back as it was. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/chunk.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct chunk_reader reader;
    struct fuzz_log *log;
    size_t taken;
    int err;
};

static void on_data(void *user, const char *data, size_t len)
{
    struct run *r = user;

    FUZZ_CHECK(len > 0);
    fuzz_log_add(r->log, data, len);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    ssize_t n = chunk_reader_feed(&r->reader, data, len);

    FUZZ_CHECK(n <= (ssize_t)len);
    FUZZ_CHECK(r->err == 0 || n == r->err);
    FUZZ_CHECK(n < 0 || n == (ssize_t)len || chunk_reader_done(&r->reader));
    if (n < 0)
        r->err = (int)n;
    else
        r->taken += (size_t)n;
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.log = log};

    chunk_reader_init(&r.reader, on_data, &r);
    fuzz_feed(in, step, feed, &r);
    FUZZ_CHECK(log->len <= in->len);
    fuzz_log_number(log, r.err);
    if (r.err == 0)
        fuzz_log_number(log, (long long)r.taken);
    fuzz_log_number(log, chunk_reader_done(&r.reader));
}

static void check_written(const struct fuzz_input *in)
{
    struct fuzz_log log = {0};
    struct run r = {.log = &log};
    struct buf out;

    buf_init(&out, 0);
    FUZZ_CHECK(chunk_write(&out, in->data, in->cut) == HX_OK);
    FUZZ_CHECK(chunk_write(&out, in->data + in->cut, in->len - in->cut) == HX_OK);
    FUZZ_CHECK(chunk_write_last(&out) == HX_OK);
    chunk_reader_init(&r.reader, on_data, &r);
    feed(&r, buf_data(&out), out.len);
    FUZZ_CHECK(chunk_reader_done(&r.reader) && r.taken == out.len);
    FUZZ_CHECK(log.len == in->len && memcmp(log.data, in->data, in->len) == 0);
    buf_free(&out);
    free(log.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    fuzz_check_cuts(&in, run);
    if (in.len > 0)
        check_written(&in);
    return 0;
}
