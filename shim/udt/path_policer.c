#include "shim/udt/path_policer.h"
#include "shim/udt/path_bounds.h"
#include <math.h>

/* Losses are known a round trip after they have begun. So each sample that tells of the last packets which
 * were sent before the losses had their answer covers a round trip in which packets were dropped all the
 * time. */
void path_policer_note(struct path_model *m)
{
    bool draining = m->phase == PATH_DRAIN || (m->phase == PATH_DOWN && m->probed && m->probe_from > 0);

    if (m->phase == PATH_STARTUP || m->phase == PATH_UP || (draining && m->phase_rounds < 1))
        m->came = m->rate.latest;
}

static bool dropped_in_probe(const struct path_model *m)
{
    return m->cautious && m->lossy > 0 && m->probe_from > 0;
}

double path_policer_delivered(const struct path_model *m)
{
    return dropped_in_probe(m) ? fmin(m->rate.latest, m->probe_from) : m->rate.latest;
}

void path_policer_probed(struct path_model *m)
{
    if (dropped_in_probe(m))
        path_rate_cut(&m->rate, fmax(m->came, m->probe_from));
}

void path_policer_learn(struct path_model *m, bool in_startup)
{
    path_rate_cut(&m->rate, in_startup && m->came > 0 ? m->came : m->rate.brief);
    if (!path_rtt_is_queue(&m->rtt, m->rtt.min_us + m->down.queue_us, path_packet_us(m)))
        m->cautious = true;
}
