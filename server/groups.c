#include "server/groups.h"
#include "base/error.h"
#include "server/counters.h"
#include "server/groups_state.h"
#include "server/policy.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static struct registry_answer refused(enum reply_reason reason)
{
    return (struct registry_answer){.result = REGISTRY_REFUSED, .reason = reason};
}

/* ---- coming and going ---- */

/* In a slot: its name is its own. */
static struct registry_answer reserve(struct group_member *m, enum registry_how how, struct endpoint instead)
{
    static const enum counter counted[] = {[REGISTRY_FREE] = COUNTER_MEMBER_JOINED,
                                           [REGISTRY_SAME_SESSION] = COUNTER_MEMBER_MOVED,
                                           [REGISTRY_SAME_ADDRESS] = COUNTER_MEMBER_REPLACED,
                                           [REGISTRY_SILENT] = COUNTER_MEMBER_REPLACED};
    struct groups *groups = m->group->groups;

    m->role = GROUP_RESERVED;
    groups->totals.members++;
    counters_add(groups->c.counters, counted[how]);
    return (struct registry_answer){.result = REGISTRY_BOUND, .how = how, .holder = instead};
}

/* Its name is free. */
static void go_out(struct group_member *m)
{
    struct groups *groups = m->group->groups;

    timers_cancel(groups->c.timers, &m->wait);
    m->role = GROUP_OUT;
    m->lines = NULL;
    groups->totals.members--;
}

static void tell_that_it_left(struct group_member *m)
{
    if (m->group->groups->stopping)
        return;
    groups_note_news(m);
    m->group->again = true;
}

/* ---- challenges ---- */

static struct group_member *first_challenger(const struct group_member *rival)
{
    struct group_member *m = rival->group->challengers;

    while (m && m->rival != rival)
        m = m->next;
    return m;
}

/* The others go on. */
static void unlist(struct group_member *m)
{
    struct group_member *rival = m->rival;

    DL_DELETE(m->group->challengers, m);
    m->rival = NULL;
    if (!first_challenger(rival))
        challenge_end(&rival->asked, m->group->groups->c.timers);
}

static void refuse_challenger(struct group_member *m)
{
    struct registry_answer answer = refused(REPLY_MEMBER_HELD);
    struct registry_member *owner = m->owner;

    unlist(m);
    m->owner = NULL;
    m->events->answered(owner, &answer);
    groups_member_free(m);
}

static void refuse_challengers(struct group_member *rival)
{
    struct group_member *m;

    while ((m = first_challenger(rival)) != NULL)
        refuse_challenger(m);
}

/* The rival is out; the others come too late. */
static void first_challenger_wins(struct group_member *rival, enum registry_how how)
{
    struct group_member *m = first_challenger(rival);
    struct endpoint was = rival->peer; /* it may be freed with its slot */

    if (!m)
        return;
    unlist(m);
    refuse_challengers(rival);
    struct registry_member *owner = m->owner;
    bool room = groups_find_slot(m);
    struct registry_answer answer = room ? reserve(m, how, was) : refused(REPLY_SESSION_FULL);
    if (!room)
        m->owner = NULL;
    m->events->answered(owner, &answer);
    groups_member_free(m);
}

static void verdict_due(struct timer *t)
{
    struct group_member *rival = container_of(t, struct group_member, asked.timer);
    struct group *g = rival->group;

    groups_hold(g);
    if (rival->owner->events->lives(rival->owner)) {
        refuse_challengers(rival);
    } else if (groups_now(g) < rival->asked.end_ms) {
        rival->owner->events->remind(rival->owner);
        challenge_go_on(&rival->asked, g->groups->c.timers, groups_now(g));
    } else {
        go_out(rival);
        tell_that_it_left(rival);
        rival->owner->events->replaced(rival->owner, REGISTRY_SILENT);
        first_challenger_wins(rival, REGISTRY_SILENT);
    }
    groups_settle(g);
}

static struct registry_answer challenge(struct group_member *m, struct group_member *rival)
{
    const struct registry_config *c = &m->group->groups->c;
    bool first = !first_challenger(rival);

    m->role = GROUP_CHALLENGER;
    m->rival = rival;
    DL_APPEND(m->group->challengers, m);
    counters_add(c->counters, COUNTER_CHALLENGED);
    rival->asked.timer.fire = verdict_due;
    if (first)
        challenge_begin(&rival->asked, c->timers, *c->now_ms, rival->owner->events->challenge(rival->owner));
    return (struct registry_answer){.result = REGISTRY_ASKS, .holder = rival->peer};
}

/* ---- what connections ask ---- */

/* Who knows its token is the same member, and keeps its pairs' sessions; who comes from where it is has begun
 * anew. */
static enum registry_how how_own(const struct group_member *old, const struct groups_joiner *j)
{
    const struct request *q = j->request;

    if (old->has_session && q->has_session && memcmp(old->session, q->session, sizeof old->session) == 0)
        return REGISTRY_SAME_SESSION;
    if (old->reach == j->owner->reach && endpoint_equal(&old->peer, &j->owner->peer))
        return REGISTRY_SAME_ADDRESS;
    return REGISTRY_SILENT; /* it must be asked */
}

static struct registry_answer replace(struct group_member *m, struct group_member *old, enum registry_how how)
{
    struct endpoint was = old->peer;

    go_out(old);
    if (how == REGISTRY_SAME_SESSION) {
        m->serial = old->serial;
        m->slot = old->slot;
        m->group->slots[m->slot] = m;
        old->slot = -1;
    } else {
        tell_that_it_left(old);
    }
    refuse_challengers(old);
    old->owner->events->replaced(old->owner, how);
    return m->slot >= 0 || groups_find_slot(m) ? reserve(m, how, was) : refused(REPLY_SESSION_FULL);
}

