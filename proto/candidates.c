#include "proto/candidates.h"
#include "base/error.h"

static bool has(const struct candidates *c, const struct endpoint *e)
{
    for (size_t i = 0; i < c->count; i++) {
        if (endpoint_equal(&c->at[i], e))
            return true;
    }
    return false;
}

int candidates_add(struct candidates *c, const struct endpoint *e)
{
    if (has(c, e))
        return HX_OK;
    if (c->count == CANDIDATES_MAX)
        return HX_ELIMIT;
    c->at[c->count++] = *e;
    return HX_OK;
}

bool candidates_meet(const struct candidates *a, const struct candidates *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (has(b, &a->at[i]))
            return true;
    }
    return false;
}
