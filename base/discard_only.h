/* base/discard_only.h: IPv6 addresses of 100::/64 (RFC 6666), which no network carries anything to: inside of
 * a process they stand for who is reached by something else than UDP (shim/net/tunnels.h). */
#ifndef HX_BASE_DISCARD_ONLY_H
#define HX_BASE_DISCARD_ONLY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool discard_only(const uint8_t address[16])
{
    static const uint8_t prefix[8] = {0x01};

    return memcmp(address, prefix, sizeof prefix) == 0;
}

#endif
