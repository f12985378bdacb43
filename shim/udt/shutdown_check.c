#include "shim/udt/shutdown_check.h"
#include <string.h>

#define RTT_MAX_MS   2000
#define WINDOW_LEAST 2 /* as UDT announces where there is hardly room */
/* The draft's text gives ACK numbers 31 bits, its drawing of the field leaves 29, and some answer so many. */
#define NUMBER_MASK 0x1FFFFFFFu

void shutdown_check_init(struct shutdown_check *d)
{
    *d = (struct shutdown_check){.rtt_ms = -1, .window = WINDOW_LEAST, .due_ms = INT64_MAX};
}

void shutdown_check_acked(struct shutdown_check *d, uint8_t *head, const uint8_t *body, int64_t now_ms)
{
    d->sequence = packet_word(body + ACK_SEQUENCE);
    d->window = packet_word(body + ACK_WINDOW);
    if (d->due_ms != INT64_MAX)
        packet_put_word(head + 4, d->number);
    if (d->due_ms != INT64_MAX || (d->number && now_ms - d->acked_ms < RTT_MAX_MS))
        return;
    d->number = packet_word(head + 4);
    d->acked_ms = now_ms;
}

/* Upwards at once, downwards as RFC 6298 smooths. The first is the first. */
static void take_rtt(struct shutdown_check *d, int rtt_ms)
{
    d->rtt_ms = d->rtt_ms < rtt_ms ? rtt_ms : (7 * d->rtt_ms + rtt_ms) / 8;
}

bool shutdown_check_answered(struct shutdown_check *d, const uint8_t *head, int64_t now_ms)
{
    bool ours = d->due_ms != INT64_MAX;

    if (!d->number || packet_word(head + 4) != d->number)
        return false;
    d->number = 0;
    if (ours)
        d->due_ms = INT64_MAX;
    else if (now_ms - d->acked_ms < RTT_MAX_MS)
        take_rtt(d, (int)(now_ms - d->acked_ms));
    return ours;
}

uint32_t shutdown_check_number(uint32_t random)
{
    return random & NUMBER_MASK ? random & NUMBER_MASK : 1;
}

static int known_rtt_ms(const struct shutdown_check *d)
{
    return d->rtt_ms < 0 ? SHUTDOWN_CHECK_RTT_MS : d->rtt_ms;
}

void shutdown_check_write(const struct shutdown_check *d, uint8_t *body)
{
    memset(body, 0, ACK_SIZE_FULL); /* UDT passes over rates of 0 */
    packet_put_word(body + ACK_SEQUENCE, d->sequence);
    packet_put_word(body + ACK_RTT, (uint32_t)known_rtt_ms(d) * 1000);
    packet_put_word(body + ACK_WINDOW, d->window);
}

void shutdown_check_begin(struct shutdown_check *d, uint32_t random, int64_t now_ms)
{
    if (d->due_ms != INT64_MAX)
        return;
    d->number = shutdown_check_number(random);
    d->asked = 0;
    d->due_ms = now_ms;
}

bool shutdown_check_ask(struct shutdown_check *d, uint8_t *body, int64_t now_ms)
{
    int step_ms = (SHUTDOWN_CHECK_MS + 4 * known_rtt_ms(d)) / SHUTDOWN_CHECK_ASKS;

    if (d->asked == SHUTDOWN_CHECK_ASKS) {
        d->believed = true;
        d->due_ms = INT64_MAX;
        return false;
    }
    d->asked++;
    d->due_ms += step_ms; /* not from now on: who looks each 10 ms would be late by as much each time */
    if (d->due_ms <= now_ms)
        d->due_ms = now_ms + step_ms;
    shutdown_check_write(d, body);
    return true;
}

void shutdown_check_retry(struct shutdown_check *d, int64_t now_ms)
{
    d->believed = false;
    d->due_ms = now_ms;
}
