#include "client/forward/allow.h"
#include <stdlib.h>
#include <string.h>

struct pattern {
    struct authority target;
    bool udp;
};

struct allow {
    struct pattern *patterns;
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
        free(a->patterns);
    free(a);
}

static int parse(struct pattern *out, const char *target)
{
    static const char udp[] = "udp:";
    out->udp = strncmp(target, udp, sizeof udp - 1) == 0;
    int err = authority_parse_pattern(&out->target, target + (out->udp ? sizeof udp - 1 : 0));
    return err == HX_OK && out->udp && out->target.kind == AUTHORITY_UNIX ? HX_EINVAL : err;
}

bool allow_is_pattern(const char *target)
{
    struct pattern p;
    return parse(&p, target) == HX_OK;
}

int allow_add(struct allow *a, const char *target)
{
    struct pattern added;
    int err = parse(&added, target);
    if (err != HX_OK)
        return err;
    if (a->count == ALLOW_MAX)
        return HX_ELIMIT;
    struct pattern *patterns = realloc(a->patterns, (a->count + 1) * sizeof *patterns);
    if (!patterns)
        return HX_ENOMEM;
    a->patterns = patterns;
    a->patterns[a->count++] = added;
    return HX_OK;
}

static bool permits(const struct allow *a, const struct authority *target, bool udp)
{
    for (size_t i = 0; a && i < a->count; i++) {
        if (a->patterns[i].udp == udp && authority_matches(&a->patterns[i].target, target))
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
