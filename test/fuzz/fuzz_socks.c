/* SOCKS5: whatever a client says, and however it is cut, is answered alike; a target that comes out is
 * one. */
#include "client/forward/socks.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct socks socks;
    struct fuzz_log *log;
};

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    while (len > 0 && socks_want(&r->socks) > 0) {
        size_t n = socks_want(&r->socks);
        FUZZ_CHECK(n <= SOCKS_FIELD_MAX);
        if (n > len)
            n = len;
        socks_feed(&r->socks, (const uint8_t *)data, n);
        FUZZ_CHECK(r->socks.out_len <= SOCKS_REPLY_MAX);
        fuzz_log_add(r->log, r->socks.out, r->socks.out_len);
        data += n;
        len -= n;
    }
}

static void check_target(const struct authority *target, struct fuzz_log *log)
{
    char text[AUTHORITY_TEXT_MAX], again[AUTHORITY_TEXT_MAX];
    struct authority back;
    size_t len = authority_format(target, text);
    FUZZ_CHECK(len < sizeof text && len == strlen(text));
    FUZZ_CHECK(authority_parse(&back, text) == HX_OK);
    FUZZ_CHECK(authority_matches(target, &back));
    FUZZ_CHECK(authority_format(&back, again) == len && strcmp(text, again) == 0);
    fuzz_log_text(log, text);
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.log = log};
    socks_init(&r.socks);
    fuzz_feed(in, step, feed, &r);
    fuzz_log_number(log, r.socks.state);
    if (r.socks.state == SOCKS_DONE && r.socks.udp) /* a hint, which may be none */
        fuzz_log_text(log, r.socks.target.host);
    else if (r.socks.state == SOCKS_DONE)
        check_target(&r.socks.target, log);
    if (r.socks.state == SOCKS_FAILED)
        fuzz_log_text(log, r.socks.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    fuzz_check_cuts(&in, run);
    return 0;
}
