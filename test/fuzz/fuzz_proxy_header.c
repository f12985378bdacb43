/* A proxy's header: it is read the same whether it comes whole or byte by byte, and not a byte behind it
 * is asked for. */
#include "base/error.h"
#include "proto/proxy_header.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole = {0}, grown = {0};
    size_t missing = 0, have = 0;
    int result = proxy_header_parse(&whole, data, size, &missing), again;

    FUZZ_CHECK(result < 0 ||
               (result >= PROXY_HEADER_MIN && result <= PROXY_HEADER_MAX && (size_t)result <= size));
    for (;;) {
        uint8_t *copy = malloc(have ? have : 1); /* reading past it is seen */

        FUZZ_CHECK(copy);
        memcpy(copy, data, have);
        again = proxy_header_parse(&grown, copy, have, &missing);
        free(copy);
        if (again != HX_EAGAIN)
            break;
        FUZZ_CHECK(missing > 0 && have + missing <= PROXY_HEADER_MAX);
        if (have == size)
            break;
        have = missing < size - have ? have + missing : size;
    }
    FUZZ_CHECK(again == result);
    if (result > 0)
        FUZZ_CHECK((size_t)result == have && endpoint_equal(&whole.source, &grown.source) &&
                   whole.rest == grown.rest && whole.rest <= 0xffff);
    return 0;
}
