#include "proto/candidates.h"
#include "base/error.h"
#include "proto/field.h"
#include <stdio.h>

#define KINDS_TOLD 3

static const char *const kind_words[KINDS_TOLD] = {
    [CANDIDATE_SRFLX] = "srflx", [CANDIDATE_HOST] = "host", [CANDIDATE_MAPPED] = "mapped"};

/* Its place; c->count: it is not there. */
static size_t find(const struct candidates *c, const struct endpoint *e)
{
    size_t i = 0;

    while (i < c->count && !endpoint_equal(&c->list[i].at, e))
        i++;
    return i;
}

int candidates_add(struct candidates *c, const struct endpoint *e, enum candidate_kind kind)
{
    size_t same = find(c, e);

    if (same < c->count) {
        c->list[same].host_too |= kind == CANDIDATE_HOST && c->list[same].kind != CANDIDATE_HOST;
        return HX_OK;
    }
    if (c->count == CANDIDATES_MAX)
        return HX_ELIMIT;
    c->list[c->count++] = (struct candidate){.at = *e, .kind = kind};
    return HX_OK;
}

bool candidates_meet(const struct candidates *a, const struct candidates *b)
{
    for (size_t i = 0; i < a->count; i++) {
        size_t same = find(b, &a->list[i].at);
        if (same < b->count && b->list[same].kind == CANDIDATE_SRFLX && a->list[i].kind == CANDIDATE_SRFLX)
            return true;
    }
    return false;
}

int candidate_parse(struct candidate *out, const char *text, size_t len)
{
    struct field_piece rest = {text, len}, known, address, word;
    struct candidate c;

    known = field_next(&rest, ';'); /* what follows are parameters; we know none */
    address = field_next(&known, ' ');
    word = field_trim(known);
    if (endpoint_parse(&c.at, address.at, address.len) < 0)
        return HX_EPROTO;
    for (c.kind = 0; c.kind < KINDS_TOLD; c.kind++) {
        if (field_piece_is(&word, kind_words[c.kind])) {
            *out = c;
            return HX_OK;
        }
    }
    return HX_EPROTO;
}

size_t candidate_format(const struct candidate *c, char text[CANDIDATE_TEXT_MAX])
{
    text[0] = '\0';
    if (c->kind >= KINDS_TOLD || c->at.family == AF_UNSPEC || c->at.port == 0)
        return 0;
    size_t len = endpoint_format(&c->at, text);
    return len + (size_t)snprintf(text + len, CANDIDATE_TEXT_MAX - len, " %s", kind_words[c->kind]);
}
