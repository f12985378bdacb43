#include "shim/udt/path_loss.h"
#include <math.h>

#define THRESHOLD  0.02 /* BBR.LossThresh of draft-ietf-ccwg-bbr */
#define LEAST_TOLD 20   /* packets: fewer tell nothing of a share */
#define LEAST_FULL 50
#define DEVIATIONS 3 /* standard deviations that chance is given */
#define BASE_MAX   0.3
#define LEARN      100 /* packets whose losses have half of the weight */

void path_loss_init(struct path_loss *l)
{
    *l = (struct path_loss){0};
}

void path_loss_begin(struct path_loss *l, uint64_t delivered, uint64_t lost)
{
    l->sent_from = delivered + lost;
    l->lost_from = lost;
    l->sent = l->lost = 0;
}

void path_loss_note(struct path_loss *l, uint64_t delivered, uint64_t lost)
{
    /* A guess that was wrong may take `lost` below what it was when the window began. */
    l->sent = delivered + lost > l->sent_from ? delivered + lost - l->sent_from : 0;
    l->lost = lost > l->lost_from ? lost - l->lost_from : 0;
}

bool path_loss_full(const struct path_loss *l)
{
    return l->sent >= LEAST_FULL;
}

double path_loss_share(const struct path_loss *l)
{
    return l->sent == 0 ? 0 : (double)l->lost / (double)l->sent;
}

bool path_loss_excess(const struct path_loss *l)
{
    double n = (double)l->sent, share = l->base + THRESHOLD;

    return n >= LEAST_TOLD && (double)l->lost > n * share + DEVIATIONS * sqrt(n * share);
}

void path_loss_learn(struct path_loss *l)
{
    double n = (double)l->sent;

    l->base += (path_loss_share(l) - l->base) * n / (n + LEARN);
    l->base = fmin(l->base, BASE_MAX);
}
