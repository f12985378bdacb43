/* What people write for a proxy, for no_proxy and for nameservers, from the same bytes: whatever is taken is
 * a host with a port, and can be asked. */
#include "base/error.h"
#include "client/proxy.h"
#include "proto/nameserver_name.h"
#include "test/fuzz/fuzz.h"

static void check_nameservers(const char *text)
{
    struct nameserver_name names[NAMESERVERS_MAX];
    int count = nameserver_names_parse(names, text, 7000);
    FUZZ_CHECK(count == HX_EINVAL || (count > 0 && count <= NAMESERVERS_MAX));
    for (int i = 0; i < count; i++) {
        FUZZ_CHECK(names[i].udp.host[0] != '\0' && strcmp(names[i].udp.host, names[i].tcp.host) == 0);
        FUZZ_CHECK(names[i].udp.port != 0 && names[i].tcp.port != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy p = {.to = {.host = "ns.example", .port = 443}};
    char request[PROXY_REQUEST_MAX];
    char *text = malloc(size + 1); /* of just that length: reading past it is seen */
    FUZZ_CHECK(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    (void)no_proxy_names(text, "ns.example");
    (void)no_proxy_names(text, "192.0.2.1");
    (void)no_proxy_names(text, "2001:db8::1");
    if (proxy_url_parse(&p.url, text) == HX_OK) {
        FUZZ_CHECK(p.url.at.host[0] != '\0' && p.url.at.port != 0);
        FUZZ_CHECK(p.url.credentials[0] == '\0' || strchr(p.url.credentials, ':'));
        size_t len = proxy_request(&p, request);
        FUZZ_CHECK(len < sizeof request && memcmp(request + len - 4, "\r\n\r\n", 4) == 0);
    }
    check_nameservers(text);
    free(text);
    return 0;
}
