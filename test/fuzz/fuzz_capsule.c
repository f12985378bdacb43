/* Capsules: the cut does not matter, no datagram is longer than it may be, and what is written is read. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/capsule.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct capsule_reader reader;
    struct fuzz_log *log;
    int err;
};

static void on_datagram(void *user, const uint8_t *bytes, size_t len)
{
    struct run *r = user;

    FUZZ_CHECK(r->err == 0 && len <= CAPSULE_DATAGRAM_MAX);
    fuzz_log_number(r->log, (long long)len);
    fuzz_log_add(r->log, bytes, len);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    int err = capsule_reader_feed(&r->reader, data, len);

    FUZZ_CHECK(r->err == 0 || err == r->err);
    r->err = err;
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.log = log};

    capsule_reader_init(&r.reader, on_datagram, &r);
    fuzz_feed(in, step, feed, &r);
    fuzz_log_number(log, r.err);
    fuzz_log_number(log, capsule_reader_between(&r.reader));
}

static void check_written(const struct fuzz_input *in)
{
    struct fuzz_log log = {0};
    struct run r = {.log = &log};
    struct buf out;

    buf_init(&out, 0);
    if (capsule_write(&out, in->data, in->len) == HX_OK) {
        capsule_reader_init(&r.reader, on_datagram, &r);
        feed(&r, buf_data(&out), out.len);
        FUZZ_CHECK(r.err == 0 && capsule_reader_between(&r.reader));
        FUZZ_CHECK(log.len == sizeof(long long) + in->len);
        FUZZ_CHECK(memcmp(log.data + sizeof(long long), in->data, in->len) == 0);
    } else {
        FUZZ_CHECK(in->len > CAPSULE_DATAGRAM_MAX && out.len == 0);
    }
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
