#include "base/buf.h"

#include "base/error.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_CAP_MIN  256  /* a request or a part fits; most connections never need more */
#define BUF_CAP_KEEP 4096 /* an emptied buffer above this gives its memory back: thousands may lie idle */

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){.limit = limit};
}

void buf_free(struct buf *b)
{
    free(b->data);
    buf_init(b, b->limit);
}

/* Makes room for `len` bytes behind the waiting ones, and for `extra` that do not count for the limit. */
static int buf_reserve(struct buf *b, size_t len, size_t extra)
{
    if (len > SIZE_MAX / 4 || b->len > SIZE_MAX / 4 || (b->limit != 0 && len > b->limit - b->len))
        return HX_ETOOBIG;
    size_t need = b->len + len + extra;
    if (b->start + need <= b->cap)
        return HX_OK;
    /* Moving at most as many bytes as were consumed keeps appending linear over all. */
    if (need <= b->cap && b->start >= b->len) {
        memmove(b->data, b->data + b->start, b->len);
        b->start = 0;
        return HX_OK;
    }
    size_t cap = need < BUF_CAP_MIN / 2 ? BUF_CAP_MIN : 2 * need;
    char *data = malloc(cap);
    if (!data)
        return HX_ENOMEM;
    memcpy(data, buf_data(b), b->len);
    free(b->data);
    b->data = data;
    b->start = 0;
    b->cap = cap;
    return HX_OK;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return HX_OK;
    int err = buf_reserve(b, len, 0);
    if (err < 0)
        return err;
    memcpy(b->data + b->start + b->len, data, len);
    b->len += len;
    return HX_OK;
}

char *buf_room(struct buf *b, size_t len)
{
    return buf_reserve(b, len, 0) == HX_OK ? b->data + b->start + b->len : NULL;
}

void buf_add(struct buf *b, size_t len)
{
    b->len += len;
}

int buf_prepare(struct buf *b, size_t len)
{
    if (b->len > 0 || b->cap >= len)
        return HX_OK;
    char *data = malloc(len);
    if (!data)
        return HX_ENOMEM;
    free(b->data);
    b->data = data;
    b->start = 0;
    b->cap = len;
    return HX_OK;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return HX_ETOOBIG; /* above INT_MAX; bad conversions the compiler has refused */
    int err =
        buf_reserve(b, (size_t)len, 1); /* one more for the NUL, which lies behind the bytes that count */
    if (err < 0)
        return err;
    va_start(args, fmt);
    vsnprintf(b->data + b->start + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
    return HX_OK;
}

const char *buf_data(const struct buf *b)
{
    return b->data ? b->data + b->start : "";
}

void buf_consume(struct buf *b, size_t len)
{
    b->start += len;
    b->len -= len;
    if (b->len > 0)
        return;
    b->start = 0;
    if (b->cap > BUF_CAP_KEEP)
        buf_free(b);
}
