/* PCP: whatever comes is an answer to the request or none; what is told comes from it alone. */
#include "base/error.h"
#include "proto/pcp.h"
#include "test/fuzz/fuzz.h"

static void check(const struct pcp_request *request, const uint8_t *data, size_t size)
{
    struct pcp_response r, again;
    int err = pcp_read(&r, request, data, size);
    FUZZ_CHECK(err == HX_OK || err == HX_EPROTO);
    if (err < 0)
        return;
    FUZZ_CHECK(size >= 8 && size <= PCP_MESSAGE_MAX);
    FUZZ_CHECK((r.external.family != AF_UNSPEC) == (request->opcode == PCP_MAP && r.result == 0));
    FUZZ_CHECK(pcp_read(&again, request, data, size) == HX_OK && again.result == r.result);
    FUZZ_CHECK(again.lifetime_s == r.lifetime_s && endpoint_equal(&again.external, &r.external));
}

/* The bytes as what a request says: an answer that echoes it is understood. */
static void check_echo(const uint8_t *data, size_t size)
{
    struct pcp_request request = {.opcode = PCP_MAP, .client = {.family = AF_INET}};
    struct pcp_response r;
    uint8_t bytes[PCP_REQUEST_MAX];
    if (size < sizeof request.nonce + 8)
        return;
    memcpy(request.nonce, data, sizeof request.nonce);
    memcpy(request.client.address, data + sizeof request.nonce, 4);
    memcpy(&request.client.port, data + sizeof request.nonce + 4, 2);
    request.external = request.client;
    request.lifetime_s = data[sizeof request.nonce + 6];
    size_t len = pcp_write(bytes, &request);
    FUZZ_CHECK(len == PCP_REQUEST_MAX);
    FUZZ_CHECK(pcp_read(&r, &request, bytes, len) == HX_EPROTO); /* a request is no answer */
    bytes[1] |= 0x80;
    FUZZ_CHECK(pcp_read(&r, &request, bytes, len) == HX_OK);
    FUZZ_CHECK(r.lifetime_s == request.lifetime_s && endpoint_equal(&r.external, &request.external));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pcp_request map = {
        .opcode = PCP_MAP, .client = {AF_INET, 0x1092, {192, 168, 1, 7}}, .nonce = "abcdefghijk"};
    struct pcp_request announce = {.opcode = PCP_ANNOUNCE, .client = map.client};
    check(&map, data, size);
    check(&announce, data, size);
    check_echo(data, size);
    return 0;
}
