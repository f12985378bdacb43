/* The upgrade's answer: the cut does not matter, nothing behind the head is taken, and what is told can be
 * shown. And targets, which are no longer than there is room. */
#include "proto/upgrade.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct upgrade_reader *reader;
    enum upgrade_result result;
    size_t taken;
};

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    size_t used;

    if (r->result != UPGRADE_MORE)
        return;
    r->result = upgrade_reader_feed(r->reader, data, len, &used);
    FUZZ_CHECK(used <= len && (r->result != UPGRADE_MORE || used == len));
    r->taken += used;
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.reader = upgrade_reader_create()};

    FUZZ_CHECK(r.reader);
    fuzz_feed(in, step, feed, &r);
    FUZZ_CHECK(r.taken <= UPGRADE_HEAD_MAX);
    fuzz_log_number(log, (long long)r.result);
    if (r.result == UPGRADE_DONE)
        fuzz_log_number(log, (long long)r.taken);
    const char *text = upgrade_reader_text(r.reader);
    FUZZ_CHECK(strlen(text) <= UPGRADE_TEXT_MAX);
    for (const char *at = text; *at; at++)
        FUZZ_CHECK(*at >= ' ' && *at <= '~');
    if (r.result == UPGRADE_REFUSED) {
        fuzz_log_number(log, upgrade_reader_status(r.reader));
        fuzz_log_text(log, text);
    }
    upgrade_reader_destroy(r.reader);
}

static void check_target(const struct fuzz_input *in)
{
    struct upgrade_target t;

    if (in->len == 0 || !upgrade_target_parse(&t, in->data, in->len))
        return;
    FUZZ_CHECK(t.port != 0 && t.host[0] != '\0' && strlen(t.host) <= UPGRADE_HOST_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    fuzz_check_cuts(&in, run);
    check_target(&in);
    return 0;
}
