/* Targets and places to listen at, as a peer or a command line names them: what is taken is written as it is
 * read, and no pattern of hosts stands for a path, nor for a name. */
#include "client/forward/authority.h"
#include "client/forward/permit.h"
#include "test/fuzz/fuzz.h"
#include <arpa/inet.h>

static void check_target(const struct authority *a)
{
    char text[AUTHORITY_TEXT_MAX], wire[AUTHORITY_WIRE_MAX];
    struct authority back, any;
    size_t len = authority_format(a, text);
    FUZZ_CHECK(len < sizeof text && len == strlen(text));
    FUZZ_CHECK(authority_parse(&back, text) == HX_OK && authority_matches(a, &back));
    len = authority_to_wire(a, wire);
    FUZZ_CHECK(len < sizeof wire && len == strlen(wire) && !strchr(wire, '/'));
    FUZZ_CHECK(authority_from_wire(&back, wire) == HX_OK && authority_matches(a, &back));
    FUZZ_CHECK(authority_parse_pattern(&any, "*:*") == HX_OK);
    FUZZ_CHECK(authority_matches(&any, a) == (a->kind != AUTHORITY_UNIX));
}

/* What this host would ask a resolver for. */
static bool is_name(const struct forward_spec *spec)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    const char *at = spec->address;
    return !spec->anywhere && *at && strcmp(at, "localhost") != 0 && inet_pton(AF_INET, at, bytes) != 1 &&
           inet_pton(AF_INET6, at, bytes) != 1 && !strchr(at, '%');
}

static void check_place(const struct forward_spec *spec)
{
    char text[FORWARD_LISTEN_MAX], again[FORWARD_LISTEN_MAX], error[FORWARD_ERROR_MAX];
    struct forward_spec back;
    struct permit *p;
    forward_spec_listen(spec, text);
    FUZZ_CHECK(strlen(text) < sizeof text);
    FUZZ_CHECK(forward_spec_parse(&back, FORWARD_SOCKS, text, error) == HX_OK);
    forward_spec_listen(&back, again);
    FUZZ_CHECK(strcmp(text, again) == 0);
    FUZZ_CHECK(permit_create(&p) == HX_OK && permit_add(p, "*:*") == HX_OK);
    bool permitted = permit_allows(p, spec);
    FUZZ_CHECK(!permitted || (!*spec->path && !spec->udp && !is_name(spec)));
    FUZZ_CHECK(permitted || *spec->path || spec->udp || *spec->address);
    permit_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum forward_kind kinds[] = {FORWARD_LOCAL, FORWARD_SOCKS, FORWARD_REMOTE};
    char error[FORWARD_ERROR_MAX];
    struct authority a;
    struct forward_spec spec;
    struct permit *p;
    char *text = malloc(size + 1);
    FUZZ_CHECK(text && permit_create(&p) == HX_OK);
    memcpy(text, data, size);
    text[size] = '\0';
    if (authority_from_wire(&a, text) == HX_OK)
        check_target(&a);
    if (authority_parse(&a, text) == HX_OK)
        check_target(&a);
    (void)permit_add(p, text);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (forward_spec_parse(&spec, kinds[i], text, error) != HX_OK) {
            FUZZ_CHECK(strlen(error) > 0 && strlen(error) < sizeof error && !strchr(error, '\n'));
            continue;
        }
        check_place(&spec);
        if (spec.kind == FORWARD_REMOTE || spec.kind == FORWARD_LOCAL)
            FUZZ_CHECK(spec.target.host[0] != '\0');
        (void)permit_allows(p, &spec);
    }
    permit_destroy(p);
    free(text);
    return 0;
}
