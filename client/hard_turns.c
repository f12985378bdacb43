#include "client/hard_turns.h"
#include "base/container_of.h"
#include <string.h>

#define SERVED_MAX 32 /* hosts whose last turn is remembered */

static struct hard_turn *current;
static struct fair_share waiting;
static struct {
    struct fair_share_source host;
    uint64_t number; /* of its last turn; 0: none */
} served[SERVED_MAX];
static uint64_t turns;

static uint64_t last_turn_of(const struct fair_share_source *host)
{
    for (int i = 0; i < SERVED_MAX; i++) {
        if (served[i].number > 0 && memcmp(served[i].host.host, host->host, sizeof host->host) == 0)
            return served[i].number;
    }
    return 0;
}

/* In the place of the host's last one, else of the oldest of all. */
static void begin(struct hard_turn *t)
{
    int at = 0;
    uint64_t last = last_turn_of(&t->waits.source);
    for (int i = 0; i < SERVED_MAX; i++) {
        if (last > 0 ? served[i].number == last : served[i].number < served[at].number)
            at = i;
    }
    current = t;
    served[at].host = t->waits.source;
    served[at].number = ++turns;
}

bool hard_turn_has(const struct hard_turn *t)
{
    return current == t;
}

bool hard_turn_take(struct hard_turn *t, const struct endpoint *host)
{
    struct fair_share_member *victim;
    if (current == t || t->waits.listed)
        return current == t;
    fair_share_source(&t->waits.source, host->family, host->address);
    if (!current) {
        begin(t);
        return true;
    }
    if (waiting.max == 0)
        fair_share_init(&waiting, HARD_TURNS_WAITING, HARD_TURNS_OF_HOST);
    while ((victim = fair_share_victim(&waiting, &t->waits.source)))
        fair_share_remove(&waiting, victim);
    fair_share_add(&waiting, &t->waits);
    return false;
}

/* Of those whose host's last turn is longest ago the one that has waited longest. */
static struct hard_turn *next_turn(void)
{
    struct fair_share_member *next = waiting.oldest;
    for (struct fair_share_member *m = next; m; m = m->next) {
        if (last_turn_of(&m->source) < last_turn_of(&next->source))
            next = m;
    }
    return next ? container_of(next, struct hard_turn, waits) : NULL;
}

void hard_turn_end(struct hard_turn *t)
{
    fair_share_remove(&waiting, &t->waits);
    if (current != t)
        return;
    current = NULL;
    struct hard_turn *next = next_turn();
    if (!next)
        return;
    fair_share_remove(&waiting, &next->waits);
    begin(next);
    next->granted(next);
}

bool hard_turns_wanted(void)
{
    return waiting.count > 0;
}
