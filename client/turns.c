#include "client/turns.h"
#include <stddef.h>
#include <string.h>
#include <utlist.h>

static struct turn *taken, *waiting;

static bool same(const struct turn *t, const struct host_port *name)
{
    return t->name->port == name->port && strcmp(t->name->host, name->host) == 0;
}

static int count_taken(const struct host_port *name)
{
    int count = 0;
    for (const struct turn *t = taken; t; t = t->next)
        count += same(t, name);
    return count;
}

bool turn_take(struct turn *t, const struct host_port *name)
{
    t->name = name;
    t->waits = count_taken(name) >= TURNS_MAX;
    if (t->waits)
        DL_APPEND(waiting, t);
    else
        DL_APPEND(taken, t);
    return !t->waits;
}

/* To the one that has waited longest. */
static void grant_next(const struct host_port *name)
{
    struct turn *t;
    DL_FOREACH(waiting, t)
    {
        if (!same(t, name))
            continue;
        DL_DELETE(waiting, t);
        DL_APPEND(taken, t);
        t->waits = false;
        t->granted(t);
        return;
    }
}

void turn_end(struct turn *t)
{
    const struct host_port *name = t->name;
    if (!name)
        return;
    t->name = NULL;
    if (t->waits) {
        DL_DELETE(waiting, t);
        return;
    }
    DL_DELETE(taken, t);
    grant_next(name);
}
