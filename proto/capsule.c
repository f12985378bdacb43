#include "proto/capsule.h"
#include "base/buf.h"
#include "base/error.h"
#include <string.h>

#define TYPE_DATAGRAM 0
#define CONTEXT_UDP   0

/* In the order a capsule meets them; a failed reader's state is its (negative) error. */
enum { CAPSULE_TYPE, CAPSULE_LENGTH, CAPSULE_CONTEXT, CAPSULE_PAYLOAD, CAPSULE_SKIP };

int capsule_write(struct buf *out, const void *bytes, size_t len)
{
    uint8_t head[CAPSULE_HEAD_MAX];
    size_t before = out->len, at = varint_write(head, TYPE_DATAGRAM);

    if (len > CAPSULE_DATAGRAM_MAX)
        return HX_ETOOBIG;
    at += varint_write(head + at, 1 + len); /* the context has one byte */
    at += varint_write(head + at, CONTEXT_UDP);
    int err = buf_append(out, head, at);
    if (err == HX_OK)
        err = buf_append(out, bytes, len);
    if (err < 0)
        out->len = before;
    return err;
}

void capsule_reader_init(struct capsule_reader *r,
                         void (*on_datagram)(void *user, const uint8_t *bytes, size_t len), void *user)
{
    *r = (struct capsule_reader){.state = CAPSULE_TYPE, .on_datagram = on_datagram, .user = user};
}

bool capsule_reader_between(const struct capsule_reader *r)
{
    return r->state == CAPSULE_TYPE && r->number_len == 0;
}

/* The state after a number. */
static int take_number(struct capsule_reader *r, uint64_t value)
{
    switch (r->state) {
    case CAPSULE_TYPE:
        r->type = value;
        return CAPSULE_LENGTH;
    case CAPSULE_LENGTH:
        if (value > CAPSULE_MAX)
            return HX_ETOOBIG;
        r->left = (size_t)value;
        if (r->type == TYPE_DATAGRAM)
            return r->left > 0 ? CAPSULE_CONTEXT : HX_EPROTO;
        return r->left > 0 ? CAPSULE_SKIP : CAPSULE_TYPE;
    default: /* CAPSULE_CONTEXT */
        if (value == CONTEXT_UDP && r->left <= CAPSULE_DATAGRAM_MAX) {
            r->datagram_len = 0;
            return CAPSULE_PAYLOAD;
        }
        return r->left > 0 ? CAPSULE_SKIP : CAPSULE_TYPE;
    }
}

static int read_number(struct capsule_reader *r, uint8_t byte)
{
    r->number[r->number_len++] = byte;
    if (r->state == CAPSULE_CONTEXT && r->left-- < varint_length(r->number[0]) - r->number_len + 1)
        return HX_EPROTO;
    if (r->number_len < varint_length(r->number[0]))
        return r->state;
    r->number_len = 0;
    return take_number(r, varint_read(r->number));
}

/* A datagram that has come whole is told from where it lies. Returns the bytes taken. */
static size_t read_payload(struct capsule_reader *r, const uint8_t *bytes, size_t len)
{
    size_t n = len < r->left ? len : r->left;
    bool whole = r->datagram_len == 0 && n == r->left;

    if (!whole && n > 0)
        memcpy(r->datagram + r->datagram_len, bytes, n);
    r->datagram_len += n;
    r->left -= n;
    if (r->left > 0)
        return n;
    r->state = CAPSULE_TYPE;
    r->on_datagram(r->user, whole ? bytes : r->datagram, r->datagram_len);
    return n;
}

static size_t skip(struct capsule_reader *r, size_t len)
{
    size_t n = len < r->left ? len : r->left;

    r->left -= n;
    if (r->left == 0)
        r->state = CAPSULE_TYPE;
    return n;
}

int capsule_reader_feed(struct capsule_reader *r, const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = at + len;

    /* An empty datagram is told without a further byte. */
    while (r->state >= 0 && (at < end || (r->state == CAPSULE_PAYLOAD && r->left == 0))) {
        if (r->state == CAPSULE_PAYLOAD)
            at += read_payload(r, at, (size_t)(end - at));
        else if (r->state == CAPSULE_SKIP)
            at += skip(r, (size_t)(end - at));
        else
            r->state = read_number(r, *at++);
    }
    return r->state < 0 ? r->state : HX_OK;
}
