#include "server/registry_local.h"
#include "base/error.h"
#include "base/table_scan.h"
#include "server/counters.h"
#include "server/registry_local_state.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct registry_local *of(struct registry *r)
{
    return container_of(r, struct registry_local, base);
}

/* ---- holders ---- */

/* From a list of those who know no address of the holder's new connection, or an older one. */
static void make_pending(struct registry_name *n, enum registry_role from,
                         const struct registry_member *holder)
{
    struct registry_member *m, *next;

    for (m = n->members[from]; m; m = next) {
        next = m->in.next;
        if (registry_meeting(holder, m) < MEETING_ASKER)
            continue;
        registry_unlist(m);
        registry_list(n, m, registry_pending(m->reach));
        if (from == REGISTRY_WAITER)
            registry_answer(m, (struct registry_answer){.result = REGISTRY_ADMITTED});
    }
}

static void become_holder(struct registry_name *n, struct registry_member *m, enum registry_how how,
                          const struct endpoint *instead)
{
    static const enum counter counted[] = {[REGISTRY_FREE] = COUNTER_BOUND,
                                           [REGISTRY_JOINED] = COUNTER_JOINED,
                                           [REGISTRY_SAME_SESSION] = COUNTER_REPLACED_SESSION,
                                           [REGISTRY_SAME_ADDRESS] = COUNTER_REPLACED_ADDRESS,
                                           [REGISTRY_SILENT] = COUNTER_REPLACED_SILENT,
                                           [REGISTRY_OWNER] = COUNTER_REPLACED_OWNER};
    struct registry_local *l = n->local;

    if (!n->members[REGISTRY_HOLDER]) {
        l->totals.names++;
        if (how != REGISTRY_SAME_SESSION && how != REGISTRY_SAME_ADDRESS) { /* else its holder is the same */
            n->introductions = 0;
            n->held_ms = registry_now(n);
        }
        n->has_session = m->in.request->has_session;
        memcpy(n->session, m->in.request->session, sizeof n->session);
        n->families_ms = registry_now(n) + (n->has_session ? REGISTRY_FAMILY_MS : 0);
    }
    registry_list(n, m, REGISTRY_HOLDER);
    counters_add(l->c.counters, counted[how]);
    make_pending(n, REGISTRY_WATCHER, m);
    make_pending(n, REGISTRY_WAITER, m);
    registry_tell_missing_family(n);
    registry_answer(m, (struct registry_answer){.result = REGISTRY_BOUND, .how = how, .holder = *instead});
}

static void take_from_holder(struct registry_name *n, struct registry_member *m, enum registry_how how)
{
    registry_unlist(m);
    n->local->totals.names -= !n->members[REGISTRY_HOLDER];
    m->events->replaced(m, how);
}

/* The others challenge the new holder, once it streams. */
static void first_challenger_wins(struct registry_name *n, enum registry_how how,
                                  const struct endpoint *instead)
{
    struct registry_member *m = n->members[REGISTRY_CHALLENGER];

    challenge_end(&n->asked, n->local->c.timers);
    if (!m)
        return;
    registry_unlist(m);
    become_holder(n, m, how, instead);
}

/* ---- challenges ---- */

static void challenge(struct registry_name *n)
{
    int64_t patience_ms = 0;

    if (timer_is_set(&n->asked.timer) || !n->members[REGISTRY_CHALLENGER])
        return;
    for (struct registry_member *h = n->members[REGISTRY_HOLDER]; h; h = h->in.next) {
        int64_t ms = h->events->challenge(h);

        if (ms > patience_ms)
            patience_ms = ms;
    }
    challenge_begin(&n->asked, n->local->c.timers, registry_now(n), patience_ms);
}

static void reject_challengers(struct registry_name *n)
{
    challenge_end(&n->asked, n->local->c.timers);
    struct registry_member *m;
    while ((m = n->members[REGISTRY_CHALLENGER]) != NULL) {
        registry_unlist(m);
        registry_refuse(m, REPLY_HELD);
    }
}

static bool any_lives(const struct registry_name *n)
{
    const struct registry_member *h = n->members[REGISTRY_HOLDER];

    while (h && !h->events->lives(h))
        h = h->in.next;
    return h != NULL;
}

