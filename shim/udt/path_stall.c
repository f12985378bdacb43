#include "shim/udt/path_stall.h"
#include "shim/udt/path_model.h"

/* Receipts tell of several packets: so long nothing comes on any path, ... */
#define LEAST_US      4000
#define LEAST_PACKETS 16    /* ... on a slow line, ... */
#define LEAST_SHARE   2     /* ... and on a far path, in round trips */
#define MOST_US       50000 /* who is kept from running for longer has no more in flight for it */
#define AT_ONCE_US    4000  /* what waits for the end of a stall comes so soon after it */
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

static void age(struct path_stall *s, int64_t now_us)
{
    if (now_us - s->period_us <= PERIOD_US)
        return;
    s->longest_us[1] = now_us - s->period_us > 2 * PERIOD_US ? 0 : s->longest_us[0];
    s->longest_us[0] = 0;
    s->period_us = now_us;
}

/* Behind a burst of somebody else's nothing comes for a while, either, but then round trips stay long. */
static void note_end(struct path_stall *s, int64_t now_us, int64_t rtt_us, int64_t us)
{
    s->waited_us = max(s->waited_us, us);
    if (now_us - s->until_us <= s->waited_us / 2 + AT_ONCE_US &&
        rtt_us <= s->before_us + s->waited_us / 4 + AT_ONCE_US)
        s->longest_us[0] = max(s->longest_us[0], min(s->waited_us, MOST_US));
}

void path_stall_note(struct path_stall *s, const struct path_sample *sample, int64_t min_us,
                     int64_t packet_us)
{
    int64_t natural_us = max(max(LEAST_US, s->rtt_us / LEAST_SHARE), LEAST_PACKETS * packet_us);
    int64_t now_us = sample->now_us, rtt_us, due_us, us;

    s->of_last_us = 0;
    if (sample->delivered == sample->prior_delivered)
        return; /* nothing has come */
    if (s->told_us < 0) {
        s->first_us = now_us;
    } else if (now_us - s->told_us > natural_us) {
        /* Where each one comes after a silence, so little is sent, and the path has not stood still. */
        s->before_us = s->rtt_us + (s->told_us == s->until_us ? s->excused_us : 0);
        s->from_us = s->told_us;
        s->until_us = now_us;
        s->waited_us = 0;
    }
    s->told_us = now_us;
    age(s, now_us);
    if (sample->rtt_us < 0 || min_us < 0 || s->first_us == now_us)
        return;
    /* What left late enough to be due after the stall has not waited for its end. */
    rtt_us = sample->rtt_us + sample->back_us;
    due_us = now_us - rtt_us + max(s->before_us, min_us);
    us = now_us - s->until_us > AT_ONCE_US ? 0 : max(0, min(s->until_us - due_us, s->until_us - s->from_us));
    s->rtt_us = rtt_us - us;
    s->excused_us = us;
    s->of_last_us = max(0, us - sample->back_us);
    note_end(s, now_us, rtt_us, us);
}

bool path_stall_unknown(const struct path_stall *s)
{
    return s->told_us < s->first_us + LEAST_US;
}

int64_t path_stall_longest_us(const struct path_stall *s)
{
    return max(s->longest_us[0], s->longest_us[1]);
}
