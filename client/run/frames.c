#include "client/run/frames.h"
#include "base/big_endian.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void frame_head(uint8_t out[FRAME_HEAD], enum frame_type type, size_t len)
{
    out[0] = (uint8_t)type;
    put16(out + 1, (uint16_t)len);
}

/* 0: a stream of bytes, of any length. */
static size_t control_length(uint8_t type)
{
    return type == FRAME_WINDOW ? FRAME_CONTROL_MAX : type == FRAME_EXIT ? 1 : 0;
}

static bool wanted(const struct frame_reader *r)
{
    return r->head[0] < 32 && r->types & 1U << r->head[0];
}

static ssize_t feed_head(struct frame_reader *r, const uint8_t *data, size_t len)
{
    size_t n = FRAME_HEAD - r->head_len < len ? FRAME_HEAD - r->head_len : len;
    memcpy(r->head + r->head_len, data, n);
    r->head_len += n;
    if (r->head_len < FRAME_HEAD)
        return (ssize_t)n;
    r->left = get16(r->head + 1);
    r->control_len = 0;
    size_t needed = wanted(r) ? control_length(r->head[0]) : 0;
    if (needed > 0 && r->left != needed)
        return HX_EPROTO;
    if (r->left == 0)
        r->head_len = 0;
    return (ssize_t)n;
}

static ssize_t feed_control(struct frame_reader *r, const uint8_t *data, size_t len)
{
    memcpy(r->control + r->control_len, data, len);
    r->control_len += len;
    if (len < r->left)
        return (ssize_t)len;
    ssize_t taken = r->take(r->user, (enum frame_type)r->head[0], r->control, r->control_len);
    return taken < 0 ? taken : (ssize_t)len;
}

ssize_t frame_feed(struct frame_reader *r, const uint8_t *data, size_t len)
{
    size_t used = 0;
    while (used < len) {
        ssize_t n;
        size_t here = len - used < r->left ? len - used : r->left;
        bool head = r->head_len < FRAME_HEAD;
        if (head)
            n = feed_head(r, data + used, len - used);
        else if (!wanted(r))
            n = (ssize_t)here;
        else if (control_length(r->head[0]) > 0)
            n = feed_control(r, data + used, here);
        else
            n = r->take(r->user, (enum frame_type)r->head[0], data + used, here);
        if (n < 0)
            return n;
        used += (size_t)n;
        if (head)
            continue;
        r->left -= (size_t)n;
        if (r->left == 0)
            r->head_len = 0;
        if ((size_t)n < here)
            break;
    }
    return (ssize_t)used;
}

void frame_window(uint8_t out[FRAME_CONTROL_MAX], const struct window *w)
{
    put16(out, w->columns);
    put16(out + 2, w->rows);
}

struct window frame_window_read(const uint8_t data[FRAME_CONTROL_MAX])
{
    return (struct window){.columns = get16(data), .rows = get16(data + 2)};
}

static const char *dimension(const char *text, uint16_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return NULL;
    unsigned long value = strtoul(text, &end, 10);
    *out = (uint16_t)value;
    return value <= UINT16_MAX ? end : NULL;
}

int window_parse(struct window *out, const char *text)
{
    const char *end = dimension(text, &out->columns);
    if (!end || *end != 'x')
        return HX_EINVAL;
    end = dimension(end + 1, &out->rows);
    return end && *end == '\0' ? HX_OK : HX_EINVAL;
}
