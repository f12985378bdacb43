#include "base/error.h"
#include "base/hash.h"
#include "server/counters.h"
#include "server/policy.h"
#include "server/registry_local_state.h"
#include "server/relay.h"
#include "server/simultaneous.h"
#include <assert.h>
#include <string.h>

enum reply_reason registry_may_reach(struct registry_name *n, const struct registry_member *m)
{
    return policy_may_reach(n->local->c.policy, n->text, &n->reached, &m->peer, registry_now(n));
}

/* When each side's part leaves. A holder with a session is a program of ours, which repeats its first
 * flights soon. */
static struct simultaneous times_of(struct registry_name *n, const struct registry_member *holder,
                                    const struct registry_member *m)
{
    static const struct token_limit held = {.per_second = SIMULTANEOUS_PER_SECOND, .most = SIMULTANEOUS_MOST};
    struct simultaneous at_once = {0, 0};

    if (n->has_session || m->reach == REACH_TCP || m->reach == REACH_TUNNEL)
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

    if (m->reach == REACH_TCP || !h1->lines || !h2->lines || session_source_draw(&l->sessions, &s) < 0)
        return false;
    if (q->has_session)
        memcpy(s.id, q->session, sizeof s.id);
    if (l->c.relay)
        relay_offer(l->c.relay, &s, &m->peer, &holder->peer, RELAY_CALLER, registry_now(n));
    h1->session = h2->session = s;
    return true;
}

static void watch(struct registry_name *n, struct registry_member *m)
{
    registry_unlist(m);
    registry_list(n, m, REGISTRY_WATCHER);
    m->in.counted = false;
}

static_assert(sizeof(struct endpoint) == 20, "no padding: all of it is hashed");

/* Without the mapping, which proto/peer_fields.h writes behind them: a NAT that counts has another one each time,
 * also by what an introduction makes its host send. */
static unsigned hash_candidates(const char *lines)
{
    const char *mapping = lines ? strstr(lines, "Mapping: ") : NULL;

    if (!lines)
        return 0;
    return hash_keyed(lines, mapping ? (size_t)(mapping - lines) : strlen(lines));
}

/* It was told of the holder as it is. Who continues a session is told of other candidates, too: for everybody
 * else a part that it knows the address of would begin a session anew. */
static bool is_told(const struct registry_member *m, const struct registry_member *holder)
{
    struct endpoint address = reach_told(holder->reach, &holder->peer);

    return m->in.told.address == hash_keyed(&address, sizeof address) &&
           (!m->lines || !holder->lines || !m->in.request->has_session ||
            m->in.told.candidates == hash_candidates(holder->lines));
}

/* `m` is listed as pending. HX_OK: both know each other, or need not be told again. */
int registry_introduce(struct registry_name *n, struct registry_member *holder, struct registry_member *m)
{
    struct endpoint address = reach_told(holder->reach, &holder->peer), own = reach_told(m->reach, &m->peer);
    struct registry_told h1 = {.lines = holder->lines}, h2 = {.lines = m->lines};
    bool unheard = registry_meeting(holder, m) == MEETING_ASKER;

    if (is_told(m, holder)) { /* the name came back to where it was */
        watch(n, m);
        return HX_OK;
    }
    struct simultaneous times = times_of(n, holder, m);
    bool session = begin_session(n, holder, m, &h1, &h2);
    int err = unheard ? HX_OK
                      : holder->events->introduce(holder, m->in.request->name, &own, session ? &h2 : NULL,
                                                  times.h1_ms);
    if (err < 0)
        return err;
    n->introductions++;
    watch(n, m);
    m->in.told.address = hash_keyed(&address, sizeof address);
    m->in.told.candidates = hash_candidates(holder->lines);
    m->answer = (struct registry_answer){
        .result = REGISTRY_MET, .holder = address, .unheard = unheard, .later_ms = times.h2_ms};
    m->events->answered(m, session ? &h1 : NULL);
    return HX_OK;
}

static void look_later(struct registry_name *n, int64_t at_ms)
{
    if (!timer_is_set(&n->later) || n->later.at_ms > at_ms)
        timers_set(n->local->c.timers, &n->later, at_ms);
}

/* Those whose rate is used up go to the end of the list, so that they do not stand in the others' way. */
static bool postponed(struct registry_name *n, const struct registry_member *holder,
                      struct registry_member *m)
{
    if (m->in.counted || registry_meeting(holder, m) == MEETING_ASKER)
        return false;
    if (registry_may_reach(n, m) == REPLY_NOTHING) {
        m->in.counted = true;
        return false;
    }
    counters_add(n->local->c.counters, COUNTER_POSTPONED);
    registry_unlist(m);
    registry_list(n, m, registry_pending(m->reach));
    look_later(n, registry_now(n) + REGISTRY_RETRY_MS);
    return true;
}

static bool introduce_pending(struct registry_name *n, enum reach reach)
{
    struct registry_member *m = n->members[registry_pending(reach)], *next;
    const struct registry_member *last = m ? m->in.prev : NULL; /* utlist: the first one's `prev` */
    int looked = 0, introduced = 0;

    for (; m; m = next) {
        struct registry_member *h = registry_holder_for(n, m);

        next = m == last ? NULL : m->in.next;
        if (introduced == REGISTRY_TURN_MAX)
            return true;
        if (looked++ == REGISTRY_LOOK_MAX)
            return introduced > 0; /* else all of these were postponed, and the timer is set */
        if (!h)
            continue;
        if (!is_told(m, h) && postponed(n, h, m))
            continue;
        if (registry_introduce(n, h, m) < 0)
            return false; /* it has no room, or has failed */
        introduced++;
    }
    return false;
}

bool registry_introduce_pending(struct registry_name *n)
{
    bool more = false;

    for (int reach = 0; reach < REACHES; reach++)
        more |= introduce_pending(n, (enum reach)reach);
    return more;
}

/* HX_OK: who is there over TCP has been told; or there is nobody to tell, or not so often. Else what
 * registry_events.introduce() says. */
static int tell_holder_alone(struct registry_name *n, struct registry_member *m)
{
    struct registry_member *h = n->members[REGISTRY_HOLDER];

    while (h && registry_meeting(h, m) != MEETING_HOLDER)
        h = h->in.next;
    if (!h || (!m->in.counted && registry_may_reach(n, m) != REPLY_NOTHING))
        return HX_OK;
    m->in.counted = true;
    return h->events->introduce(h, m->in.request->name, &m->peer, NULL, 0);
}

void registry_refuse_missing_family(struct registry_name *n, struct registry_member *m)
{
    enum reply_reason reason = registry_missing_family(n, m);

    (void)tell_holder_alone(n, m); /* may end the holder */
    registry_refuse(m, reason);
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
        int err = tell_holder_alone(n, m);
        if (err == HX_EAGAIN) /* it has just bound the name, or has no room: it will proceed */
            continue;
        if (err < 0) { /* it has ended, and the lists are others */
            look_later(n, registry_now(n) + 1);
            return;
        }
        registry_unlist(m);
        registry_refuse(m, registry_missing_family(n, m));
    }
}

/* Time has passed: the holder may hear of those whose rate was used up, and whoever has waited for a
 * connection that it can meet has waited long enough. */
void registry_later_due(struct timer *t)
{
    struct registry_name *n = container_of(t, struct registry_name, later);

    registry_hold(n);
    if (registry_introduce_pending(n))
        look_later(n, registry_now(n) + 1); /* not in the same run of the timers */
    registry_tell_missing_family(n);
    registry_release(n);
}
