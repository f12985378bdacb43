/* Who the others are, as the nameserver tells. */
#include "base/clock.h"
#include "base/container_of.h"
#include "client/group.h"
#include <string.h>

static struct group_member *find(const struct hx_group *g, const char *name)
{
    for (int i = 0; i < g->count; i++) {
        if (strcmp(g->members[i]->name, name) == 0)
            return g->members[i];
    }
    return NULL;
}

void group_forget(struct group_member *m)
{
    struct hx_group *g = m->g;
    for (int i = 0; i < g->count; i++) {
        if (g->members[i] != m)
            continue;
        g->members[i] = g->members[--g->count];
        break;
    }
    group_member_destroy(m);
}

/* The table is full: one that has gone, and to whom a connection lives on, is not followed any more. */
static bool make_room(struct hx_group *g)
{
    for (int i = 0; i < g->count && g->count == MEMBERS_MAX - 1; i++) {
        if (!g->members[i]->here)
            group_forget(g->members[i]);
    }
    return g->count < MEMBERS_MAX - 1;
}

/* NULL: there are more than there can be, or there is no memory: then the nameserver shall tell again. */
static struct group_member *find_or_add(struct hx_group *g, const char *name)
{
    struct group_member *m = find(g, name);
    if (m || !make_room(g))
        return m;
    if (group_member_create(&m, g, name) < 0) {
        g->missed = true;
        group_ask_again(g);
        return NULL;
    }
    g->members[g->count++] = m;
    return m;
}

static void member_left(struct group_member *m)
{
    if (!group_member_left(m))
        group_forget(m);
}

void group_on_missing(struct timer *t)
{
    struct hx_group *g = container_of(t, struct hx_group, missing);
    int64_t now_ms = clock_now_ms(), next_ms = INT64_MAX;
    for (int i = g->count - 1; i >= 0; i--) { /* the last one takes the place of one that is forgotten */
        struct group_member *m = g->members[i];
        if (!m->here || m->missing_ms == 0)
            continue;
        if (now_ms - m->missing_ms >= GROUP_MISSING_MS)
            member_left(m);
        else if (m->missing_ms + GROUP_MISSING_MS < next_ms)
            next_ms = m->missing_ms + GROUP_MISSING_MS;
    }
    if (next_ms < INT64_MAX)
        engine_timer_set(t, next_ms);
    group_changed(g);
}

/* We have joined anew: all that are here are told. Those that were not told the last time either have had a
 * part of their time. */
static void joined_anew(struct hx_group *g)
{
    int64_t now_ms = clock_now_ms();
    for (int i = 0; i < g->count; i++) {
        if (g->members[i]->missing_ms == 0)
            g->members[i]->missing_ms = now_ms;
    }
    if (!timer_is_set(&g->missing))
        engine_timer_set(&g->missing, now_ms + GROUP_MISSING_MS);
}

void group_told(struct hx_group *g, struct nameserver *n, const struct multipart_part *part)
{
    bool own = strcmp(part->name, g->presence.settings.own_name) == 0;
    struct group_member *m;
    if (part->member.event == MEMBER_UNTOLD)
        return;
    if (part->member.here > 0)
        g->here = part->member.here;
    switch (part->member.event) {
    case MEMBER_SELF:
        g->missed = false;
        joined_anew(g);
        break;
    case MEMBER_JOINED:
    case MEMBER_HERE:
    case MEMBER_MOVED:
        if (part->member.event == MEMBER_JOINED && !own)
            binding_hurry(&g->presence.binding);
        m = own ? NULL : find_or_add(g, part->name);
        if (m)
            group_member_told(m, n, part);
        break;
    case MEMBER_LEFT:
        m = own ? NULL : find(g, part->name);
        if (m)
            member_left(m);
        break;
    default:
        break;
    }
    group_changed(g);
}

int group_connected(const struct hx_group *g)
{
    int count = 0;
    for (int i = 0; i < g->count; i++)
        count += group_member_connected(g->members[i]);
    return count;
}

static bool has(const struct hx_group *g, bool (*is)(const struct group_member *m))
{
    for (int i = 0; i < g->count; i++) {
        if (is(g->members[i]))
            return true;
    }
    return false;
}

bool group_seeks(const struct hx_group *g)
{
    return g->missed || has(g, group_member_sought);
}

bool group_unoffered(const struct hx_group *g)
{
    return has(g, group_member_unoffered);
}

bool group_relayed(const struct hx_group *g)
{
    return has(g, group_member_relayed);
}

bool group_lost(const struct hx_group *g)
{
    int lost = 0;
    for (int i = 0; i < g->count; i++)
        lost += group_member_lost(g->members[i]);
    return lost > 0 && 2 * lost >= group_connected(g);
}

void group_members_end(struct hx_group *g)
{
    while (g->count > 0)
        group_member_destroy(g->members[--g->count]);
}
