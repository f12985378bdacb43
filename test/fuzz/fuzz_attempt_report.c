/* Reports of attempts: what is taken is written in a form that is taken again, for the same. */
#include "base/error.h"
#include "proto/attempt_report.h"
#include "test/fuzz/fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attempt_report r, again;
    char text[ATTEMPT_REPORT_MAX], text_again[ATTEMPT_REPORT_MAX];
    int err = attempt_report_parse(&r, (const char *)data, size);
    FUZZ_CHECK(err == HX_OK || err == HX_EPROTO);
    if (err < 0)
        return 0;
    FUZZ_CHECK(r.outcome < ATTEMPT_OUTCOMES && r.reason < ATTEMPT_REASONS);
    FUZZ_CHECK(r.ms >= 0 && r.ms <= ATTEMPT_NUMBER_MAX && strlen(r.session) < ATTEMPT_SESSION_MAX);
    size_t len = attempt_report_write(&r, text);
    FUZZ_CHECK(len < sizeof text && len == strlen(text));
    FUZZ_CHECK(attempt_report_parse(&again, text, len) == HX_OK);
    attempt_report_write(&again, text_again);
    FUZZ_CHECK(strcmp(text, text_again) == 0);
    return 0;
}
