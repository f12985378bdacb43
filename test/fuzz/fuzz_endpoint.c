/* Endpoints: what is parsed is formatted, parsed again and passed through both sockaddrs as the same. */
#include "base/error.h"
#include "proto/endpoint.h"
#include "test/fuzz/fuzz.h"

static void check_sockaddrs(const struct endpoint *e)
{
    struct sockaddr_storage ss;

    socklen_t len = endpoint_to_sockaddr(e, &ss);
    struct endpoint back;
    FUZZ_CHECK(endpoint_from_sockaddr(&back, (const struct sockaddr *)&ss, len) == HX_OK);
    FUZZ_CHECK(endpoint_equal(e, &back));
    struct sockaddr_in6 in6;
    endpoint_to_sockaddr6(e, &in6);
    FUZZ_CHECK(endpoint_from_sockaddr(&back, (const struct sockaddr *)&in6, sizeof in6) == HX_OK);
    FUZZ_CHECK(endpoint_equal(e, &back));
}

static void check_text(const char *data, size_t size)
{
    char text[ENDPOINT_TEXT_MAX], again[ENDPOINT_TEXT_MAX];
    struct endpoint e;

    if (endpoint_parse(&e, data, size) != HX_OK)
        return;
    FUZZ_CHECK(e.port != 0 && (e.family == AF_INET || e.family == AF_INET6));
    size_t len = endpoint_format(&e, text);
    FUZZ_CHECK(len < sizeof text && len == strlen(text));
    struct endpoint back;
    FUZZ_CHECK(endpoint_parse(&back, text, len) == HX_OK);
    FUZZ_CHECK(endpoint_equal(&e, &back));
    FUZZ_CHECK(endpoint_format(&back, again) == len && strcmp(text, again) == 0);
    check_sockaddrs(&e);
}

/* The bytes as a sockaddr: whatever comes out has a text that is parsed back. */
static void check_bytes(const char *data, size_t size)
{
    struct sockaddr_storage ss = {0};
    char text[ENDPOINT_TEXT_MAX];

    memcpy(&ss, data, size < sizeof ss ? size : sizeof ss);
    ss.ss_family = size % 2 ? AF_INET : AF_INET6;
    struct endpoint e;
    if (endpoint_from_sockaddr(&e, (const struct sockaddr *)&ss, (socklen_t)size) != HX_OK)
        return;
    size_t len = endpoint_format(&e, text);
    struct endpoint back;
    FUZZ_CHECK(endpoint_parse(&back, text, len) == (e.port ? HX_OK : HX_EPROTO));
    FUZZ_CHECK(e.port == 0 || endpoint_equal(&e, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text((const char *)data, size);
    check_bytes((const char *)data, size);
    return 0;
}
