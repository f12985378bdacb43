#include "client/tool/roster.h"
#include <stdio.h>
#include <string.h>

#define NAMED_MAX 4 /* of those that are not connected; the others are counted */

static struct roster_member *find(struct roster *r, const char *name)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->members[i].name, name) == 0)
            return &r->members[i];
    }
    return NULL;
}

/* NULL: there are too many, as no nameserver of ours tells. */
static struct roster_member *find_or_add(struct roster *r, const char *name)
{
    struct roster_member *m = find(r, name);
    if (m || r->count == ROSTER_MAX)
        return m;
    m = &r->members[r->count++];
    *m = (struct roster_member){.error = HX_OK};
    snprintf(m->name, sizeof m->name, "%s", name);
    return m;
}

static void forget_if_gone(struct roster *r, struct roster_member *m)
{
    if (!m->here && m->connections == 0)
        *m = r->members[--r->count];
}

void roster_here(struct roster *r, const char *name, bool here)
{
    struct roster_member *m = here ? find_or_add(r, name) : find(r, name);
    if (!m)
        return;
    m->here = here;
    forget_if_gone(r, m);
}

void roster_connected(struct roster *r, const char *name)
{
    struct roster_member *m = find_or_add(r, name);
    if (!m)
        return;
    m->connections++;
    m->error = HX_OK;
}

void roster_disconnected(struct roster *r, const char *name)
{
    struct roster_member *m = find(r, name);
    if (!m)
        return;
    m->connections -= m->connections > 0;
    forget_if_gone(r, m);
}

bool roster_failed(struct roster *r, const char *name, int error)
{
    struct roster_member *m = find(r, name);
    bool news = !m || m->error != error;
    if (m)
        m->error = error;
    return news;
}

int roster_count(const struct roster *r)
{
    int here = 1;
    for (int i = 0; i < r->count; i++)
        here += r->members[i].here;
    return here;
}

static size_t add(char *out, size_t size, size_t len, const char *text, const char *name, const char *why)
{
    if (len >= size)
        return len;
    int put = snprintf(out + len, size - len, "%s%s%s%s%s%s", len > 0 ? ", " : "", name, text,
                       why[0] ? " (" : "", why, why[0] ? ")" : "");
    return put < 0 ? len : len + (size_t)put;
}

void roster_missing(const struct roster *r, int expect, char *out, size_t size)
{
    size_t len = 0;
    int missing = expect - roster_count(r);
    int named = 0;
    int more = 0;
    char number[32];
    out[0] = '\0';
    if (missing > 0) {
        snprintf(number, sizeof number, "%d", missing);
        len = add(out, size, len, missing == 1 ? " has not come" : " have not come", number, "");
    }
    for (int i = 0; i < r->count; i++) {
        const struct roster_member *m = &r->members[i];
        if (!m->here || m->connections > 0)
            continue;
        more += named == NAMED_MAX;
        if (named < NAMED_MAX)
            len =
                add(out, size, len, " is not connected", m->name, m->error < 0 ? hx_strerror(m->error) : "");
        named += named < NAMED_MAX;
    }
    if (more > 0) {
        snprintf(number, sizeof number, "%d", more);
        (void)add(out, size, len, " more are not connected", number, "");
    }
}
