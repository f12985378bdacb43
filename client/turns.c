#include "client/turns.h"
#include <stddef.h>
#include <string.h>
#include <utlist.h>

#define GATES_MAX \
    16 /* one that nobody is at gives way to a new one; where there is none, the last one is shared */

struct turns_gate {
    struct host_port name;
    int families;
    int most, taken, waiting; /* turns: at a time; had; waited for */
};

static struct turns_gate gates[GATES_MAX];
static struct turn *waiting;

static bool is_of(const struct turns_gate *g, const struct host_port *name, int families)
{
    return g->most > 0 && g->families == families && g->name.port == name->port &&
           strcmp(g->name.host, name->host) == 0;
}

static struct turns_gate *gate_of(const struct host_port *name, int families)
{
    struct turns_gate *free = NULL;
    for (struct turns_gate *g = gates; g < gates + GATES_MAX; g++) {
        if (is_of(g, name, families))
            return g;
        if (g->taken + g->waiting == 0 && (!free || (free->most > 0 && g->most == 0)))
            free = g;
    }
    if (!free)
        return &gates[GATES_MAX - 1];
    *free = (struct turns_gate){.name = *name, .families = families, .most = TURNS_LEAST};
    return free;
}

bool turn_take(struct turn *t, const struct host_port *name, int families)
{
    t->gate = gate_of(name, families);
    t->waits = t->gate->taken >= t->gate->most;
    if (t->waits) {
        t->gate->waiting++;
        DL_APPEND(waiting, t);
    } else {
        t->gate->taken++;
    }
    return !t->waits;
}

/* The one that has waited longest. */
static struct turn *next_of(const struct turns_gate *g)
{
    struct turn *t = waiting;
    while (t->gate != g)
        t = t->next;
    return t;
}

static void grant(struct turns_gate *g)
{
    while (g->waiting > 0 && g->taken < g->most) {
        struct turn *t = next_of(g);
        DL_DELETE(waiting, t);
        g->waiting--;
        g->taken++;
        t->waits = false;
        t->granted(t);
    }
}

void turn_answered(const struct turn *t, bool answered)
{
    struct turns_gate *g = t->gate;
    if (!g)
        return;
    if (answered && g->most < TURNS_MAX)
        g->most++;
    else if (!answered)
        g->most = g->most / 2 > TURNS_LEAST ? g->most / 2 : TURNS_LEAST;
}

void turn_end(struct turn *t)
{
    struct turns_gate *g = t->gate;
    if (!g)
        return;
    t->gate = NULL;
    if (t->waits) {
        g->waiting--;
        DL_DELETE(waiting, t);
        return;
    }
    g->taken--;
    grant(g);
}
