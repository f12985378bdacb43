#include "client/forward/allow.h"
#include <stdlib.h>

struct allow {
    struct authority *targets;
    size_t count;
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
        free(a->targets);
    free(a);
}

int allow_add(struct allow *a, const char *target)
{
    struct authority added;
    int err = authority_parse_pattern(&added, target);
    if (err != HX_OK)
        return err;
    if (a->count == ALLOW_MAX)
        return HX_ELIMIT;
    struct authority *targets = realloc(a->targets, (a->count + 1) * sizeof *targets);
    if (!targets)
        return HX_ENOMEM;
    a->targets = targets;
    a->targets[a->count++] = added;
    return HX_OK;
}

bool allow_permits(const struct allow *a, const struct authority *target)
{
    for (size_t i = 0; a && i < a->count; i++) {
        if (authority_matches(&a->targets[i], target))
            return true;
    }
    return false;
}
