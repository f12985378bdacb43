/* Pieces of datagrams as a peer with the key may make them up: a head, and how many bytes follow. Memory
 * stays bounded, and what comes out is not longer than what went in. */
#include "client/datagram_join.h"
#include "test/fuzz/fuzz.h"

#define STEP (SEALED_HEAD + SEALED_CODE + 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct datagram_join join = {.bytes = 0};
    int64_t now_ms = 0;
    for (; size >= STEP; data += STEP, size -= STEP) {
        struct sealed_datagram head;
        size_t len = (size_t)(data[STEP - 2] << 8 | data[STEP - 1]) % (SEALED_MAX + 1), whole = 0;
        uint8_t *bytes = calloc(1, len + 1), *out = NULL;
        now_ms += data[SEALED_HEAD];
        if (sealed_datagram_read(&head, data, SEALED_HEAD + SEALED_CODE) && head.pieces > 1 &&
            datagram_join_take(&join, &head, bytes, len, now_ms, &out, &whole))
            FUZZ_CHECK(out && whole <= head.pieces * (size_t)SEALED_MAX);
        FUZZ_CHECK(join.bytes <= DATAGRAM_JOIN_BYTES);
        free(out);
        free(bytes);
    }
    datagram_join_free(&join);
    return 0;
}
