/* Probes as the network brings them: whatever is read is the same once it was written and read again. */
#include "base/error.h"
#include "proto/probe.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[PROBE_BYTES + PROBE_EARLY_MAX];
    struct probe p, back;
    if (probe_read(&p, data, size) != HX_OK)
        return 0;
    FUZZ_CHECK(probe_is(data, size) && size >= PROBE_BYTES && size <= PROBE_BYTES_MAX);
    FUZZ_CHECK(p.early_len <= PROBE_EARLY_MAX && p.early + p.early_len <= data + size - PROBE_CODE_BYTES);
    probe_write(&p, again, PROBE_BYTES + p.early_len);
    FUZZ_CHECK(probe_read(&back, again, PROBE_BYTES + p.early_len) == HX_OK);
    FUZZ_CHECK(back.early_len == p.early_len && memcmp(back.early, p.early, p.early_len) == 0);
    FUZZ_CHECK(back.kind == p.kind && back.flags == p.flags && back.number == p.number);
    FUZZ_CHECK(memcmp(back.tag, p.tag, sizeof p.tag) == 0);
    FUZZ_CHECK(p.kind == PROBE_REQUEST || endpoint_equal(&back.seen, &p.seen));
    return 0;
}
