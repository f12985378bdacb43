#include "base/preview.h"
#include "base/error.h"
#include <string.h>

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t preview_read(struct preview *p, uint8_t *buf, size_t len)
{
    size_t n = lesser(len, p->len - p->read);

    if (n > 0)
        memcpy(buf, p->bytes + p->read, n);
    p->read += n;
    return n;
}

ssize_t preview_pass(struct preview *p, uint8_t *buf, size_t len)
{
    size_t n = lesser(len, p->len - p->passed);

    if (n == 0)
        return (ssize_t)len;
    if (memcmp(buf, p->bytes + p->passed, n) != 0)
        return HX_EPROTO;
    p->passed += n;
    memmove(buf, buf + n, len - n);
    return (ssize_t)(len - n);
}

bool preview_done(const struct preview *p)
{
    return p->read == p->len && p->passed == p->len;
}
