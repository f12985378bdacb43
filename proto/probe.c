#include "proto/probe.h"
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
    AT_ZERO = 40
};

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

bool probe_is(const uint8_t *bytes, size_t len)
{
    return len >= PROBE_BYTES && get(bytes, 4) == PROBE_MAGIC;
}

void probe_write(const struct probe *p, uint8_t *bytes, size_t len)
{
    struct sockaddr_in6 seen;
    memset(bytes, 0, len);
    put(bytes, PROBE_MAGIC, 4);
    bytes[AT_KIND] = (uint8_t)p->kind;
    bytes[AT_FLAGS] = p->flags;
    memcpy(bytes + AT_TAG, p->tag, PROBE_TAG_BYTES);
    put(bytes + AT_NUMBER, p->number, 8);
    if (p->kind != PROBE_ANSWER)
        return;
    endpoint_to_sockaddr6(&p->seen, &seen);
    put(bytes + AT_PORT, p->seen.port, 2);
    memcpy(bytes + AT_ADDRESS, seen.sin6_addr.s6_addr, 16);
}

int probe_read(struct probe *p, const uint8_t *bytes, size_t len)
{
    struct sockaddr_in6 seen = {.sin6_family = AF_INET6};
    if (!probe_is(bytes, len) || len > PROBE_BYTES_MAX)
        return HX_EPROTO;
    if (bytes[AT_KIND] != PROBE_REQUEST && bytes[AT_KIND] != PROBE_ANSWER)
        return HX_EPROTO;
    *p =
        (struct probe){.kind = bytes[AT_KIND], .flags = bytes[AT_FLAGS], .number = get(bytes + AT_NUMBER, 8)};
    memcpy(p->tag, bytes + AT_TAG, PROBE_TAG_BYTES);
    if (p->kind == PROBE_REQUEST)
        return HX_OK;
    memcpy(seen.sin6_addr.s6_addr, bytes + AT_ADDRESS, 16);
    seen.sin6_port = htons((uint16_t)get(bytes + AT_PORT, 2));
    if (seen.sin6_port == 0 || endpoint_from_sockaddr(&p->seen, (struct sockaddr *)&seen, sizeof seen) < 0)
        return HX_EPROTO;
    return HX_OK;
}
