#include "base/error.h"
#include "server/counters.h"
#include "server/policy.h"
#include "server/registry_local_state.h"
#include "server/relay.h"
#include "server/simultaneous.h"
#include <string.h>

enum reply_reason registry_may_reach(struct registry_name *n, const struct registry_member *m)
{
    return policy_may_reach(n->local->c.policy, n->text, &n->reached, &m->peer, registry_now(n));
}

/* When each side's part leaves. A holder with a session is a program of ours, which repeats its first flights soon. */
static struct simultaneous times_of(struct registry_name *n, const struct registry_member *holder,
                                    const struct registry_member *m)
{
    static const struct token_limit held = {.per_second = SIMULTANEOUS_PER_SECOND, .most = SIMULTANEOUS_MOST};
    struct simultaneous at_once = {0, 0};

    if (n->has_session)
        return at_once;
    struct simultaneous t = simultaneous_times(holder->least_rtt_ms, m->least_rtt_ms);
    if (t.h1_ms == 0 && t.h2_ms == 0)
        return t;
    return token_bucket_take(&n->local->held, &held, 1, registry_now(n)) ? t : at_once;
}

/* False: there is none; the two are told each other's addresses and no more. */
static bool begin_session(struct registry_name *n, const struct registry_member *holder,
                          const struct registry_member *m, struct registry_told *h1, struct registry_told *h2)
{
    const struct request *q = m->in.request;
    struct registry_local *l = n->local;
    struct session s;

    if (!h1->lines || !h2->lines || session_source_draw(&l->sessions, &s) < 0)
        return false;
    if (q->has_session)
        memcpy(s.id, q->session, sizeof s.id);
    if (l->c.relay)
        relay_offer(l->c.relay, &s, &m->peer, &holder->peer, registry_now(n));
    h1->session = h2->session = s;
    return true;
}

static void watch(struct registry_name *n, struct registry_member *m)
{
    registry_unlist(m);
    registry_list(n, m, REGISTRY_WATCHER);
    m->in.counted = false;
}

/* `m` is listed as pending. HX_OK: both know each other, or need not be told again. */
int registry_introduce(struct registry_name *n, struct registry_member *holder, struct registry_member *m)
{
    struct endpoint address = holder->peer;
    struct registry_told h1 = {.lines = holder->lines}, h2 = {.lines = m->lines};

    if (endpoint_equal(&m->in.told, &address)) { /* the name came back to where it was */
        watch(n, m);
        return HX_OK;
    }
    struct simultaneous times = times_of(n, holder, m);
    bool session = begin_session(n, holder, m, &h1, &h2);
    int err =
        holder->events->introduce(holder, m->in.request->name, &m->peer, session ? &h2 : NULL, times.h1_ms);
    if (err < 0)
        return err;
    watch(n, m);
    m->in.told = address;
    m->answer = (struct registry_answer){.result = REGISTRY_MET, .holder = address, .later_ms = times.h2_ms};
    m->events->answered(m, session ? &h1 : NULL);
    return HX_OK;
}

static void look_later(struct registry_name *n, int64_t at_ms)
{
    if (!timer_is_set(&n->later) || n->later.at_ms > at_ms)
        timers_set(n->local->c.timers, &n->later, at_ms);
}

/* Those whose rate is used up go to the end of the list, so that they do not stand in the others' way. */
static bool postponed(struct registry_name *n, struct registry_member *m)
{
    if (m->in.counted)
        return false;
    if (registry_may_reach(n, m) == REPLY_NOTHING) {
        m->in.counted = true;
        return false;
    }
    counters_add(n->local->c.counters, COUNTER_POSTPONED);
    registry_unlist(m);
    registry_list(n, m, registry_pending(m->peer.family));
    look_later(n, registry_now(n) + REGISTRY_RETRY_MS);
    return true;
}

bool registry_introduce_pending(struct registry_name *n, sa_family_t family)
{
    struct registry_member *m = n->members[registry_pending(family)], *next;
    const struct registry_member *last = m ? m->in.prev : NULL; /* utlist: the first one's `prev` */
    int looked = 0, introduced = 0;

    for (; m; m = next) {
        struct registry_member *h = registry_holder_of_family(n, family);

        next = m == last ? NULL : m->in.next;
        if (!h)
            return false;
        if (introduced == REGISTRY_TURN_MAX)
            return true;
        if (looked++ == REGISTRY_LOOK_MAX)
            return introduced > 0; /* else all of these were postponed, and the timer is set */
        if (!endpoint_equal(&m->in.told, &h->peer) && postponed(n, m))
            continue;
        if (registry_introduce(n, h, m) < 0)
            return false; /* it has no room, or has failed */
        introduced++;
    }
    return false;
}

void registry_tell_missing_family(struct registry_name *n)
{
    struct registry_member *m = n->members[REGISTRY_WAITER], *next;

    if (!n->members[REGISTRY_HOLDER] || !m)
        return;
    if (registry_now(n) < n->families_ms) {
        look_later(n, n->families_ms);
        return;
    }
    for (; m; m = next) {
        next = m->in.next;
        registry_unlist(m);
        registry_refuse(m, registry_missing_family(n));
    }
}

/* Time has passed: the holder may hear of those whose rate was used up, and whoever has waited for a
 * connection of its own family has waited long enough. */
void registry_later_due(struct timer *t)
{
    struct registry_name *n = container_of(t, struct registry_name, later);
    static const sa_family_t families[] = {AF_INET, AF_INET6};

    registry_hold(n);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (registry_introduce_pending(n, families[i]))
            look_later(n, registry_now(n) + 1); /* not in the same run of the timers */
    registry_tell_missing_family(n);
    registry_release(n);
}
