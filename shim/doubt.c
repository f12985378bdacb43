#include "shim/doubt.h"
#include <string.h>

#define RTT_MAX_MS 2000

void doubt_init(struct doubt *d)
{
    *d = (struct doubt){.rtt_ms = DOUBT_RTT_MS, .due_ms = INT64_MAX};
}

void doubt_acked(struct doubt *d, const uint8_t *head, const uint8_t *body, int64_t now_ms)
{
    d->sequence = packet_word(body + ACK_SEQUENCE);
    if (d->due_ms != INT64_MAX)
        return; /* the number is the question's */
    d->number = packet_word(head + 4);
    d->acked_ms = now_ms;
}

bool doubt_answered(struct doubt *d, const uint8_t *head, int64_t now_ms)
{
    bool ours = d->due_ms != INT64_MAX;

    if (packet_word(head + 4) != d->number)
        return false;
    d->number = 0;
    if (ours)
        d->due_ms = INT64_MAX;
    else if (now_ms - d->acked_ms < RTT_MAX_MS)
        d->rtt_ms = (int)(now_ms - d->acked_ms);
    return ours;
}

void doubt_begin(struct doubt *d, uint32_t number, int64_t now_ms)
{
    if (d->due_ms != INT64_MAX)
        return;
    d->number = number;
    d->asked = 0;
    d->due_ms = now_ms;
}

bool doubt_ask(struct doubt *d, uint8_t *body, uint32_t window, int64_t now_ms)
{
    if (d->asked == DOUBT_ASKS) {
        d->believed = true;
        d->due_ms = INT64_MAX;
        return false;
    }
    d->asked++;
    d->due_ms = now_ms + d->rtt_ms + d->rtt_ms / 2 + DOUBT_CALM_MS;
    memset(body, 0, ACK_SIZE_SHORT);
    packet_put_word(body + ACK_SEQUENCE, d->sequence);
    packet_put_word(body + ACK_RTT, (uint32_t)d->rtt_ms * 1000);
    packet_put_word(body + ACK_WINDOW, window);
    return true;
}
