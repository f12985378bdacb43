#include "shim/udt/early_data.h"
#include <string.h>

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool early_bytes_grow(struct early_bytes *e, const uint8_t *bytes, size_t len)
{
    if (len <= e->len || len > sizeof e->bytes || memcmp(e->bytes, bytes, e->len) != 0)
        return false;
    memcpy(e->bytes + e->len, bytes + e->len, len - e->len);
    e->len = len;
    return true;
}

void early_conn_heard(struct early_conn *e)
{
    if (e->left < EARLY_UNHEARD_MAX)
        e->left++;
}

bool early_conn_take(struct early_conn *e)
{
    if (e->own.len == 0 || e->left == 0)
        return false;
    e->left--;
    return true;
}

size_t early_preview_read(struct early_preview *p, uint8_t *buf, size_t len)
{
    size_t n = lesser(len, p->told.len - p->read);

    memcpy(buf, p->told.bytes + p->read, n);
    p->read += n;
    return n;
}

ssize_t early_preview_pass(struct early_preview *p, uint8_t *buf, size_t len)
{
    size_t n = lesser(len, p->told.len - p->passed);

    if (memcmp(buf, p->told.bytes + p->passed, n) != 0)
        return HX_EPROTO;
    p->passed += n;
    memmove(buf, buf + n, len - n);
    return (ssize_t)(len - n);
}

bool early_preview_done(const struct early_preview *p)
{
    return p->read == p->told.len && p->passed == p->told.len;
}
