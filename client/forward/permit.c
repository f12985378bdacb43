#include "client/forward/permit.h"
#include "proto/endpoint.h"
#include <stdlib.h>
#include <string.h>

struct pattern {
    bool udp;
    bool loopback; /* no ADDR was given */
    struct authority place;
};

struct permit {
    struct pattern *patterns;
    size_t count;
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
        free(p->patterns);
    free(p);
}

static int parse(struct pattern *out, const char *text)
{
    static const char udp[] = "udp:";
    struct pattern p = {.udp = strncmp(text, udp, sizeof udp - 1) == 0, .loopback = true};
    text += p.udp ? sizeof udp - 1 : 0;
    if (strcmp(text, "*") != 0 && authority_parse_port(&p.place.port, text, strlen(text), 1) != HX_OK) {
        p.loopback = false;
        if (authority_parse_pattern(&p.place, text) != HX_OK || (p.udp && p.place.kind == AUTHORITY_UNIX))
            return HX_EINVAL;
    }
    *out = p;
    return HX_OK;
}

int permit_add(struct permit *p, const char *pattern)
{
    struct pattern added;
    int err = parse(&added, pattern);
    if (err != HX_OK)
        return err;
    if (p->count == PERMIT_MAX)
        return HX_ELIMIT;
    struct pattern *patterns = realloc(p->patterns, (p->count + 1) * sizeof *patterns);
    if (!patterns)
        return HX_ENOMEM;
    p->patterns = patterns;
    p->patterns[p->count++] = added;
    return HX_OK;
}

bool permit_is_pattern(const char *pattern)
{
    struct pattern p;
    return parse(&p, pattern) == HX_OK;
}

/* What a peer may name where '*' was permitted: all addresses, localhost, or one as a number. A name would have
 * this host ask a resolver whatever the peer likes. */
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
    if (*listen->path || p->place.kind == AUTHORITY_UNIX)
        return p->place.kind == AUTHORITY_UNIX && strcmp(p->place.host, listen->path) == 0;
    if (p->place.port != 0 && p->place.port != listen->port)
        return false;
    if (p->loopback)
        return is_loopback(listen);
    if (p->place.kind == AUTHORITY_ANY)
        return is_no_name(listen);
    return !listen->anywhere && strcmp(p->place.host, listen->address) == 0;
}

bool permit_allows(const struct permit *p, const struct forward_spec *listen)
{
    for (size_t i = 0; p && i < p->count; i++) {
        if (matches(&p->patterns[i], listen))
            return true;
    }
    return false;
}
