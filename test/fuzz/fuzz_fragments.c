/* Pieces of datagrams, one after the other: their length stands before each of them. What comes out is
 * never longer than a datagram. */
#include "shim/net/fragments.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct net_address from = {.port = 1};
    struct fragments *all = fragments_create();
    int64_t now_ms = 0;

    while (all && size > 1) {
        size_t len = (size_t)data[0] * 8 < size - 1 ? (size_t)data[0] * 8 : size - 1;
        uint8_t *piece = malloc(len + 1); /* so that the sanitizer sees its end */
        uint8_t *out = malloc(FRAGMENTS_BYTES);
        struct fragment f;

        if (!piece || !out)
            abort();
        memcpy(piece, data + 1, len);
        if (fragment_read(&f, piece, len) &&
            fragments_take(all, &from, &f, piece + FRAGMENT_HEAD, len - FRAGMENT_HEAD, now_ms, out) >
                FRAGMENTS_BYTES)
            abort();
        free(piece);
        free(out);
        now_ms += data[0];
        data += 1 + len;
        size -= 1 + len;
    }
    free(all);
    return 0;
}
