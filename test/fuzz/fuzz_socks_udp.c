/* The head of a SOCKS5 datagram: a target that comes out is one, stands within what came in, and is read
 * again from what is written of it. */
#include "client/forward/socks_udp.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct authority target, back;
    uint8_t head[SOCKS_UDP_HEAD_MAX];
    char text[AUTHORITY_TEXT_MAX];
    size_t len = socks_udp_read(data, size, &target);
    FUZZ_CHECK(len <= size && len <= SOCKS_UDP_HEAD_MAX);
    for (size_t cut = 0; cut < len; cut++)
        FUZZ_CHECK(socks_udp_read(data, cut, &back) == 0);
    if (len == 0)
        return 0;
    FUZZ_CHECK(authority_format(&target, text) < sizeof text && authority_parse(&back, text) == HX_OK);
    size_t written = socks_udp_write(&target, head);
    FUZZ_CHECK(written <= sizeof head && socks_udp_read(head, written, &back) == written);
    FUZZ_CHECK(authority_matches(&target, &back));
    return 0;
}
