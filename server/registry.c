#include "server/registry.h"
#include "base/error.h"
#include "base/hash.h"
#include "proto/host_id.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct registry_name {
    UT_hash_handle hh;
    struct registry_member *members[REGISTRY_ROLES]; /* a list for each role, in the order they came */
    char text[];                                     /* the key */
};

static struct registry_name *find(const struct registry *r, const char *name)
{
    struct registry_name *n;

    HASH_FIND_STR(r->names, name, n);
    return n;
}

static struct registry_name *find_or_add(struct registry *r, const char *name)
{
    struct registry_name *n = find(r, name);
    size_t len = strlen(name);

    if (n)
        return n;
    n = calloc(1, sizeof *n + len + 1);
    if (!n)
        return NULL;
    memcpy(n->text, name, len + 1);
    HASH_ADD_KEYPTR(hh, r->names, n->text, len, n);
    if (!n->hh.tbl) {
        free(n);
        return NULL;
    }
    return n;
}

static void list(struct registry_name *n, struct registry_member *m, enum registry_role role)
{
    m->name = n;
    m->role = role;
    DL_APPEND(n->members[role], m);
}

static void unlist(struct registry_member *m)
{
    DL_DELETE(m->name->members[m->role], m);
    m->role = REGISTRY_NONE;
    m->prev = m->next = NULL;
}

static void wake_all(struct registry_member *first)
{
    for (struct registry_member *m = first; m; m = m->next)
        m->wake(m);
}

static void forget_if_empty(struct registry *r, struct registry_name *n)
{
    for (int role = 0; role < REGISTRY_ROLES; role++)
        if (n->members[role])
            return;
    HASH_DEL(r->names, n);
    free(n);
}

int registry_join(struct registry *r, const char *name, struct registry_member *m, enum registry_role role)
{
    struct registry_name *n = find_or_add(r, name);
    struct registry_member *w;

    assert(m->role == REGISTRY_NONE && role != REGISTRY_NONE);
    if (!n)
        return HX_ENOMEM;
    if (role == REGISTRY_HOLDER && n->members[REGISTRY_HOLDER])
        return HX_ECONFLICT;
    list(n, m, role);
    r->waiters += role == REGISTRY_WAITER;
    if (role != REGISTRY_HOLDER)
        return HX_OK;
    r->holders++;
    while ((w = n->members[REGISTRY_WATCHER]) != NULL) {
        unlist(w);
        list(n, w, REGISTRY_PENDING);
    }
    wake_all(n->members[REGISTRY_WAITER]);
    return HX_OK;
}

void registry_leave(struct registry *r, struct registry_member *m)
{
    struct registry_name *n = m->name;
    bool held = m->role == REGISTRY_HOLDER;

    if (!n)
        return;
    r->holders -= held;
    r->waiters -= m->role == REGISTRY_WAITER;
    unlist(m);
    m->name = NULL;
    if (held)
        wake_all(n->members[REGISTRY_CHALLENGER]);
    forget_if_empty(r, n);
}

struct registry_member *registry_holder(const struct registry *r, const char *name)
{
    const struct registry_name *n = find(r, name);

    return n ? n->members[REGISTRY_HOLDER] : NULL;
}

const char *registry_name_of(const struct registry_member *m)
{
    return m->name ? m->name->text : NULL;
}

struct registry_member *registry_next_pending(struct registry_member *holder)
{
    struct registry_name *n = holder->name;
    struct registry_member *m = n->members[REGISTRY_PENDING];

    if (m) {
        unlist(m);
        list(n, m, REGISTRY_WATCHER);
    }
    return m;
}

bool registry_has_pending(const struct registry_member *holder)
{
    return holder->name->members[REGISTRY_PENDING] != NULL;
}

bool registry_has_challengers(const struct registry_member *holder)
{
    return holder->name->members[REGISTRY_CHALLENGER] != NULL;
}

void registry_reject_challengers(struct registry *r, struct registry_member *holder)
{
    struct registry_member *m;

    while ((m = holder->name->members[REGISTRY_CHALLENGER]) != NULL) {
        registry_leave(r, m);
        m->wake(m);
    }
}
