#include "shim/udt/nak_delay.h"
#include "shim/udt/packet.h"
#include <string.h>

#define SEQUENCE_MASK 0x7FFFFFFFu
#define RANGE         0x80000000u /* the number begins a range, the next one ends it */

int64_t nak_delay_us(const struct receipts *r)
{
    int64_t late_us = r->late_us[0] > r->late_us[1] ? r->late_us[0] : r->late_us[1];

    late_us += late_us / 4;
    if (late_us < NAK_DELAY_LEAST_US)
        return NAK_DELAY_LEAST_US;
    return late_us < NAK_DELAY_MOST_US ? late_us : NAK_DELAY_MOST_US;
}

bool nak_delay_hold(struct nak_delay *n, const uint8_t *body, size_t len, int64_t due_us)
{
    if (n->count + (int)(len / 4) > NAK_DELAY_HELD_MAX)
        return false;
    for (size_t at = 0; at + 4 <= len; at += 4) {
        struct nak_gap gap = {.first = packet_word(body + at) & SEQUENCE_MASK, .due_us = due_us};

        gap.last = gap.first;
        if ((packet_word(body + at) & RANGE) && at + 8 <= len)
            gap.last = packet_word(body + (at += 4)) & SEQUENCE_MASK;
        n->gaps[n->count++] = gap;
    }
    return true;
}

int64_t nak_delay_due_us(const struct nak_delay *n)
{
    return n->count > 0 ? n->gaps[0].due_us : INT64_MAX;
}

/* False: there is no room for it. */
static bool put(uint8_t *body, size_t *len, uint32_t first, uint32_t last)
{
    if (*len + 8 > NAK_DELAY_BODY_MAX)
        return false;
    if (first != last) {
        packet_put_word(body + *len, first | RANGE);
        *len += 4;
    }
    packet_put_word(body + *len, last);
    *len += 4;
    return true;
}

/* What is missing of one gap; false: not all of that has room, gap->first is where the rest begins. */
static bool write_gap(struct nak_gap *gap, const struct receipts *r, uint8_t *body, size_t *len)
{
    uint32_t after = (gap->last + 1) & SEQUENCE_MASK;

    for (uint32_t seq = gap->first; seq != after;) {
        uint32_t first = seq, last = seq;

        seq = (seq + 1) & SEQUENCE_MASK;
        if (receipts_has(r, first))
            continue;
        for (; seq != after && !receipts_has(r, seq); seq = (seq + 1) & SEQUENCE_MASK)
            last = seq;
        if (!put(body, len, first, last)) {
            gap->first = first;
            return false;
        }
    }
    return true;
}

size_t nak_delay_write(struct nak_delay *n, const struct receipts *r, uint8_t body[NAK_DELAY_BODY_MAX],
                       int64_t now_us)
{
    size_t len = 0;
    int done = 0;

    while (done < n->count && n->gaps[done].due_us <= now_us && write_gap(&n->gaps[done], r, body, &len))
        done++;
    n->count -= done;
    memmove(n->gaps, n->gaps + done, (size_t)n->count * sizeof *n->gaps);
    return len;
}
