#include "shim/udt/receipts.h"
#include "shim/udt/packet.h"
#include <stdlib.h>

#define WORD       64u
#define SIZE_FIRST 1024u /* bits */
#define STREAMS    2     /* receipts follow each other that soon, in spacings, while packets stream */

void receipts_init(struct receipts *r)
{
    *r = (struct receipts){.sent_us = INT64_MIN / 2, .spacing_us = RECEIPTS_SPACING_US};
}

void receipts_end(struct receipts *r)
{
    free(r->bits);
    receipts_init(r);
}

static bool bit(const struct receipts *r, uint32_t seq)
{
    uint32_t at = seq & (r->size - 1);

    return r->bits[at / WORD] >> (at % WORD) & 1;
}

static void set_bit(struct receipts *r, uint32_t seq, bool on)
{
    uint32_t at = seq & (r->size - 1);
    uint64_t mask = (uint64_t)1 << (at % WORD);

    if (on)
        r->bits[at / WORD] |= mask;
    else
        r->bits[at / WORD] &= ~mask;
}

/* So that `span` packets from r->next on have a bit each. False: there is no memory, or they are too many. */
static bool reserve(struct receipts *r, uint32_t span)
{
    if (span <= r->size)
        return true;
    if (span > RECEIPTS_SPAN_MAX)
        return false;
    struct receipts larger = *r;
    larger.size = r->size ? r->size : SIZE_FIRST;
    while (larger.size < span)
        larger.size *= 2;
    larger.bits = calloc(larger.size / WORD, sizeof *larger.bits);
    if (!larger.bits)
        return false;
    for (uint32_t seq = r->next; r->size && seq != r->end; seq = packet_following(seq))
        set_bit(&larger, seq, bit(r, seq));
    free(r->bits);
    *r = larger;
    return true;
}

bool receipts_has(const struct receipts *r, uint32_t seq)
{
    if (!r->started || packet_distance(seq, r->end) >= 0)
        return false;
    return packet_distance(seq, r->next) < 0 || bit(r, seq);
}

static void note_stamp(struct receipts *r, uint32_t stamp, int64_t now_us)
{
    if (r->came > 0 && (int32_t)(stamp - r->stamp) <= 0)
        return;
    r->stamp = stamp;
    r->stamp_us = now_us;
}

/* A repeat has left later than what came before it; an original that others have overtaken has not. */
static void note_late(struct receipts *r, uint32_t stamp, int64_t now_us)
{
    uint32_t late_us = r->stamp - stamp;

    if (now_us - r->period_us > RECEIPTS_PERIOD_US) {
        r->late_us[1] = now_us - r->period_us > 2 * RECEIPTS_PERIOD_US ? 0 : r->late_us[0];
        r->late_us[0] = 0;
        r->period_us = now_us;
    }
    if ((int32_t)late_us > 0 && late_us > r->late_us[0])
        r->late_us[0] = late_us;
}

/* All is there up to a gap, or the end. */
static void advance(struct receipts *r)
{
    do {
        if (r->size)
            set_bit(r, r->next, false);
        r->next = packet_following(r->next);
    } while (r->next != r->end && bit(r, r->next));
}

bool receipts_note(struct receipts *r, uint32_t isn, uint32_t seq, uint32_t stamp, int64_t now_us)
{
    if (!r->started) {
        r->started = true;
        r->next = r->end = r->resume = isn;
    }
    if (receipts_has(r, seq)) {
        receipts_note_refused(r, seq, stamp, now_us);
        return false;
    }
    int32_t ahead = packet_distance(seq, r->next);
    if (ahead < 0 || ((ahead > 0 || r->next != r->end) && !reserve(r, (uint32_t)ahead + 1)))
        return false;
    if (packet_distance(seq, r->end) < 0)
        note_late(r, stamp, now_us);
    note_stamp(r, stamp, now_us);
    r->news |= seq != r->end; /* one that was missing, or one beyond others that are */
    if (packet_distance(seq, r->end) >= 0)
        r->end = packet_following(seq);
    if (ahead == 0)
        advance(r);
    else
        set_bit(r, seq, true);
    r->came++;
    r->since++;
    return true;
}

