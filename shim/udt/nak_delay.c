#include "shim/udt/nak_delay.h"
#include "shim/udt/packet.h"
#include <string.h>

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
    struct nak_gap gap = {.due_us = due_us};
    size_t at = 0;

    if (n->count + (int)(len / 4) > NAK_DELAY_HELD_MAX)
        return false;
    while (packet_take_loss(body, len, &at, &gap.first, &gap.last))
        n->gaps[n->count++] = gap;
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
    *len += packet_put_loss(body + *len, first, last);
    return true;
}

/* What is missing of one gap; false: not all of that has room, gap->first is where the rest begins. */
static bool write_gap(struct nak_gap *gap, const struct receipts *r, uint8_t *body, size_t *len)
{
    uint32_t after = packet_following(gap->last);

    for (uint32_t seq = gap->first; seq != after;) {
        uint32_t first = seq, last = seq;

        seq = packet_following(seq);
        if (receipts_has(r, first))
            continue;
        for (; seq != after && !receipts_has(r, seq); seq = packet_following(seq))
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
