#include "proto/probe.h"
#include "base/big_endian.h"
#include "base/error.h"
#include "base/ipv4_mapped.h"
#include <string.h>

enum {
    AT_KIND = 4,
    AT_FLAGS = 5,
    AT_PORT = 6,
    AT_TAG = PROBE_TAG_AT,
    AT_NUMBER = 16,
    AT_ADDRESS = 24,
    AT_EARLY_LEN = 46
};
enum { AT_EARLY = PROBE_BYTES - PROBE_CODE_BYTES };

bool probe_is(const uint8_t *bytes, size_t len)
{
    return len >= PROBE_BYTES && get32(bytes) == PROBE_MAGIC;
}

void probe_write(const struct probe *p, uint8_t *bytes, size_t len)
{
    struct sockaddr_in6 seen;
    memset(bytes, 0, len);
    put32(bytes, PROBE_MAGIC);
    bytes[AT_KIND] = (uint8_t)p->kind;
    bytes[AT_FLAGS] = p->flags;
    memcpy(bytes + AT_TAG, p->tag, PROBE_TAG_BYTES);
    put64(bytes + AT_NUMBER, p->number);
    if (p->early_len > 0) {
        put16(bytes + AT_EARLY_LEN, (uint16_t)p->early_len);
        memcpy(bytes + AT_EARLY, p->early, p->early_len);
    }
    if (p->kind != PROBE_ANSWER)
        return;
    endpoint_to_sockaddr6(&p->seen, &seen);
    put16(bytes + AT_PORT, p->seen.port);
    memcpy(bytes + AT_ADDRESS, seen.sin6_addr.s6_addr, 16);
}

int probe_read(struct probe *p, const uint8_t *bytes, size_t len)
{
    struct sockaddr_in6 seen = {.sin6_family = AF_INET6};
    if (!probe_is(bytes, len) || len > PROBE_BYTES_MAX)
        return HX_EPROTO;
    if (bytes[AT_KIND] != PROBE_REQUEST && bytes[AT_KIND] != PROBE_ANSWER)
        return HX_EPROTO;
    *p = (struct probe){.kind = bytes[AT_KIND], .flags = bytes[AT_FLAGS], .number = get64(bytes + AT_NUMBER)};
    memcpy(p->tag, bytes + AT_TAG, PROBE_TAG_BYTES);
    p->early = bytes + AT_EARLY;
    p->early_len = get16(bytes + AT_EARLY_LEN);
    if (p->early_len > PROBE_EARLY_MAX || p->early_len > len - PROBE_BYTES)
        return HX_EPROTO;
    if (p->kind == PROBE_REQUEST)
        return HX_OK;
    memcpy(seen.sin6_addr.s6_addr, bytes + AT_ADDRESS, 16);
    seen.sin6_port = htons(get16(bytes + AT_PORT));
    if (seen.sin6_port == 0 || endpoint_from_sockaddr(&p->seen, (struct sockaddr *)&seen, sizeof seen) < 0)
        return HX_EPROTO;
    return HX_OK;
}
