/* Any bytes as values of a line of the log: as JSON it is one object, as logfmt one line of printable ASCII,
 * and none is longer than it may be. */
#include "server/log_line.h"
#include "test/fuzz/fuzz.h"
#include "test/unit/json_check.h"

static void check(const struct fuzz_input *in, enum log_format format)
{
    struct log_line l;
    char *first = strndup(in->data ? in->data : "", in->cut);
    char *second = strndup(in->data ? in->data + in->cut : "", in->len - in->cut);

    FUZZ_CHECK(first && second);
    log_line_begin(&l, format, "");
    log_line_text(&l, "event", "left");
    log_line_text(&l, "name", first);
    log_line_number(&l, "ms", "-1");
    log_line_text(&l, "reason", second);
    log_line_end(&l);
    FUZZ_CHECK(l.len > 0 && l.len <= LOG_LINE_MAX && l.text[l.len - 1] == '\n');
    if (format == LOG_JSON)
        FUZZ_CHECK(json_is_flat_object(l.text, l.len - 1));
    for (size_t i = 0; i + 1 < l.len; i++)
        FUZZ_CHECK(l.text[i] >= ' ' && l.text[i] <= '~');
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    check(&in, LOG_LOGFMT);
    check(&in, LOG_JSON);
    return 0;
}
