#include "proto/sealed_datagram.h"
#include "base/big_endian.h"
#include <string.h>

enum { AT_TAG = 4, AT_FLOW = 12, AT_NUMBER = 16, AT_PIECE = 24, AT_PIECES = 25 };

bool sealed_datagram_is(const uint8_t *bytes, size_t len)
{
    return len >= SEALED_HEAD + SEALED_CODE && get32(bytes) == SEALED_MAGIC;
}

void sealed_datagram_write(const struct sealed_datagram *d, uint8_t head[SEALED_HEAD])
{
    put32(head, SEALED_MAGIC);
    memcpy(head + AT_TAG, d->tag, SEALED_TAG_BYTES);
    put32(head + AT_FLOW, d->flow);
    put64(head + AT_NUMBER, d->number);
    head[AT_PIECE] = (uint8_t)d->piece;
    head[AT_PIECES] = (uint8_t)d->pieces;
}

bool sealed_datagram_read(struct sealed_datagram *d, const uint8_t *bytes, size_t len)
{
    if (!sealed_datagram_is(bytes, len) || len > SEALED_BYTES)
        return false;
    memcpy(d->tag, bytes + AT_TAG, SEALED_TAG_BYTES);
    d->flow = get32(bytes + AT_FLOW);
    d->number = get64(bytes + AT_NUMBER);
    d->piece = bytes[AT_PIECE];
    d->pieces = bytes[AT_PIECES];
    return d->pieces <= SEALED_PIECES && d->piece < d->pieces && d->number > d->piece;
}