/* `old`: who has the name, or NULL. */
static struct registry_answer enter(struct group *g, const struct groups_joiner *j, struct group_member *old,
                                    struct group_member **out)
{
    struct group_member *m = groups_member_create(g, j);
    struct registry_answer a;

    if (!m)
        return refused(REPLY_NO_MEMORY);
    if (old && how_own(old, j) != REGISTRY_SILENT) {
        a = replace(m, old, how_own(old, j));
    } else if (old) {
        a = challenge(m, old);
    } else if (groups_find_slot(m)) {
        a = reserve(m, REGISTRY_FREE, (struct endpoint){.family = AF_UNSPEC});
    } else {
        a = refused(REPLY_SESSION_FULL);
    }
    if (a.result == REGISTRY_REFUSED) {
        m->owner = NULL;
        groups_member_free(m);
        return a;
    }
    *out = m;
    return a;
}

/* REPLY_NOTHING: it may come, and, unless it asks by HEAD, has paid for it. */
static enum reply_reason may_enter(struct group *g, const struct groups_joiner *j,
                                   const struct group_member *old)
{
    const struct request *q = j->request;
    struct groups *groups = g->groups;
    bool asks = old && how_own(old, j) == REGISTRY_SILENT;

    if (!old && groups_size(g) >= groups->max_members)
        return REPLY_SESSION_FULL;
    if (asks && (q->head || old->role == GROUP_RESERVED)) /* that one has just come */
        return REPLY_MEMBER_HELD;
    if (q->head)
        return REPLY_NOTHING;
    return policy_may_join(groups->c.policy, g->text, &g->joins, &j->owner->peer,
                           1 + (asks ? 0 : groups_size(g)) / GROUPS_COST_EACH, groups_now(g));
}

struct registry_answer groups_join(struct groups *groups, const struct groups_joiner *j,
                                   struct group_member **out)
{
    const struct request *q = j->request;

    *out = NULL;
    if (q->expect > groups->max_members)
        return refused(REPLY_EXPECT);
    if (q->head && !groups_find(groups, q->host_id))
        return (struct registry_answer){.result = REGISTRY_BOUND};
    struct group *g = groups_find_or_add(groups, q->host_id);
    if (!g)
        return refused(REPLY_NO_MEMORY);
    groups_hold(g);
    struct group_member *old = groups_named(g, q->name);
    enum reply_reason reason = may_enter(g, j, old);
    struct registry_answer a = {.result = REGISTRY_BOUND};
    if (reason != REPLY_NOTHING)
        a = refused(reason);
    else if (!q->head)
        a = enter(g, j, old, out);
    groups_settle(g);
    return a;
}

static void wait_over(struct timer *t)
{
    struct group_member *m = container_of(t, struct group_member, wait);
    struct group *g = m->group;

    if (groups_count_seen(m) >= m->expect)
        return;
    m->waited = true;
    groups_hold(g);
    groups_tell(m);
    groups_settle(g);
}

int groups_begin(struct group_member *m)
{
    struct group *g = m->group;
    struct groups *groups = g->groups;

    m->role = GROUP_MEMBER;
    m->wait.fire = wait_over;
    if (m->wait_s > 0)
        timers_set(groups->c.timers, &m->wait, groups_now(g) + m->wait_s * INT64_C(1000));
    int here = groups_count_seen(m);
    for (int i = 0; i < MEMBERS_MAX; i++)
        if (g->slots[i] && g->slots[i] != m && groups_sees(m, g->slots[i]))
            m->news |= groups_bit(g->slots[i]);
    groups_note_news(m);
    groups_hold(g);
    g->again = true;
    groups_settle(g);
    return here;
}

void groups_proceed(struct group_member *m)
{
    struct group *g = m->group;

    groups_hold(g);
    groups_tell(m);
    groups_settle(g);
}

void groups_heard(struct group_member *m)
{
    struct group *g = m->group;

    groups_hold(g);
    refuse_challengers(m);
    groups_settle(g);
}

void groups_leave(struct group_member *m)
{
    if (!m)
        return;
    struct group *g = m->group;
    groups_hold(g);
    if (m->role == GROUP_CHALLENGER) {
        unlist(m);
    } else if (m->role != GROUP_OUT) {
        go_out(m);
        tell_that_it_left(m);
        first_challenger_wins(m, REGISTRY_FREE);
    }
    m->owner = NULL;
    groups_member_free(m);
    groups_settle(g);
}

void groups_stop(struct groups *groups)
{
    groups->stopping = true;
}

void groups_totals(const struct groups *groups, struct groups_totals *out)
{
    *out = groups->totals;
}

void groups_set_max_members(struct groups *groups, int max_members)
{
    groups->max_members = max_members;
}

/* For its first code OpenSSL reads its configuration, which a confined process may not (server/sandbox.h); and
 * the first session comes when ours is. */
int groups_create(struct groups **out, const struct registry_config *config, int max_members)
{
    struct groups *groups = calloc(1, sizeof *groups);
    uint8_t key[MAC_KEY_BYTES] = {0}, code[MAC_BYTES];

    if (!groups)
        return HX_ENOMEM;
    groups->c = *config;
    groups->max_members = max_members;
    int err = mac_compute(key, key, sizeof key, code);
    if (err < 0) {
        free(groups);
        return err;
    }
    *out = groups;
    return HX_OK;
}

void groups_destroy(struct groups *groups)
{
    if (!groups)
        return;
    assert(!groups->table);
    free(groups);
}
