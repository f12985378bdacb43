#include "client/forward/patterns.h"
#include <stdlib.h>
#include <string.h>

int pattern_parse(struct pattern *out, const char *text, bool bare)
{
    struct pattern p = {.udp = authority_skip_udp(&text)};
    p.bare =
        bare && (strcmp(text, "*") == 0 || authority_parse_port(&p.at.port, text, strlen(text), 1) == HX_OK);
    if (!p.bare && authority_parse_pattern(&p.at, text) != HX_OK)
        return HX_EINVAL;
    if (p.udp && p.at.kind == AUTHORITY_UNIX)
        return HX_EINVAL;
    *out = p;
    return HX_OK;
}

int patterns_add(struct patterns *p, const char *text, bool bare)
{
    struct pattern added;
    int err = pattern_parse(&added, text, bare);
    if (err != HX_OK)
        return err;
    if (p->count == PATTERNS_MAX)
        return HX_ELIMIT;
    struct pattern *list = realloc(p->list, (p->count + 1) * sizeof *list);
    if (!list)
        return HX_ENOMEM;
    p->list = list;
    p->list[p->count++] = added;
    return HX_OK;
}

void patterns_free(struct patterns *p)
{
    free(p->list);
    *p = (struct patterns){NULL, 0};
}
