/* Candidates, mappings and sessions: what is parsed is formatted and parsed again as the same. */
#include "base/error.h"
#include "proto/peer_fields.h"
#include "test/fuzz/fuzz.h"

static void check_candidate(const char *data, size_t size)
{
    char text[CANDIDATE_TEXT_MAX], again[CANDIDATE_TEXT_MAX];
    struct candidate c, back;

    if (candidate_parse(&c, data, size) != HX_OK)
        return;
    FUZZ_CHECK(c.kind != CANDIDATE_PRFLX && c.at.port != 0);
    size_t len = candidate_format(&c, text);
    FUZZ_CHECK(len > 0 && len == strlen(text) && len < sizeof text);
    FUZZ_CHECK(candidate_parse(&back, text, len) == HX_OK);
    FUZZ_CHECK(back.kind == c.kind && endpoint_equal(&back.at, &c.at));
    FUZZ_CHECK(candidate_format(&back, again) == len && strcmp(text, again) == 0);
}

static void check_mapping(const char *data, size_t size)
{
    char text[NAT_MAPPING_TEXT_MAX];
    struct nat_mapping m, back;

    if (nat_mapping_parse(&m, data, size) != HX_OK)
        return;
    FUZZ_CHECK(m.kind < NAT_MAPPING_KINDS && m.ports < NAT_PORTS_KINDS);
    FUZZ_CHECK(m.step >= -65535 && m.step <= 65535);
    size_t len = nat_mapping_format(&m, text);
    FUZZ_CHECK(len > 0 && len == strlen(text) && len < sizeof text);
    FUZZ_CHECK(nat_mapping_parse(&back, text, len) == HX_OK);
    FUZZ_CHECK(back.kind == m.kind && back.ports == m.ports && back.step == m.step);
    FUZZ_CHECK(back.last_port == m.last_port);
}

static void check_session(const char *data, size_t size)
{
    char text[SESSION_TEXT_MAX];
    struct session s, back;
    uint8_t id[SESSION_BYTES];

    (void)session_id_parse(id, data, size);
    if (session_parse(&s, data, size) != HX_OK)
        return;
    session_format(&s, text);
    FUZZ_CHECK(s.given && strlen(text) == size);
    FUZZ_CHECK(session_parse(&back, text, size) == HX_OK);
    FUZZ_CHECK(memcmp(back.id, s.id, sizeof s.id) == 0 && memcmp(back.key, s.key, sizeof s.key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_candidate((const char *)data, size);
    check_mapping((const char *)data, size);
    check_session((const char *)data, size);
    return 0;
}
