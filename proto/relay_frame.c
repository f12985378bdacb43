#include "proto/relay_frame.h"
#include "base/big_endian.h"
#include "base/error.h"
#include <string.h>

enum {
    AT_KIND = RELAY_KIND_AT,
    AT_HALF = 5,
    AT_REASON = 6,
    AT_SESSION = RELAY_SESSION_AT,
    AT_NUMBER = 16,
    AT_COOKIE = 24,
    AT_LEFT = 40
};

bool relay_frame_is(const uint8_t *bytes, size_t len)
{
    return len >= RELAY_HEAD_BYTES && get32(bytes) == RELAY_MAGIC;
}

void relay_frame_write_head(const struct relay_frame *f, uint8_t bytes[RELAY_HEAD_BYTES])
{
    put32(bytes, RELAY_MAGIC);
    bytes[AT_KIND] = (uint8_t)f->kind;
    bytes[AT_HALF] = (uint8_t)f->half;
    put16(bytes + AT_REASON, (uint16_t)f->reason);
    memcpy(bytes + AT_SESSION, f->session, RELAY_ID_BYTES);
}

void relay_frame_write_control(const struct relay_frame *f, uint8_t bytes[RELAY_CONTROL_BYTES])
{
    memset(bytes, 0, RELAY_CONTROL_BYTES);
    relay_frame_write_head(f, bytes);
    put64(bytes + AT_NUMBER, f->number);
    memcpy(bytes + AT_COOKIE, f->cookie, RELAY_COOKIE_BYTES);
    put32(bytes + AT_LEFT, f->left_s);
}

int relay_frame_read(struct relay_frame *f, const uint8_t *bytes, size_t len)
{
    if (!relay_frame_is(bytes, len) || bytes[AT_KIND] < RELAY_DATA || bytes[AT_KIND] > RELAY_REFUSED ||
        bytes[AT_HALF] >= RELAY_HALVES)
        return HX_EPROTO;
    uint16_t reason = get16(bytes + AT_REASON);
    *f = (struct relay_frame){.kind = bytes[AT_KIND],
                              .half = bytes[AT_HALF],
                              .reason = reason < RELAY_REASONS ? reason : RELAY_NO_REASON};
    memcpy(f->session, bytes + AT_SESSION, RELAY_ID_BYTES);
    if (f->kind == RELAY_DATA)
        return len > RELAY_HEAD_BYTES ? HX_OK : HX_EPROTO;
    if (len != RELAY_CONTROL_BYTES)
        return HX_EPROTO;
    f->number = get64(bytes + AT_NUMBER);
    memcpy(f->cookie, bytes + AT_COOKIE, RELAY_COOKIE_BYTES);
    f->left_s = get32(bytes + AT_LEFT);
    return HX_OK;
}

size_t relay_frame_run(const uint8_t *bytes, size_t len, size_t each)
{
    size_t at = each;

    while (bytes[AT_KIND] == RELAY_DATA && at < len && len - at > RELAY_HEAD_BYTES &&
           memcmp(bytes, bytes + at, RELAY_HEAD_BYTES) == 0)
        at += each;
    return at < len ? at : len;
}