void receipts_note_refused(struct receipts *r, uint32_t seq, uint32_t stamp, int64_t now_us)
{
    if (!receipts_has(r, seq))
        return;
    note_stamp(r, stamp, now_us);
    r->again++;
    r->since++;
    r->news = true;
}

void receipts_pace(struct receipts *r, int64_t rtt_us)
{
    int64_t us = rtt_us / RECEIPTS_A_ROUND;

    if (us > RECEIPTS_REPEAT_US)
        us = RECEIPTS_REPEAT_US;
    r->spacing_us = us > RECEIPTS_SPACING_US ? us : RECEIPTS_SPACING_US;
}

int64_t receipts_due_us(const struct receipts *r)
{
    if (r->since >= RECEIPTS_AT_ONCE)
        return r->sent_us;
    if (r->since >= RECEIPTS_EVERY || r->news)
        return r->sent_us + r->spacing_us;
    return receipts_gap(r) ? r->sent_us + RECEIPTS_REPEAT_US : INT64_MAX;
}

int64_t receipts_streams_us(const struct receipts *r)
{
    return r->streams ? r->sent_us + STREAMS * r->spacing_us : INT64_MIN;
}

/* The first from `seq` on, before r->end, that has come or not; r->end: none. */
static uint32_t find(const struct receipts *r, uint32_t seq, bool come)
{
    uint32_t left = (uint32_t)packet_distance(r->end, seq);

    while (left > 0) {
        uint32_t at = seq & (r->size - 1), room = WORD - at % WORD;
        uint64_t word = (come ? r->bits[at / WORD] : ~r->bits[at / WORD]) >> (at % WORD);
        uint32_t step = word ? (uint32_t)__builtin_ctzll(word) : room;

        if (step >= left)
            break;
        if (word)
            return (seq + step) & PACKET_SEQUENCE;
        seq = (seq + step) & PACKET_SEQUENCE;
        left -= step;
    }
    return r->end;
}

/* Ranges from `from` on, as many as fit. Returns up to where they tell all. */
static uint32_t write_ranges(const struct receipts *r, uint32_t from, uint8_t *body, size_t *len)
{
    uint32_t told = from;

    while (told != r->end) {
        uint32_t first = find(r, told, false);
        if (first == r->end)
            break;
        uint32_t after = find(r, first, true);
        if (!receipt_packet_add(body, len, (uint32_t)packet_distance(first, told),
                                (uint32_t)packet_distance(after, first)))
            return told;
        told = after;
    }
    return r->end;
}

size_t receipts_write(struct receipts *r, uint8_t body[RECEIPT_SIZE_MAX], int64_t now_us)
{
    int64_t age_us = now_us - r->stamp_us;
    struct receipt head = {.came = r->came,
                           .again = r->again,
                           .stamp = r->stamp,
                           .age_us = age_us < 0            ? 0
                                     : age_us > UINT32_MAX ? UINT32_MAX
                                                           : (uint32_t)age_us,
                           .next = r->next,
                           .from = r->next};

    if (packet_distance(r->resume, r->next) > 0 && packet_distance(r->end, r->resume) > 0)
        head.from = r->resume;
    size_t len = receipt_packet_begin(&head, body);
    uint32_t end = write_ranges(r, head.from, body, &len);
    receipt_packet_finish(body, end, end == r->end);
    r->resume = end == r->end ? r->next : end;
    r->streams = r->since >= RECEIPTS_EVERY && now_us - r->sent_us < STREAMS * r->spacing_us;
    r->since = 0;
    r->news = false;
    r->sent_us = now_us;
    return len;
}
