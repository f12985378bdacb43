/* proto/varint.h: variable-length integers (RFC 9000, 16): 62 bits in 1, 2, 4 or 8 bytes, big-endian; the two
 * upper bits of the first byte tell how many. */
#ifndef HX_PROTO_VARINT_H
#define HX_PROTO_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_BYTES_MAX 8
#define VARINT_MAX       ((UINT64_C(1) << 62) - 1)

/* How many bytes the one has that begins so. */
static inline size_t varint_length(uint8_t first)
{
    return (size_t)1 << (first >> 6);
}

/* `bytes`: all of varint_length(). The shortest form is not demanded. */
static inline uint64_t varint_read(const uint8_t *bytes)
{
    size_t len = varint_length(bytes[0]);
    uint64_t value = bytes[0] & 0x3f;

    for (size_t i = 1; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Writes the shortest form of a value up to VARINT_MAX; returns its length. */
static inline size_t varint_write(uint8_t out[VARINT_BYTES_MAX], uint64_t value)
{
    unsigned form = value < 1 << 6 ? 0 : value < 1 << 14 ? 1 : value < 1 << 30 ? 2 : 3;
    size_t len = (size_t)1 << form;

    for (size_t i = len; i-- > 0; value >>= 8)
        out[i] = (uint8_t)value;
    out[0] |= (uint8_t)(form << 6);
    return len;
}

#endif
