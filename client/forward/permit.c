#include "client/forward/permit.h"
#include "client/forward/patterns.h"
#include "proto/endpoint.h"
#include <stdlib.h>
#include <string.h>

struct permit {
    struct patterns places;
};

int permit_create(struct permit **out)
{
    struct permit *p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    *out = p;
    return HX_OK;
}

void permit_destroy(struct permit *p)
{
    if (p)
        patterns_free(&p->places);
    free(p);
}

int permit_add(struct permit *p, const char *pattern)
{
    return patterns_add(&p->places, pattern, true);
}

bool permit_is_pattern(const char *pattern)
{
    struct pattern p;
    return pattern_parse(&p, pattern, true) == HX_OK;
}

/* What a peer may name where '*' was permitted: all addresses, localhost, or one as a number. A name would
 * have this host ask a resolver whatever the peer likes. */
static bool is_no_name(const struct forward_spec *listen)
{
    struct authority a;
    return listen->anywhere || !*listen->address || strcmp(listen->address, "localhost") == 0 ||
           (authority_from_host(&a, listen->address, strlen(listen->address), 1) == HX_OK &&
            a.kind != AUTHORITY_NAME);
}

/* Is it one that this host alone can connect to? */
static bool is_loopback(const struct forward_spec *listen)
{
    struct authority a;
    struct endpoint e;
    char text[AUTHORITY_TEXT_MAX];
    if (listen->anywhere)
        return false;
    if (!*listen->address || strcmp(listen->address, "localhost") == 0)
        return true;
    return authority_from_host(&a, listen->address, strlen(listen->address), 1) == HX_OK &&
           endpoint_parse(&e, text, authority_format(&a, text)) == HX_OK && endpoint_loopback(&e);
}

static bool matches(const struct pattern *p, const struct forward_spec *listen)
{
    if (p->udp != listen->udp)
        return false;
    if (*listen->path || p->at.kind == AUTHORITY_UNIX)
        return p->at.kind == AUTHORITY_UNIX && strcmp(p->at.host, listen->path) == 0;
    if (p->at.port != 0 && p->at.port != listen->port)
        return false;
    if (p->bare) /* no ADDR was given */
        return is_loopback(listen);
    if (p->at.kind == AUTHORITY_ANY)
        return is_no_name(listen);
    return !listen->anywhere && strcmp(p->at.host, listen->address) == 0;
}

bool permit_allows(const struct permit *p, const struct forward_spec *listen)
{
    for (size_t i = 0; p && i < p->places.count; i++) {
        if (matches(&p->places.list[i], listen))
            return true;
    }
    return false;
}
