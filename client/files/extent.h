/* client/files/extent.h: what stands in front of each piece of a file whose holes are sent as such: its length,
 * in 8 bytes, the highest first; and EXTENT_HOLE if it is a hole, nothing of which follows. */
#ifndef HX_CLIENT_FILES_EXTENT_H
#define HX_CLIENT_FILES_EXTENT_H

#include <stdint.h>

#define EXTENT_HEAD 8
#define EXTENT_HOLE (UINT64_C(1) << 63)

static inline void extent_put(uint8_t out[EXTENT_HEAD], uint64_t number)
{
    for (int i = EXTENT_HEAD - 1; i >= 0; i--, number >>= 8)
        out[i] = (uint8_t)number;
}

static inline uint64_t extent_get(const uint8_t in[EXTENT_HEAD])
{
    uint64_t number = 0;
    for (int i = 0; i < EXTENT_HEAD; i++)
        number = number << 8 | in[i];
    return number;
}

#endif
