#include "client/families_asked.h"

void families_asked_init(struct families_asked *f, int all, bool may_relay)
{
    *f = (struct families_asked){.all = all, .now = all, .may_relay = may_relay};
}

bool families_asked_next(struct families_asked *f, int family)
{
    int other = f->all & ~family;

    if (!f->narrowed && !f->relayed && other != 0) {
        f->narrowed = true;
        f->now = other;
        return true;
    }
    if (f->relayed || !f->may_relay)
        return false;
    f->narrowed = false;
    f->relayed = true;
    f->now = f->all;
    return true;
}
