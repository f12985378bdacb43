/* Probes as the network brings them: whatever is read is the same once it was written and read again. */
#include "base/error.h"
#include "fuzz.h"
#include "proto/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[PROBE_BYTES];
    struct probe p, back;
    if (probe_read(&p, data, size) != HX_OK)
        return 0;
    FUZZ_CHECK(probe_is(data, size) && size >= PROBE_BYTES && size <= PROBE_BYTES_MAX);
    probe_write(&p, again, sizeof again);
    FUZZ_CHECK(probe_read(&back, again, sizeof again) == HX_OK);
    FUZZ_CHECK(back.kind == p.kind && back.flags == p.flags && back.number == p.number);
    FUZZ_CHECK(memcmp(back.tag, p.tag, sizeof p.tag) == 0);
    FUZZ_CHECK(p.kind == PROBE_REQUEST || endpoint_equal(&back.seen, &p.seen));
    return 0;
}
