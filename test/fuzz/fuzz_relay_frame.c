/* Relay frames as the network brings them: whatever is read is the same once it was written and read
 * again. */
#include "base/error.h"
#include "proto/relay_frame.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[RELAY_CONTROL_BYTES] = {0};
    struct relay_frame f, back;
    if (relay_frame_read(&f, data, size) != HX_OK)
        return 0;
    FUZZ_CHECK(relay_frame_is(data, size));
    if (f.kind == RELAY_DATA) {
        FUZZ_CHECK(size > RELAY_HEAD_BYTES);
        relay_frame_write_head(&f, again);
        FUZZ_CHECK(relay_frame_read(&back, again, RELAY_HEAD_BYTES + 1) == HX_OK);
    } else {
        FUZZ_CHECK(size == RELAY_CONTROL_BYTES);
        relay_frame_write_control(&f, again);
        FUZZ_CHECK(relay_frame_read(&back, again, sizeof again) == HX_OK);
    }
    FUZZ_CHECK(back.kind == f.kind && back.half == f.half && back.reason == f.reason);
    FUZZ_CHECK(memcmp(back.session, f.session, sizeof f.session) == 0);
    FUZZ_CHECK(back.number == f.number && back.left_s == f.left_s);
    FUZZ_CHECK(memcmp(back.cookie, f.cookie, sizeof f.cookie) == 0);
    return 0;
}
