#include "client/turns.h"
#include <stddef.h>
#include <string.h>
#include <utlist.h>

/* One that nobody is in gives way to a new one; if there is none, the last one is shared. */
#define QUEUES_MAX 16

struct turns_queue {
    struct host_port name;
    int families;
    int most, taken, waiting; /* turns: at a time; had; waited for */
};

static struct turns_queue queues[QUEUES_MAX];
static struct turn *waiting;

static bool is_of(const struct turns_queue *q, const struct host_port *name, int families)
{
    return q->most > 0 && q->families == families && q->name.port == name->port &&
           strcmp(q->name.host, name->host) == 0;
}

static struct turns_queue *queue_of(const struct host_port *name, int families)
{
    struct turns_queue *unused = NULL;
    for (struct turns_queue *q = queues; q < queues + QUEUES_MAX; q++) {
        if (is_of(q, name, families))
            return q;
        if (q->taken + q->waiting == 0 && (!unused || (unused->most > 0 && q->most == 0)))
            unused = q;
    }
    if (!unused)
        return &queues[QUEUES_MAX - 1];
    *unused = (struct turns_queue){.name = *name, .families = families, .most = TURNS_LEAST};
    return unused;
}

bool turn_take(struct turn *t, const struct host_port *name, int families)
{
    t->queue = queue_of(name, families);
    t->waits = t->queue->taken >= t->queue->most;
    if (t->waits) {
        t->queue->waiting++;
        DL_APPEND(waiting, t);
    } else {
        t->queue->taken++;
    }
    return !t->waits;
}

/* The one that has waited longest. */
static struct turn *next_of(const struct turns_queue *q)
{
    struct turn *t = waiting;
    while (t->queue != q)
        t = t->next;
    return t;
}

static void grant(struct turns_queue *q)
{
    while (q->waiting > 0 && q->taken < q->most) {
        struct turn *t = next_of(q);
        DL_DELETE(waiting, t);
        q->waiting--;
        q->taken++;
        t->waits = false;
        t->granted(t);
    }
}

void turn_answered(const struct turn *t, bool answered)
{
    struct turns_queue *q = t->queue;
    if (!q)
        return;
    if (answered && q->most < TURNS_MAX)
        q->most++;
    else if (!answered)
        q->most = q->most / 2 > TURNS_LEAST ? q->most / 2 : TURNS_LEAST;
}

void turn_end(struct turn *t)
{
    struct turns_queue *q = t->queue;
    if (!q)
        return;
    t->queue = NULL;
    if (t->waits) {
        q->waiting--;
        DL_DELETE(waiting, t);
        return;
    }
    q->taken--;
    grant(q);
}