static void verdict_due(struct timer *t)
{
    struct registry_name *n = container_of(t, struct registry_name, asked.timer);
    struct registry_member *h;
    struct endpoint old;

    registry_hold(n);
    if (any_lives(n)) {
        reject_challengers(n);
    } else if (registry_now(n) < n->asked.end_ms) {
        for (h = n->members[REGISTRY_HOLDER]; h; h = h->in.next)
            h->events->remind(h);
        challenge_go_on(&n->asked, n->local->c.timers, registry_now(n));
    } else {
        old = n->members[REGISTRY_HOLDER]->peer;
        while ((h = n->members[REGISTRY_HOLDER]) != NULL)
            take_from_holder(n, h, REGISTRY_SILENT);
        first_challenger_wins(n, REGISTRY_SILENT, &old);
    }
    registry_release(n);
}

/* ---- what members ask ---- */

static struct registry_name *find_or_add(struct registry_local *l, const char *name)
{
    return registry_find_or_add(l, name, verdict_due, registry_later_due);
}

static bool same_session(const struct registry_name *n, const struct request *q)
{
    return n->has_session && q->has_session && memcmp(n->session, q->session, sizeof n->session) == 0;
}

static struct registry_member *holder_at(const struct registry_name *n, const struct registry_member *m)
{
    struct registry_member *h = n->members[REGISTRY_HOLDER];

    while (h && (h->reach != m->reach || !endpoint_equal(&h->peer, &m->peer)))
        h = h->in.next;
    return h;
}

/* A party comes through a tunnel when UDP does not reach this server any more: what it has bound by UDP is
 * dead, and would be asked first until its silence is noticed. */
static struct registry_member *holder_before(const struct registry_name *n, const struct registry_member *m)
{
    struct registry_member *h = registry_holder_of_reach(n, m->reach);

    for (int reach = 0; !h && m->reach == REACH_TUNNEL && reach < REACH_TUNNEL; reach++)
        h = registry_holder_of_reach(n, (enum reach)reach);
    return h;
}

/* Who knows the session, or comes from the same address and port, is the holder. */
static void bind_own(struct registry_name *n, struct registry_member *m)
{
    struct registry_member *old = holder_at(n, m), *h;
    bool same = same_session(n, m->in.request);
    enum registry_how how = REGISTRY_JOINED;
    struct endpoint address = m->peer;

    if (old)
        how = REGISTRY_SAME_ADDRESS;
    else if ((old = holder_before(n, m)) != NULL)
        how = REGISTRY_SAME_SESSION;
    if (old)
        address = old->peer;
    for (h = old; same && h; h = holder_before(n, m))
        take_from_holder(n, h, how);
    while (!same && (h = n->members[REGISTRY_HOLDER]) != NULL)
        take_from_holder(n, h, how);
    if (same)
        reject_challengers(n); /* it was heard, after all */
    else
        challenge_end(&n->asked, n->local->c.timers);
    become_holder(n, m, how, &address);
}

static bool displaces(const struct registry_name *n, const struct registry_member *m)
{
    const struct registry_member *h = n->members[REGISTRY_HOLDER];

    while (h && !(m->events->displaces && m->events->displaces(m, h)))
        h = h->in.next;
    return h != NULL;
}

/* Who challenges the former holder is as much, or as little, in the right as that one. */
static void bind_owned(struct registry_name *n, struct registry_member *m)
{
    struct endpoint old = n->members[REGISTRY_HOLDER]->peer;
    struct registry_member *h;

    challenge_end(&n->asked, n->local->c.timers);
    while ((h = n->members[REGISTRY_HOLDER]) != NULL)
        take_from_holder(n, h, REGISTRY_OWNER);
    become_holder(n, m, REGISTRY_OWNER, &old);
}

static void bind_against(struct registry_name *n, struct registry_member *m)
{
    enum reply_reason reason = registry_may_reach(n, m);
    struct endpoint holder = n->members[REGISTRY_HOLDER]->peer;

    if (reason != REPLY_NOTHING) {
        registry_refuse(m, reason);
        return;
    }
    registry_list(n, m, REGISTRY_CHALLENGER);
    counters_add(n->local->c.counters, COUNTER_CHALLENGED);
    registry_answer(m, (struct registry_answer){.result = REGISTRY_ASKS, .holder = holder});
    challenge(n);
}

