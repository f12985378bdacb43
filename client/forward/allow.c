#include "client/forward/allow.h"
#include "client/forward/patterns.h"
#include <stdlib.h>

struct allow {
    struct patterns targets;
};

int allow_create(struct allow **out)
{
    struct allow *a = calloc(1, sizeof *a);
    if (!a)
        return HX_ENOMEM;
    *out = a;
    return HX_OK;
}

void allow_destroy(struct allow *a)
{
    if (a)
        patterns_free(&a->targets);
    free(a);
}

bool allow_is_pattern(const char *target)
{
    struct pattern p;
    return pattern_parse(&p, target, false) == HX_OK;
}

int allow_add(struct allow *a, const char *target)
{
    return patterns_add(&a->targets, target, false);
}

static bool permits(const struct allow *a, const struct authority *target, bool udp)
{
    for (size_t i = 0; a && i < a->targets.count; i++) {
        const struct pattern *p = &a->targets.list[i];
        if (p->udp == udp && authority_matches(&p->at, target))
            return true;
    }
    return false;
}

bool allow_permits(const struct allow *a, const struct authority *target)
{
    return permits(a, target, false);
}

bool allow_permits_udp(const struct allow *a, const struct authority *target)
{
    return permits(a, target, true);
}
