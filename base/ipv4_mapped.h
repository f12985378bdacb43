/* base/ipv4_mapped.h: IPv4 addresses in the form of IPv6 ones, ::ffff:0:0/96 (RFC 4291, 2.5.5.2), network
 * byte order. A dual-stack socket knows no others. */
#ifndef HX_BASE_IPV4_MAPPED_H
#define HX_BASE_IPV4_MAPPED_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define IPV4_MAPPED_PREFIX 12 /* bytes before those of the IPv4 address */

static inline bool ipv4_mapped(const uint8_t address[16])
{
    static const uint8_t prefix[IPV4_MAPPED_PREFIX] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, prefix, sizeof prefix) == 0;
}

/* `ipv4`: 4 bytes. */
static inline void ipv4_map(uint8_t out[16], const void *ipv4)
{
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + IPV4_MAPPED_PREFIX, ipv4, 4);
}

#endif
