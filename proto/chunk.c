#include "proto/chunk.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/hex.h"
#include <stdio.h>
#include <string.h>

/* In the order a body meets them; a failed reader's state is its (negative) error. */
enum chunk_state {
    CHUNK_SIZE,      /* hex digits */
    CHUNK_EXTENSION, /* what follows the digits on their line; ignored */
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER, /* one field line; ignored */
    CHUNK_TRAILER_LF,
    CHUNK_DONE
};

int chunk_write(struct buf *out, const void *data, size_t len)
{
    char size[CHUNK_SIZE_DIGITS_MAX + sizeof "\r\n"];
    size_t before = out->len;

    if (len == 0)
        return HX_OK;
    if (len > UINT32_MAX)
        return HX_ETOOBIG;
    int n = snprintf(size, sizeof size, "%zx\r\n", len);
    int err = buf_append(out, size, (size_t)n);
    if (err == HX_OK)
        err = buf_append(out, data, len);
    if (err == HX_OK)
        err = buf_append(out, "\r\n", 2);
    if (err < 0)
        out->len = before;
    return err;
}

int chunk_write_last(struct buf *out)
{
    return buf_append(out, "0\r\n\r\n", 5);
}

void chunk_reader_init(struct chunk_reader *r, void (*on_data)(void *, const char *, size_t), void *user)
{
    *r = (struct chunk_reader){.state = CHUNK_SIZE, .on_data = on_data, .user = user};
}

bool chunk_reader_done(const struct chunk_reader *r)
{
    return r->state == CHUNK_DONE;
}

static int end_size_line(struct chunk_reader *r)
{
    r->count = 0;
    return r->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
}

static int read_size(struct chunk_reader *r, char c)
{
    int digit = hex_value(c);

    if (digit >= 0) {
        if (r->count == CHUNK_SIZE_DIGITS_MAX)
            return HX_EPROTO;
        r->count++;
        r->left = 16 * r->left + (uint64_t)digit;
        return CHUNK_SIZE;
    }
    if (r->count == 0)
        return HX_EPROTO;
    if (c == '\r')
        return CHUNK_SIZE_LF;
    if (c == '\n')
        return end_size_line(r);
    r->count = 1;
    return c == ';' || c == ' ' || c == '\t' ? CHUNK_EXTENSION : HX_EPROTO;
}

static int read_extension(struct chunk_reader *r, char c)
{
    if (c == '\r')
        return CHUNK_SIZE_LF;
    if (c == '\n')
        return end_size_line(r);
    return ++r->count > CHUNK_LINE_MAX ? HX_ETOOBIG : CHUNK_EXTENSION;
}

static int end_trailer_line(struct chunk_reader *r)
{
    if (r->count == 0)
        return CHUNK_DONE;
    r->count = 0;
    r->lines++;
    return CHUNK_TRAILER;
}

static int read_trailer(struct chunk_reader *r, char c)
{
    if (c == '\r')
        return CHUNK_TRAILER_LF;
    if (c == '\n')
        return end_trailer_line(r);
    if (r->lines == CHUNK_TRAILERS_MAX || r->count == CHUNK_LINE_MAX)
        return HX_ETOOBIG;
    r->count++;
    return CHUNK_TRAILER;
}

/* The state after one byte that is no payload, or an error. */
static int read_byte(struct chunk_reader *r, char c)
{
    switch (r->state) {
    case CHUNK_SIZE:
        return read_size(r, c);
    case CHUNK_EXTENSION:
        return read_extension(r, c);
    case CHUNK_SIZE_LF:
        return c == '\n' ? end_size_line(r) : HX_EPROTO;
    case CHUNK_DATA_CR:
        if (c == '\r')
            return CHUNK_DATA_LF;
        return c == '\n' ? CHUNK_SIZE : HX_EPROTO;
    case CHUNK_DATA_LF:
        return c == '\n' ? CHUNK_SIZE : HX_EPROTO;
    case CHUNK_TRAILER:
        return read_trailer(r, c);
    default: /* CHUNK_TRAILER_LF */
        return c == '\n' ? end_trailer_line(r) : HX_EPROTO;
    }
}

static size_t read_data(struct chunk_reader *r, const char *data, size_t len)
{
    size_t n = len < r->left ? len : (size_t)r->left;

    r->left -= n;
    if (r->left == 0)
        r->state = CHUNK_DATA_CR;
    if (r->on_data)
        r->on_data(r->user, data, n);
    return n;
}

ssize_t chunk_reader_feed(struct chunk_reader *r, const char *data, size_t len)
{
    size_t at = 0;

    while (at < len && r->state >= 0 && r->state != CHUNK_DONE) {
        if (r->state == CHUNK_DATA)
            at += read_data(r, data + at, len - at);
        else
            r->state = read_byte(r, data[at++]);
    }
    return r->state < 0 ? r->state : (ssize_t)at;
}
