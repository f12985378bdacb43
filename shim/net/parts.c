#include "shim/net/parts.h"
#include <string.h>

size_t parts_length(const struct iovec *parts, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += parts[i].iov_len;
    return len;
}

size_t parts_gather(const struct iovec *parts, int count, uint8_t *out, size_t room)
{
    size_t len = 0;

    for (int i = 0; i < count && len < room; i++) {
        size_t n = parts[i].iov_len < room - len ? parts[i].iov_len : room - len;

        memcpy(out + len, parts[i].iov_base, n);
        len += n;
    }
    return len;
}

bool parts_scatter(const struct iovec *parts, int count, const uint8_t *bytes, size_t len)
{
    for (int i = 0; i < count && len > 0; i++) {
        size_t n = parts[i].iov_len < len ? parts[i].iov_len : len;

        memcpy(parts[i].iov_base, bytes, n);
        bytes += n;
        len -= n;
    }
    return len == 0;
}
