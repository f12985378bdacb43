#include "shim/udt/path_stall.h"
#include "shim/udt/path_model.h"

/* Receipts tell of several packets: so long nothing comes on any path, ... */
#define LEAST_US      4000
#define LEAST_PACKETS 8     /* ... on a slow line, ... */
#define LEAST_SHARE   4     /* ... and on a far path, in round trips */
#define MOST_US       50000 /* who is kept from running for longer has no more in flight for it */
#define PERIOD_US     5000000

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void path_stall_init(struct path_stall *s, int64_t now_us)
{
    *s = (struct path_stall){
        .told_us = -1, .from_us = INT64_MIN / 2, .until_us = INT64_MIN / 2, .period_us = now_us};
}

static void note_longest(struct path_stall *s, int64_t now_us, int64_t us)
{
    if (now_us - s->period_us > PERIOD_US) {
        s->longest_us[1] = now_us - s->period_us > 2 * PERIOD_US ? 0 : s->longest_us[0];
        s->longest_us[0] = 0;
        s->period_us = now_us;
    }
    s->longest_us[0] = max(s->longest_us[0], min(us, MOST_US));
}

void path_stall_note(struct path_stall *s, const struct path_sample *sample, int64_t min_us,
                     int64_t packet_us)
{
    int64_t natural_us = max(max(LEAST_US, s->rtt_us / LEAST_SHARE), LEAST_PACKETS * packet_us);
    int64_t now_us = sample->now_us, rtt_us, due_us, us;

    s->of_last_us = 0;
    if (sample->delivered == sample->prior_delivered)
        return; /* nothing has come */
    s->first = s->told_us < 0;
    if (s->first || now_us - s->told_us > natural_us) {
        /* Where each one comes after a silence, that is how much is sent, and not that the path stood still. */
        s->before_us = s->rtt_us + (s->told_us == s->until_us ? s->excused_us : 0);
        s->from_us = s->told_us;
        s->until_us = now_us;
    }
    s->told_us = now_us;
    if (sample->rtt_us < 0 || min_us < 0 || s->first)
        return;
    /* What left late enough to be due after the stall has not waited for its end. */
    rtt_us = sample->rtt_us + sample->back_us;
    due_us = now_us - rtt_us + max(s->before_us, min_us);
    us = max(0, min(s->until_us - due_us, s->until_us - s->from_us));
    s->rtt_us = rtt_us - us;
    s->excused_us = us;
    s->of_last_us = max(0, us - sample->back_us);
    note_longest(s, now_us, us);
}

int64_t path_stall_longest_us(const struct path_stall *s)
{
    return max(s->longest_us[0], s->longest_us[1]);
}
