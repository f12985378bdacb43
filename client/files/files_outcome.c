/* What an outcome means for an entry of the plan, and for what is told of the whole. */
#include "base/clock.h"
#include "client/files/files_shared.h"
#include <stdio.h>

bool files_waits(enum files_outcome outcome)
{
    return outcome == OUTCOME_BUSY || outcome == OUTCOME_CHANGES;
}

bool files_is_last_try(struct plan_entry *e, enum files_outcome outcome, int64_t changes_ms)
{
    int64_t now_ms = clock_now_ms();
    if (outcome != OUTCOME_AGAIN && outcome != OUTCOME_CHANGES)
        return false;
    if (e->tries == 0)
        e->tried_ms = now_ms;
    e->tries += e->tries < FILES_TRIES;
    return e->tries == FILES_TRIES && (outcome == OUTCOME_AGAIN || now_ms - e->tried_ms >= changes_ms);
}

enum files_outcome files_of_tries(uint8_t *tries, enum files_outcome outcome)
{
    if (outcome != OUTCOME_AGAIN)
        return outcome;
    *tries += *tries < FILES_TRIES;
    return *tries == FILES_TRIES ? OUTCOME_FAILED : OUTCOME_AGAIN;
}

void files_forget_tries(struct plan *p)
{
    for (size_t i = 0; i < p->count; i++)
        p->entries[i].tries = 0;
}

void files_note_busy(struct files_state *s, enum files_outcome outcome, const char *reason, bool attached)
{
    s->steps += outcome != OUTCOME_BUSY;
    s->busy = outcome == OUTCOME_BUSY && attached;
    if (s->busy)
        snprintf(s->busy_with, sizeof s->busy_with, "%s", reason);
}

void files_note_done(struct files_state *s, struct plan_entry *e)
{
    e->state = PLAN_DONE;
    if (e->type != 'f')
        return;
    s->files_done++;
    s->done += e->size;
}

bool files_is_left(const struct files_config *c, const struct plan_entry *e, const struct file_entry *there)
{
    return there->type == 'f' && (c->no_clobber || (c->update && there->mtime_ns >= e->mtime_ns));
}

void files_note_left(struct files_state *s, struct plan *p, struct plan_entry *e)
{
    e->state = PLAN_DONE;
    p->files--;
    p->bytes -= e->size;
    s->files = p->files;
    s->left++;
}
