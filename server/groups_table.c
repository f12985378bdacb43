/* Sessions by their names, and the slots of their members. */
#include "base/table_scan.h"
#include "server/groups_state.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct group *groups_find(const struct groups *groups, const char *text)
{
    struct group *g;

    HASH_FIND_STR(groups->table, text, g);
    return g;
}

struct group *groups_find_or_add(struct groups *groups, const char *text)
{
    struct group *g = groups_find(groups, text);
    size_t len = strlen(text);
    struct session random;

    if (g)
        return g;
    if (session_source_draw(&groups->secrets, &random) < 0)
        return NULL;
    g = calloc(1, sizeof *g + len + 1);
    if (!g)
        return NULL;
    g->groups = groups;
    static_assert(sizeof g->secret == sizeof random.id + sizeof random.key, "all of it is random");
    memcpy(g->secret, random.id, sizeof random.id);
    memcpy(g->secret + sizeof random.id, random.key, sizeof random.key);
    explicit_bzero(&random, sizeof random);
    memcpy(g->text, text, len + 1);
    HASH_ADD_KEYPTR(hh, groups->table, g->text, len, g);
    if (!g->hh.tbl) {
        free(g);
        return NULL;
    }
    groups->totals.sessions++;
    return g;
}

static void forget_if_empty(struct group *g)
{
    struct groups *groups = g->groups;

    if (g->busy > 0 || g->challengers)
        return;
    for (int i = 0; i < MEMBERS_MAX; i++)
        if (g->slots[i])
            return;
    HASH_DEL(groups->table, g);
    groups->totals.sessions--;
    explicit_bzero(g->secret, sizeof g->secret);
    free(g);
}

void groups_hold(struct group *g)
{
    g->busy++;
}

void groups_release(struct group *g)
{
    g->busy--;
    forget_if_empty(g);
}

struct group_member *groups_named(const struct group *g, const char *name)
{
    for (int i = 0; i < MEMBERS_MAX; i++)
        if (g->slots[i] && g->slots[i]->role != GROUP_OUT && strcmp(g->slots[i]->name, name) == 0)
            return g->slots[i];
    return NULL;
}

struct group_member *groups_member_create(struct group *g, const struct groups_joiner *j)
{
    const struct request *q = j->request;
    size_t len = strlen(q->name);
    struct group_member *m = calloc(1, sizeof *m + len + 1);

    if (!m)
        return NULL;
    m->events = j->events;
    m->owner = j->owner;
    m->group = g;
    m->lines = j->owner->lines;
    m->peer = j->owner->peer;
    m->reach = (uint8_t)j->owner->reach;
    m->slot = -1;
    m->expect = q->expect;
    m->wait_s = q->wait_s;
    m->has_session = q->has_session;
    memcpy(m->session, q->session, sizeof m->session);
    memcpy(m->name, q->name, len + 1);
    m->arrived = m->serial = ++g->arrivals;
    return m;
}

void groups_member_free(struct group_member *m)
{
    if (m->slot >= 0 || m->owner)
        return;
    free(m);
}

bool groups_take_slot(struct group_member *m)
{
    struct group *g = m->group;

    for (int i = 0; i < MEMBERS_MAX && m->slot < 0; i++)
        if (!g->slots[i]) {
            g->slots[i] = m;
            m->slot = (int8_t)i;
        }
    return m->slot >= 0;
}

void groups_leave_slot(struct group_member *m)
{
    m->group->slots[m->slot] = NULL;
    m->slot = -1;
    groups_member_free(m);
}

int groups_size(const struct group *g)
{
    int size = 0;

    for (int i = 0; i < MEMBERS_MAX; i++)
        size += g->slots[i] && g->slots[i]->role != GROUP_OUT;
    return size;
}

/* ---- for who looks ---- */

static void show(const struct group *g, struct groups_shown *out)
{
    out->text = g->text;
    out->count = 0;
    for (int i = 0; i < MEMBERS_MAX; i++) {
        const struct group_member *m = g->slots[i];

        if (!m || m->role != GROUP_MEMBER)
            continue;
        out->members[out->count].name = m->name;
        out->members[out->count++].peer = &m->peer;
    }
}

bool groups_look(const struct groups *g, uint64_t *at, int most, groups_visit *visit, void *user)
{
    struct table_scan scan = table_scan_begin(*at);
    struct groups_shown shown;
    const struct group *session;

    for (; most > 0 && (session = table_scan_next(&scan, g->table ? g->table->hh.tbl : NULL)) != NULL;
         most--) {
        show(session, &shown);
        visit(user, &shown);
    }
    *at = scan.at;
    return scan.at != TABLE_SCAN_END;
}
