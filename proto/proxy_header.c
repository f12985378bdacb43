#include "proto/proxy_header.h"
#include "base/big_endian.h"
#include "base/error.h"
#include <string.h>

#define AT_COMMAND   12
#define AT_FAMILY    13
#define AT_LENGTH    14
#define AT_ADDRESSES PROXY_HEADER_MIN

#define COMMAND_LOCAL 0x20 /* version 2 in the upper half */
#define COMMAND_PROXY 0x21

enum family { FAMILY_UNSPEC, FAMILY_IPV4, FAMILY_IPV6, FAMILY_UNIX, FAMILIES }; /* the upper half */
#define PROTOCOL_MAX 2 /* the lower half: unspecified, stream, datagram */

static const uint8_t signature[AT_COMMAND] = {'\r', '\n', '\r', '\n', '\0', '\r',
                                              '\n', 'Q',  'U',  'I',  'T',  '\n'};
static const size_t addresses_len[FAMILIES] = {
    [FAMILY_IPV4] = 4 + 4 + 2 + 2, [FAMILY_IPV6] = 16 + 16 + 2 + 2, [FAMILY_UNIX] = 108 + 108};

/* Each byte is looked at as soon as it is there. */
static int check(const uint8_t *data, size_t len)
{
    if (memcmp(data, signature, len < sizeof signature ? len : sizeof signature) != 0)
        return HX_EPROTO;
    if (len > AT_COMMAND && data[AT_COMMAND] != COMMAND_LOCAL && data[AT_COMMAND] != COMMAND_PROXY)
        return HX_EPROTO;
    if (len > AT_FAMILY && (data[AT_FAMILY] >> 4 >= FAMILIES || (data[AT_FAMILY] & 0x0f) > PROTOCOL_MAX))
        return HX_EPROTO;
    return HX_OK;
}

/* The source's address comes first, and its port behind both addresses. */
static void take_source(struct endpoint *out, enum family family, const uint8_t *data)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

    if (family == FAMILY_IPV4) {
        memcpy(&ipv4.sin_addr, data, 4);
        memcpy(&ipv4.sin_port, data + 8, 2);
        endpoint_from_sockaddr(out, (const struct sockaddr *)&ipv4, sizeof ipv4);
    } else if (family == FAMILY_IPV6) {
        memcpy(&ipv6.sin6_addr, data, 16);
        memcpy(&ipv6.sin6_port, data + 32, 2);
        endpoint_from_sockaddr(out, (const struct sockaddr *)&ipv6, sizeof ipv6);
    }
}

int proxy_header_parse(struct proxy_header *out, const uint8_t *data, size_t len, size_t *missing)
{
    int err = check(data, len);

    if (err < 0)
        return err;
    if (len < PROXY_HEADER_MIN) {
        *missing = PROXY_HEADER_MIN - len;
        return HX_EAGAIN;
    }
    size_t follow = get16(data + AT_LENGTH);
    enum family family = (enum family)(data[AT_FAMILY] >> 4);
    bool proxied = data[AT_COMMAND] == COMMAND_PROXY;
    size_t addresses = proxied ? addresses_len[family] : 0;
    if (follow < addresses)
        return HX_EPROTO;
    if (len < AT_ADDRESSES + addresses) {
        *missing = AT_ADDRESSES + addresses - len;
        return HX_EAGAIN;
    }
    *out = (struct proxy_header){.source.family = AF_UNSPEC, .rest = follow - addresses};
    if (proxied)
        take_source(&out->source, family, data + AT_ADDRESSES);
    return (int)(AT_ADDRESSES + addresses);
}
