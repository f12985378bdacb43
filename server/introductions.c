#include "server/introductions.h"
#include "base/hex.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

void introductions_add(struct introductions *t, const struct introduction_made *made, int64_t now_ms)
{
    if (!t)
        return;
    struct introduction *i = &t->of[t->added % INTRODUCTIONS_KEPT];
    *i = (struct introduction){.number = ++t->added,
                               .changed = ++t->changes,
                               .at_ms = now_ms,
                               .at = {*made->h1, *made->h2},
                               .source = {*made->h1_source, *made->h2_source},
                               .unheard = made->unheard,
                               .has_session = made->session != NULL};
    snprintf(i->name, sizeof i->name, "%s", made->name);
    snprintf(i->h2_name, sizeof i->h2_name, "%s", made->h2_name);
    if (made->session)
        hex_write(i->session, made->session->id, (ATTEMPT_SESSION_MAX - 1) / 2);
}

const struct introduction *introductions_back(const struct introductions *t, uint64_t back)
{
    if (!t || back >= t->added || back >= INTRODUCTIONS_KEPT)
        return NULL;
    return &t->of[(t->added - 1 - back) % INTRODUCTIONS_KEPT];
}

void introductions_report(struct introductions *t, enum introduction_side side,
                          const struct attempt_report *r)
{
    const struct introduction *found;
    uint64_t back = 0;

    if (!t || !r->session[0])
        return;
    while ((found = introductions_back(t, back)) != NULL && strcasecmp(found->session, r->session) != 0)
        back++;
    if (!found)
        return;
    struct introduction *i = &t->of[found - t->of];
    i->reports[side].told = true;
    i->reports[side].outcome = r->outcome;
    i->reports[side].reason = r->reason;
    i->reports[side].ms = r->ms;
    i->changed = ++t->changes;
}

const struct introduction *introductions_after(const struct introductions *t, uint64_t change)
{
    const struct introduction *first = NULL, *i;

    if (!t || t->changes <= change)
        return NULL;
    for (uint64_t back = 0; (i = introductions_back(t, back)) != NULL; back++)
        if (i->changed > change && (!first || i->changed < first->changed))
            first = i;
    return first;
}