static void local_bind(struct registry *r, struct registry_member *m, const struct request *q)
{
    struct registry_name *n = registry_find(of(r), q->host_id);
    bool held = n && n->members[REGISTRY_HOLDER], owned = held && displaces(n, m),
         own = held && (same_session(n, q) || holder_at(n, m));

    assert(m->in.role == REGISTRY_NOBODY);
    m->in.request = q;
    if (q->head) {
        if (held && !own && !owned)
            registry_refuse(m, REPLY_HELD);
        else
            registry_answer(m, (struct registry_answer){.result = REGISTRY_BOUND});
        return;
    }
    n = find_or_add(of(r), q->host_id);
    if (!n) {
        registry_refuse(m, REPLY_NO_MEMORY);
        return;
    }
    registry_hold(n);
    if (owned)
        bind_owned(n, m);
    else if (own)
        bind_own(n, m);
    else if (held)
        bind_against(n, m);
    else
        become_holder(n, m, REGISTRY_FREE, &(struct endpoint){.family = AF_UNSPEC});
    registry_release(n);
}

static void wait_for_holder(struct registry_local *l, struct registry_member *m, const struct request *q)
{
    struct registry_name *n = find_or_add(l, q->host_id);

    if (!n) {
        registry_refuse(m, REPLY_NO_MEMORY);
        return;
    }
    registry_hold(n);
    registry_list(n, m, REGISTRY_WAITER);
    registry_answer(m, (struct registry_answer){.result = REGISTRY_WAITS});
    registry_tell_missing_family(n);
    registry_release(n);
}

/* HX_OK: answered. Else the connection that it could meet has failed, and left. */
static int connect_to(struct registry_name *n, struct registry_member *m, struct registry_member *holder)
{
    enum reply_reason reason =
        registry_meeting(holder, m) == MEETING_ASKER ? REPLY_NOTHING : registry_may_reach(n, m);
    int err = HX_OK;

    if (reason != REPLY_NOTHING) {
        registry_refuse(m, reason);
        return HX_OK;
    }
    m->in.counted = true;
    registry_list(n, m, registry_pending(m->reach));
    err = registry_introduce(n, holder, m);
    if (err == HX_EAGAIN)
        registry_answer(m, (struct registry_answer){.result = REGISTRY_ADMITTED});
    else if (err < 0)
        registry_unlist(m);
    return err == HX_EAGAIN ? HX_OK : err;
}

static void local_connect(struct registry *r, struct registry_member *m, const struct request *q)
{
    struct registry_name *n = registry_find(of(r), q->host_id);
    int err = HX_ECLOSED;

    assert(m->in.role == REGISTRY_NOBODY);
    m->in.request = q;
    memset(&m->in.told, 0, sizeof m->in.told);
    m->in.counted = false;
    if (!n || !n->members[REGISTRY_HOLDER]) {
        if (q->wait_s > 0 && !q->head)
            wait_for_holder(of(r), m, q);
        else
            registry_refuse(m, REPLY_UNKNOWN);
        return;
    }
    registry_hold(n);
    struct registry_member *holder;
    while (err < 0 && (holder = registry_holder_for(n, m)) != NULL) {
        if (q->head)
            registry_answer(m, (struct registry_answer){.result = REGISTRY_MET, .holder = holder->peer});
        err = q->head ? HX_OK : connect_to(n, m, holder);
    }
    if (err < 0 && !n->members[REGISTRY_HOLDER])
        registry_refuse(m, REPLY_UNKNOWN);
    else if (err < 0 && q->head)
        registry_refuse(m, registry_missing_family(n, m));
    else if (err < 0 && registry_now(n) >= n->families_ms)
        registry_refuse_missing_family(n, m);
    else if (err < 0)
        wait_for_holder(of(r), m, q);
    registry_release(n);
}

/* The last connection of a name has gone: who waits for its other one, and not for the name,
 * waits in vain. */
