#include "server/peer_lines.h"
#include "proto/peer_fields.h"
#include <string.h>

static bool may_be_told(const struct endpoint *e)
{
    return endpoint_punchable(e) && !endpoint_loopback(e) && !endpoint_link_local(e);
}

char *peer_lines_make(const struct peer_fields *f)
{
    char text[PEER_FIELDS_TEXT_MAX];

    if (!f)
        return NULL;
    struct peer_fields told = {.mapping = f->mapping};
    for (size_t i = 0; i < f->candidates.count; i++) {
        const struct candidate *c = &f->candidates.list[i];
        if (may_be_told(&c->at))
            (void)candidates_add(&told.candidates, &c->at, c->kind);
    }
    peer_fields_format(&told, text);
    return strdup(text);
}
