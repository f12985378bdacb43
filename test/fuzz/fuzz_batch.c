/* Both sides of a batch: cuts change nothing, every path that comes out is one that stays beneath, and
 * answers say what fits. */
#include "client/files/batch.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct batch_input in;
    struct fuzz_log *log;
    bool answers; /* else questions */
    size_t bytes; /* that were expected, and are whole now */
    bool failed;
};

static size_t question(struct run *r)
{
    char line[LISTING_LINE_MAX + 1];
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    r->failed = batch_parse(&e, path, r->in.line) < 0;
    if (r->failed)
        return 0;
    FUZZ_CHECK(path_check(e.path) == HX_OK && !path_is_part(path_leaf(e.path)));
    FUZZ_CHECK(e.size >= 0 && e.size <= FILE_SIZE_MAX && (e.mode & ~FILE_MODE_MASK) == 0);
    fuzz_log_text(r->log, e.path);
    fuzz_log_number(r->log, e.type);
    fuzz_log_number(r->log, e.size);
    int len = listing_format(line, &e);
    FUZZ_CHECK(len == HX_ETOOBIG || (len > 0 && line[len - 1] == '\n'));
    return e.type == 'p' && e.size <= BATCH_FILE_MAX ? (size_t)e.size + DIGEST_BYTES : 0;
}

static size_t answer(struct run *r)
{
    char line[BATCH_ANSWER_MAX + 1];
    struct batch_answer a;
    r->failed = batch_parse_answer(&a, r->in.line) < 0;
    if (r->failed)
        return 0;
    FUZZ_CHECK(a.status >= 100 && a.status <= 599 && a.bytes >= 0 && a.bytes <= BATCH_BYTES_MAX);
    fuzz_log_text(r->log, a.reason);
    fuzz_log_number(r->log, a.status);
    fuzz_log_number(r->log, a.bytes);
    int len = batch_format_answer(line, &a);
    FUZZ_CHECK(len > 0 && len <= BATCH_ANSWER_MAX && line[len - 1] == '\n');
    return (size_t)a.bytes;
}

static void whole(struct run *r)
{
    if (r->bytes > 0) {
        fuzz_log_add(r->log, r->in.bytes, r->bytes);
        r->bytes = 0;
        return;
    }
    r->bytes = r->answers ? answer(r) : question(r);
    if (r->bytes > 0)
        batch_input_expect(&r->in, r->bytes);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    int err = HX_OK;
    while (err == HX_OK && !r->failed) {
        err = batch_input_feed(&r->in, &data, &len);
        if (err == HX_OK)
            whole(r);
    }
    FUZZ_CHECK(err != HX_EAGAIN || len == 0);
    r->failed = r->failed || err == HX_EPROTO;
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    static struct run r;
    static uint8_t *bytes; /* a megabyte, which no run needs to have of its own */
    if (!bytes) {
        FUZZ_CHECK(batch_input_init(&r.in) == HX_OK);
        bytes = r.in.bytes;
    }
    r = (struct run){
        .in.bytes = bytes, .log = log, .answers = in->len > 0 && in->data[0] >= '0' && in->data[0] <= '9'};
    fuzz_feed(in, step, feed, &r);
    fuzz_log_number(log, r.failed);
    fuzz_log_number(log, !r.failed && batch_input_empty(&r.in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    fuzz_check_cuts(&in, run);
    return 0;
}
