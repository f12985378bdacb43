#include "shim/net/fragments.h"
#include "base/big_endian.h"
#include <stdlib.h>
#include <string.h>

#define LAST        0x80000000u
#define PIECE_SHIFT 29

/* One datagram in the making. */
struct slot {
    struct net_address from;
    uint8_t tag[FRAGMENT_TAG_BYTES];
    uint32_t number;
    int64_t begun_ms;
    unsigned come;  /* a bit for each piece; 0: the slot is free */
    unsigned count; /* of the pieces; 0: the last one has not come */
    uint16_t len[FRAGMENTS_EACH];
    uint8_t bytes[FRAGMENTS_EACH][FRAGMENTS_BYTES];
};

struct fragments {
    struct slot slots[FRAGMENTS_KEPT];
};

unsigned fragment_count(size_t len, size_t most, size_t *each)
{
    if (most <= FRAGMENT_HEAD || len > FRAGMENTS_BYTES)
        return 0;
    size_t room = most - FRAGMENT_HEAD;
    size_t count = (len + room - 1) / room;
    if (count < 2)
        count = 2;
    if (count > FRAGMENTS_EACH || len < count)
        return 0;
    *each = (len + count - 1) / count;
    return (unsigned)count;
}

void fragment_write(const struct fragment *f, uint8_t head[FRAGMENT_HEAD])
{
    put32(head, FRAGMENT_MAGIC);
    memcpy(head + 4, f->tag, sizeof f->tag);
    put32(head + 12, (f->last ? LAST : 0) | f->piece << PIECE_SHIFT | (f->number & (FRAGMENT_NUMBERS - 1)));
}

bool fragment_read(struct fragment *f, const uint8_t *bytes, size_t len)
{
    if (len <= FRAGMENT_HEAD || get32(bytes) != FRAGMENT_MAGIC)
        return false;
    uint32_t word = get32(bytes + 12);
    memcpy(f->tag, bytes + 4, sizeof f->tag);
    f->last = word & LAST;
    f->piece = (word & ~LAST) >> PIECE_SHIFT;
    f->number = word & (FRAGMENT_NUMBERS - 1);
    return true;
}

struct fragments *fragments_create(void)
{
    return calloc(1, sizeof(struct fragments));
}

static bool is_of(const struct slot *s, const struct net_address *from, const struct fragment *f)
{
    return s->come && s->number == f->number && memcmp(s->tag, f->tag, sizeof s->tag) == 0 &&
           net_address_equal(&s->from, from);
}

/* That datagram's, else a free one, else the oldest. */
static struct slot *slot_for(struct fragments *all, const struct net_address *from, const struct fragment *f,
                             int64_t now_ms)
{
    struct slot *oldest = &all->slots[0];

    for (int i = 0; i < FRAGMENTS_KEPT; i++) {
        struct slot *s = &all->slots[i];

        if (s->come && now_ms - s->begun_ms >= FRAGMENTS_MS)
            s->come = 0;
        if (is_of(s, from, f))
            return s;
        if (oldest->come && (!s->come || s->begun_ms < oldest->begun_ms))
            oldest = s;
    }
    oldest->from = *from;
    memcpy(oldest->tag, f->tag, sizeof oldest->tag);
    oldest->number = f->number;
    oldest->begun_ms = now_ms;
    oldest->come = oldest->count = 0;
    return oldest;
}

size_t fragments_take(struct fragments *all, const struct net_address *from, const struct fragment *f,
                      const uint8_t *bytes, size_t len, int64_t now_ms, uint8_t out[FRAGMENTS_BYTES])
{
    size_t whole = 0;

    if (len == 0 || len > FRAGMENTS_BYTES || f->piece >= FRAGMENTS_EACH)
        return 0;
    struct slot *s = slot_for(all, from, f, now_ms);
    if (f->last)
        s->count = f->piece + 1;
    s->come |= 1u << f->piece;
    s->len[f->piece] = (uint16_t)len;
    memcpy(s->bytes[f->piece], bytes, len);
    if (s->count == 0 || s->come != (1u << s->count) - 1)
        return 0;
    s->come = 0;
    for (unsigned i = 0; i < s->count; i++) {
        if (whole + s->len[i] > FRAGMENTS_BYTES)
            return 0;
        memcpy(out + whole, s->bytes[i], s->len[i]);
        whole += s->len[i];
    }
    return whole;
}