static void refuse_impatient(struct registry_name *n)
{
    struct registry_member *m, *next;

    for (m = n->members[REGISTRY_WAITER]; m; m = next) {
        next = m->in.next;
        if (m->in.request->wait_s > 0)
            continue;
        registry_unlist(m);
        registry_refuse(m, REPLY_UNKNOWN);
    }
}

/* It is held no more: who waits for it with a bind has it, who asked for its holder is told. */
static void became_free(struct registry_name *n, const struct endpoint *holder)
{
    first_challenger_wins(n, REGISTRY_FREE, holder);
    if (!n->members[REGISTRY_HOLDER])
        refuse_impatient(n);
}

static void local_leave(struct registry *r, struct registry_member *m)
{
    struct registry_name *n = m->in.name;
    bool held = m->in.role == REGISTRY_HOLDER;

    if (!n)
        return;
    registry_hold(n);
    registry_unlist(m);
    if (held && !n->members[REGISTRY_HOLDER]) {
        of(r)->totals.names--;
        became_free(n, &m->peer);
    }
    if (!n->members[REGISTRY_CHALLENGER])
        challenge_end(&n->asked, of(r)->c.timers);
    registry_release(n);
}

static bool local_kick(struct registry *r, const char *name)
{
    struct registry_name *n = registry_find(of(r), name);
    struct registry_member *h = n ? n->members[REGISTRY_HOLDER] : NULL;

    if (!h)
        return false;
    struct endpoint holder = h->peer;
    registry_hold(n);
    while ((h = n->members[REGISTRY_HOLDER]) != NULL)
        take_from_holder(n, h, REGISTRY_KICKED);
    became_free(n, &holder);
    registry_release(n);
    return true;
}

static bool local_proceed(struct registry *r, struct registry_member *m)
{
    struct registry_name *n = m->in.name;

    (void)r;
    if (!n || m->in.role != REGISTRY_HOLDER)
        return false;
    registry_hold(n);
    challenge(n);
    bool more = registry_introduce_pending(n);
    registry_tell_missing_family(n);
    registry_release(n);
    return more;
}

static void local_heard(struct registry *r, struct registry_member *m)
{
    struct registry_name *n = m->in.name;

    (void)r;
    if (!n || m->in.role != REGISTRY_HOLDER)
        return;
    registry_hold(n);
    reject_challengers(n);
    registry_release(n);
}

static void local_totals(const struct registry *r, struct registry_totals *out)
{
    *out = container_of(r, const struct registry_local, base)->totals;
}

static void show(const struct registry_name *n, registry_visit *visit, void *user)
{
    const struct registry_shown shown = {.name = n->text,
                                         .holder = n->members[REGISTRY_HOLDER],
                                         .introductions = n->introductions,
                                         .held_ms = n->held_ms};

    visit(user, &shown);
}

static bool local_look(struct registry *r, uint64_t *at, int most, registry_visit *visit, void *user)
{
    const struct registry_name *names = of(r)->names, *n;
    struct table_scan scan = table_scan_begin(*at);

    while (most > 0 && (n = table_scan_next(&scan, names ? names->hh.tbl : NULL)) != NULL) {
        if (!n->members[REGISTRY_HOLDER])
            continue;
        show(n, visit, user);
        most--;
    }
    *at = scan.at;
    return scan.at != TABLE_SCAN_END;
}

static bool local_find(struct registry *r, const char *name, registry_visit *visit, void *user)
{
    const struct registry_name *n = registry_find(of(r), name);

    if (!n || !n->members[REGISTRY_HOLDER])
        return false;
    show(n, visit, user);
    return true;
}

static void local_destroy(struct registry *r)
{
    assert(!of(r)->names);
    free(of(r));
}

static const struct registry_ops local_ops = {.bind = local_bind,
                                              .connect = local_connect,
                                              .leave = local_leave,
                                              .proceed = local_proceed,
                                              .heard = local_heard,
                                              .totals = local_totals,
                                              .look = local_look,
                                              .find = local_find,
                                              .kick = local_kick,
                                              .destroy = local_destroy};

int registry_local_create(struct registry **out, const struct registry_config *config)
{
    struct registry_local *l = calloc(1, sizeof *l);

    if (!l)
        return HX_ENOMEM;
    l->base.ops = &local_ops;
    l->c = *config;
    *out = &l->base;
    return HX_OK;
}
