#include "shim/udt/receipt_packet.h"
#include "proto/varint.h"
#include "shim/udt/packet.h"
#include <string.h>

#define AT_VERSION 0
#define AT_WHOLE   1
#define AT_RANGES  2
#define AT_CAME    4
#define AT_AGAIN   8
#define AT_STAMP   12
#define AT_AGE     16
#define AT_NEXT    20
#define AT_FROM    24
#define AT_END     28

#define SPAN_MAX 0x3FFFFFFFu /* what two sequence numbers may be apart, and the largest number of 4 bytes */

size_t receipt_packet_begin(const struct receipt *r, uint8_t body[RECEIPT_SIZE_MAX])
{
    packet_put_word(body + AT_VERSION, (uint32_t)RECEIPT_VERSION << 24);
    packet_put_word(body + AT_CAME, r->came);
    packet_put_word(body + AT_AGAIN, r->again);
    packet_put_word(body + AT_STAMP, r->stamp);
    packet_put_word(body + AT_AGE, r->age_us);
    packet_put_word(body + AT_NEXT, r->next);
    packet_put_word(body + AT_FROM, r->from);
    packet_put_word(body + AT_END, r->from);
    return RECEIPT_HEAD;
}

bool receipt_packet_add(uint8_t body[RECEIPT_SIZE_MAX], size_t *len, uint32_t before, uint32_t count)
{
    uint8_t range[2 * VARINT_BYTES_MAX];
    size_t range_len = varint_write(range, before);
    unsigned ranges = (unsigned)body[AT_RANGES] << 8 | body[AT_RANGES + 1];

    range_len += varint_write(range + range_len, count);
    if (*len + range_len > RECEIPT_SIZE_MAX)
        return false;
    memcpy(body + *len, range, range_len);
    *len += range_len;
    ranges++;
    body[AT_RANGES] = (uint8_t)(ranges >> 8);
    body[AT_RANGES + 1] = (uint8_t)ranges;
    return true;
}

void receipt_packet_finish(uint8_t body[RECEIPT_SIZE_MAX], uint32_t end, bool whole)
{
    packet_put_word(body + AT_END, end);
    body[AT_WHOLE] = whole;
}

/* False: it is not all there, or has 8 bytes. */
static bool take_number(const uint8_t *body, size_t len, size_t *at, uint32_t *out)
{
    size_t size = *at < len ? varint_length(body[*at]) : 0;

    if (size == 0 || size > len - *at || size > sizeof *out)
        return false;
    *out = (uint32_t)varint_read(body + *at);
    *at += size;
    return true;
}

/* `left` packets of the told part are behind the last range. */
static bool take_range(struct receipt *r, const uint8_t *body, size_t len, size_t *at, uint32_t *left)
{
    uint32_t before, count;

    if (!take_number(body, len, at, &before) || !take_number(body, len, at, &count))
        return false;
    if (count == 0 || before > *left || count > *left - before || (before == 0 && r->missing_count > 0))
        return false;
    uint32_t first = (r->end - *left + before) & PACKET_SEQUENCE;
    r->missing[r->missing_count++] =
        (struct receipt_range){.first = first, .last = (first + count - 1) & PACKET_SEQUENCE};
    *left -= before + count;
    return true;
}

bool receipt_packet_read(struct receipt *r, const uint8_t *body, size_t len)
{
    if (len < RECEIPT_HEAD || len > RECEIPT_SIZE_MAX || body[AT_VERSION] != RECEIPT_VERSION ||
        body[AT_WHOLE] > 1)
        return false;
    int ranges = body[AT_RANGES] << 8 | body[AT_RANGES + 1];
    if (ranges > RECEIPT_RANGES_MAX)
        return false;
    r->came = packet_word(body + AT_CAME);
    r->again = packet_word(body + AT_AGAIN);
    r->stamp = packet_word(body + AT_STAMP);
    r->age_us = packet_word(body + AT_AGE);
    r->left = 0;
    r->next = packet_word(body + AT_NEXT);
    r->from = packet_word(body + AT_FROM);
    r->end = packet_word(body + AT_END);
    if ((r->next | r->from | r->end) & ~PACKET_SEQUENCE)
        return false;
    uint32_t skipped = (r->from - r->next) & PACKET_SEQUENCE, left = (r->end - r->from) & PACKET_SEQUENCE;
    if (skipped > SPAN_MAX || left > SPAN_MAX - skipped)
        return false;
    r->whole = body[AT_WHOLE] == 1;
    r->missing_count = 0;
    size_t at = RECEIPT_HEAD;
    for (int i = 0; i < ranges; i++) {
        if (!take_range(r, body, len, &at, &left))
            return false;
    }
    return at == len;
}
