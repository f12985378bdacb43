#include "server/registry_local_state.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- names and lists ---- */

struct registry_name *registry_find(const struct registry_local *l, const char *name)
{
    struct registry_name *n;

    HASH_FIND_STR(l->names, name, n);
    return n;
}

struct registry_name *registry_find_or_add(struct registry_local *l, const char *name,
                                           void (*verdict_due)(struct timer *t),
                                           void (*later_due)(struct timer *t))
{
    struct registry_name *n = registry_find(l, name);
    size_t len = strlen(name);

    if (n)
        return n;
    n = calloc(1, sizeof *n + len + 1);
    if (!n)
        return NULL;
    n->local = l;
    n->asked.timer.fire = verdict_due;
    n->later.fire = later_due;
    memcpy(n->text, name, len + 1);
    HASH_ADD_KEYPTR(hh, l->names, n->text, len, n);
    if (!n->hh.tbl) {
        free(n);
        return NULL;
    }
    return n;
}

void registry_list(struct registry_name *n, struct registry_member *m, enum registry_role role)
{
    m->in.name = n;
    m->in.role = (uint8_t)role;
    DL_APPEND2(n->members[role], m, in.prev, in.next);
    n->local->totals.waiters += role == REGISTRY_WAITER;
}

void registry_unlist(struct registry_member *m)
{
    struct registry_name *n = m->in.name;

    n->local->totals.waiters -= m->in.role == REGISTRY_WAITER;
    DL_DELETE2(n->members[m->in.role], m, in.prev, in.next);
    m->in.name = NULL;
    m->in.role = REGISTRY_NOBODY;
    m->in.prev = m->in.next = NULL;
}

static void forget_if_empty(struct registry_name *n)
{
    struct registry_local *l = n->local;

    if (n->busy > 0)
        return;
    for (int role = 0; role < REGISTRY_ROLES; role++)
        if (n->members[role])
            return;
    challenge_end(&n->asked, l->c.timers);
    timers_cancel(l->c.timers, &n->later);
    HASH_DEL(l->names, n);
    free(n);
}

/* Between the two a callback may take the last member out. */
void registry_hold(struct registry_name *n)
{
    n->busy++;
}

void registry_release(struct registry_name *n)
{
    n->busy--;
    forget_if_empty(n);
}

struct registry_member *registry_holder_of_reach(const struct registry_name *n, enum reach reach)
{
    struct registry_member *h = n->members[REGISTRY_HOLDER];

    while (h && h->reach != reach)
        h = h->in.next;
    return h;
}

enum meeting registry_meeting(const struct registry_member *holder, const struct registry_member *m)
{
    return reach_meeting(holder->reach, m->reach, holder->lines && m->lines,
                         holder->in.name->local->c.relay && m->in.request->relayed);
}

/* How well two meet who are both, or of whom the asker is, told: 0: not at all. Without a tunnel is better
 * than with one, and an address that UDP can be sent to better than one that it cannot. */
static int fit(const struct registry_member *holder, const struct registry_member *m)
{
    switch (registry_meeting(holder, m)) {
    case MEETING_BOTH:
        if (holder->reach == REACH_TCP)
            return 1;
        if (holder->reach == REACH_TUNNEL || (m->reach != REACH_TUNNEL && m->reach != holder->reach))
            return 2; /* a relay leads there, and nothing else */
        return 3;
    case MEETING_ASKER:
        return holder->peer.family == m->peer.family ? 3 : 2;
    case MEETING_HOLDER:
    case MEETING_NONE:
    default:
        return 0;
    }
}

struct registry_member *registry_holder_for(const struct registry_name *n, const struct registry_member *m)
{
    struct registry_member *best = NULL;
    int best_fit = 0;

    for (struct registry_member *h = n->members[REGISTRY_HOLDER]; h; h = h->in.next)
        if (fit(h, m) > best_fit) {
            best = h;
            best_fit = fit(h, m);
        }
    return best;
}

/* ---- answers ---- */

void registry_answer(struct registry_member *m, struct registry_answer a)
{
    m->answer = a;
    m->events->answered(m, NULL);
}

void registry_refuse(struct registry_member *m, enum reply_reason reason)
{
    registry_answer(m, (struct registry_answer){.result = REGISTRY_REFUSED, .reason = reason});
}

enum reply_reason registry_missing_family(const struct registry_name *n, const struct registry_member *m)
{
    static const enum reply_reason reasons[] = {[REACH_IPV4] = REPLY_ONLY_IPV4,
                                                [REACH_IPV6] = REPLY_ONLY_IPV6,
                                                [REACH_TUNNEL] = REPLY_ONLY_TUNNEL,
                                                [REACH_TCP] = REPLY_ONLY_TCP};
    enum reach holder = REACH_TCP;

    for (const struct registry_member *h = n->members[REGISTRY_HOLDER]; h; h = h->in.next)
        if (h->reach < holder)
            holder = h->reach;
    return m->reach == REACH_TUNNEL && holder != REACH_TCP ? REPLY_ONLY_TUNNEL : reasons[holder];
}
