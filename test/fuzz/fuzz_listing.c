/* The listing of a peer's tree: cuts change nothing, and every path that comes out is one that stays
 * beneath. */
#include "client/files/listing.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct listing_reader reader;
    struct fuzz_log *log;
};

static int on_entry(void *user, const struct file_entry *e)
{
    struct run *r = user;
    char line[LISTING_LINE_MAX + 1];
    FUZZ_CHECK(e->path[0] != '\0' && path_check(e->path) == HX_OK && !path_is_part(path_leaf(e->path)));
    FUZZ_CHECK(e->size >= 0 && e->size <= FILE_SIZE_MAX && (e->mode & ~FILE_MODE_MASK) == 0);
    fuzz_log_text(r->log, e->path);
    fuzz_log_number(r->log, e->type);
    fuzz_log_number(r->log, e->size);
    fuzz_log_number(r->log, e->mtime_ns);
    int len = listing_format(line, e);
    FUZZ_CHECK(len == HX_ETOOBIG || (len > 0 && line[len - 1] == '\n'));
    return HX_OK;
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    (void)listing_feed(&r->reader, data, len);
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    static struct run r;
    r.log = log;
    listing_reader_init(&r.reader, on_entry, &r);
    fuzz_feed(in, step, feed, &r);
    FUZZ_CHECK(!r.reader.ended || r.reader.failed != HX_OK || r.reader.len <= sizeof r.reader.line);
    fuzz_log_number(log, r.reader.failed);
    fuzz_log_number(log, r.reader.ended);
    fuzz_log_number(log, (long long)r.reader.entries);
    fuzz_log_number(log, (long long)r.reader.skipped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    fuzz_check_cuts(&in, run);
    return 0;
}
