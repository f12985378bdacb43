/* Sealed datagrams as the network brings them: whatever is read is the same once it was written. */
#include "proto/sealed_datagram.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[SEALED_HEAD];
    struct sealed_datagram d;
    if (!sealed_datagram_read(&d, data, size))
        return 0;
    FUZZ_CHECK(sealed_datagram_is(data, size) && size >= SEALED_HEAD + SEALED_CODE && size <= SEALED_BYTES);
    FUZZ_CHECK(d.piece < d.pieces && d.pieces <= SEALED_PIECES && d.number > d.piece);
    sealed_datagram_write(&d, again);
    FUZZ_CHECK(memcmp(again, data, sizeof again) == 0);
    return 0;
}
