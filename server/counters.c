#include "server/counters.h"

static const char *const names[] = {
#define COUNTER_NAME(name, text) text,
    COUNTER_MAP(COUNTER_NAME)
#undef COUNTER_NAME
};

const char *counter_name(enum counter which)
{
    return names[which];
}

void counters_each(const struct counters *c, counter_visit *visit, void *user)
{
    for (int i = 0; i < COUNTERS; i++)
        visit(user, names[i], c->of[i]);
}
