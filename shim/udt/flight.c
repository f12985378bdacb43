#include "shim/udt/flight.h"
#include <string.h>

void flight_init(struct flight *f, int first_ms)
{
    memset(f, 0, sizeof *f);
    f->first_ms = f->wait_ms = first_ms;
    f->due_ms = INT64_MAX;
    f->rtt_ms = -1;
}

/* It leaves now. */
static void note_sent(struct flight *f, int64_t now_ms)
{
    int longest_ms = now_ms - f->begun_ms < FLIGHT_HURRY_MS ? FLIGHT_LONG_MS : FLIGHT_VERY_LONG_MS;
    f->sent++;
    f->heard = false;
    f->sent_ms = now_ms;
    f->due_ms = f->sent < FLIGHT_MAX ? now_ms + f->wait_ms : INT64_MAX;
    f->wait_ms = f->wait_ms * 2 < longest_ms ? f->wait_ms * 2 : longest_ms;
}

/* From the shortest interval again, which is longer than a round trip where that is known. */
static void begin_anew(struct flight *f)
{
    int answered_ms = f->rtt_ms < 0 ? 0 : f->rtt_ms + FLIGHT_RTT_MARGIN_MS;
    f->wait_ms = f->first_ms > answered_ms ? f->first_ms : answered_ms;
}

bool flight_leaves(struct flight *f, const uint8_t *head, const uint8_t *body, int64_t now_ms)
{
    bool same = f->sent > 0 && memcmp(f->packet, head, PACKET_HEAD) == 0 &&
                memcmp(f->packet + PACKET_HEAD, body, HANDSHAKE_SIZE) == 0;
    if (f->sent >= FLIGHT_MAX)
        return false;
    if (same && now_ms < f->due_ms && !(f->heard && now_ms - f->sent_ms >= FLIGHT_REPLY_MS))
        return false;
    if (f->sent == 0)
        f->begun_ms = now_ms;
    if (!same)
        begin_anew(f);
    memcpy(f->packet, head, PACKET_HEAD);
    memcpy(f->packet + PACKET_HEAD, body, HANDSHAKE_SIZE);
    note_sent(f, now_ms);
    return true;
}

void flight_heard(struct flight *f, bool answer, int64_t now_ms)
{
    int64_t rtt_ms = now_ms - f->sent_ms;
    if (f->sent == 0)
        return;
    if (answer && (f->rtt_ms < 0 || rtt_ms < f->rtt_ms))
        f->rtt_ms = (int)rtt_ms;
    f->heard = true;
    begin_anew(f);
    int64_t reply_ms = f->sent_ms + FLIGHT_REPLY_MS;
    if (f->due_ms != INT64_MAX && reply_ms < f->due_ms)
        f->due_ms = reply_ms;
}

void flight_came(struct flight *f, const char *rule)
{
    f->came++;
    if (!rule)
        return;
    f->dropped++;
    f->rule = rule;
}

bool flight_due(struct flight *f, int64_t now_ms)
{
    if (now_ms < f->due_ms)
        return false;
    note_sent(f, now_ms);
    return true;
}
