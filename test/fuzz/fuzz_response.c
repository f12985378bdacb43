/* Responses: the cut does not matter, in head and body; nothing is taken twice. The cut's lowest bit also
 * says whether the request was a HEAD. */
#include "base/error.h"
#include "proto/response.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct response_reader *reader;
    struct fuzz_log *log;
    struct fuzz_log head;
    struct fuzz_log body;
    size_t taken;
    int heads;
    int err;
};

static int head_request;

static void on_head_bytes(void *user, const char *data, size_t len)
{
    struct run *r = user;

    FUZZ_CHECK(r->heads == 0 && len > 0);
    fuzz_log_add(&r->head, data, len);
}

static void on_head(void *user, const struct response_head *head)
{
    struct run *r = user;
    char external[ENDPOINT_TEXT_MAX];

    FUZZ_CHECK(++r->heads == 1);
    FUZZ_CHECK((head->status >= 200 && head->status <= 999) || head->status == 101);
    FUZZ_CHECK(head->content_length >= -1 && head->retry_after_s >= -1);
    endpoint_format(&head->external, external);
    fuzz_log_number(r->log, head->status);
    fuzz_log_text(r->log, head->reason);
    fuzz_log_text(r->log, head->content_type);
    fuzz_log_text(r->log, head->boundary);
    fuzz_log_text(r->log, external);
    fuzz_log_number(r->log, head->content_length);
    fuzz_log_number(r->log, head->retry_after_s);
    fuzz_log_text(r->log, head->location);
    fuzz_log_number(r->log, head->chunked);
}

static void on_body(void *user, const char *data, size_t len)
{
    struct run *r = user;

    FUZZ_CHECK(r->heads == 1 && len > 0);
    fuzz_log_add(&r->body, data, len);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    ssize_t n = response_reader_feed(r->reader, data, len);

    FUZZ_CHECK(n <= (ssize_t)len);
    FUZZ_CHECK(r->err == 0 || n == r->err);
    FUZZ_CHECK(n < 0 || n == (ssize_t)len || response_reader_done(r->reader));
    if (n < 0)
        r->err = (int)n;
    else
        r->taken += (size_t)n;
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.log = log};
    struct response_callbacks cb = {on_head_bytes, on_head, on_body, &r};

    FUZZ_CHECK(response_reader_create(&r.reader, head_request, &cb) == HX_OK);
    fuzz_feed(in, step, feed, &r);
    fuzz_log_add(log, r.body.data, r.body.len);
    fuzz_log_number(log, r.err);
    if (r.err == 0) {
        /* Head and body together are no more than what came. */
        FUZZ_CHECK(r.head.len <= in->len && r.body.len <= in->len - r.head.len);
        FUZZ_CHECK(r.head.len == 0 || memcmp(r.head.data, in->data, r.head.len) == 0);
        fuzz_log_number(log, (long long)r.taken);
        fuzz_log_number(log, (long long)r.head.len);
    }
    fuzz_log_number(log, response_reader_finish(r.reader));
    FUZZ_CHECK((response_reader_head(r.reader) != NULL) == (r.heads == 1 && r.err == 0));
    response_reader_destroy(r.reader);
    free(r.head.data);
    free(r.body.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    head_request = size > 1 && (data[1] & 1);
    fuzz_check_cuts(&in, run);
    return 0;
}
