#include "shim/udt/path_loss.h"
#include <math.h>

#define THRESHOLD   0.02 /* BBR.LossThresh of draft-ietf-ccwg-bbr */
#define LEAST_TOLD  20   /* packets: fewer tell nothing of a share */
#define LEAST_BRIEF 50
#define GOES_ON     3 /* windows */
#define DROPS       (1 / 3.0)
#define DROPS_LEAST 64
#define DROPS_PART  8     /* of a round trip, and ... */
#define BURST_US    10000 /* ... this */
#define DEVIATIONS  3     /* standard deviations that chance is given */
#define BASE_MAX    0.2
#define LEARN       100 /* packets whose losses have half of the weight */

static void begin(struct path_loss_window *w, uint64_t delivered, uint64_t lost)
{
    *w = (struct path_loss_window){.sent_from = delivered + lost, .lost_from = lost};
}
static void note(struct path_loss_window *w, uint64_t delivered, uint64_t lost)
{
    /* A guess that was wrong may take `lost` below what it was when the window began. */
    w->sent = delivered + lost > w->sent_from ? delivered + lost - w->sent_from : 0;
    w->lost = lost > w->lost_from ? lost - w->lost_from : 0;
}

void path_loss_init(struct path_loss *l)
{
    *l = (struct path_loss){0};
}

void path_loss_begin(struct path_loss *l, uint64_t delivered, uint64_t lost)
{
    begin(&l->brief, delivered, lost);
    begin(&l->steady, delivered, lost);
    begin(&l->drops, delivered, lost);
    l->lossy = 0;
}

void path_loss_note(struct path_loss *l, uint64_t delivered, uint64_t lost)
{
    note(&l->brief, delivered, lost);
    note(&l->steady, delivered, lost);
}

double path_loss_share(const struct path_loss_window *w)
{
    return w->sent == 0 ? 0 : (double)w->lost / (double)w->sent;
}

bool path_loss_brief_full(const struct path_loss *l)
{
    return l->brief.sent >= LEAST_BRIEF;
}

bool path_loss_excess(const struct path_loss *l, const struct path_loss_window *w)
{
    double n = (double)w->sent, share = l->base + THRESHOLD;

    return n >= LEAST_TOLD && (double)w->lost > n * share + DEVIATIONS * sqrt(n * share);
}

bool path_loss_goes_on(struct path_loss *l, uint64_t delivered, uint64_t lost)
{
    if (!path_loss_brief_full(l))
        return false;
    if (path_loss_share(&l->brief) > l->base + THRESHOLD) {
        l->lossy++;
    } else {
        l->lossy = 0;
        begin(&l->steady, delivered, lost);
    }
    begin(&l->brief, delivered, lost);
    return l->lossy >= GOES_ON && path_loss_excess(l, &l->steady);
}

bool path_loss_drops(struct path_loss *l, int64_t now_us, uint64_t delivered, uint64_t lost, int64_t rtt_us)
{
    if (l->drops.sent == 0)
        l->drops_us = now_us;
    note(&l->drops, delivered, lost);
    if (l->drops.sent < DROPS_LEAST)
        return false;
    if (path_loss_share(&l->drops) > DROPS)
        return now_us - l->drops_us >= rtt_us / DROPS_PART + BURST_US;
    begin(&l->drops, delivered, lost);
    return false;
}

void path_loss_learn(struct path_loss *l, const struct path_loss_window *w)
{
    double n = (double)w->sent;

    l->base += (path_loss_share(w) - l->base) * n / (n + LEARN);
    l->base = fmin(l->base, BASE_MAX);
}
