#include "client/forward/forward_spec.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 4
#define FIELD_MAX  (AUTHORITY_HOST_MAX + sizeof "[]")

struct fields {
    int count;
    struct {
        char text[FIELD_MAX];
        bool path;
    } field[FIELDS_MAX];
};

static int wrong(char error[FORWARD_ERROR_MAX], const char *text, const char *why)
{
    snprintf(error, FORWARD_ERROR_MAX, "'%.80s': %s", text, why);
    for (char *c = error; *c; c++) {
        if (iscntrl((unsigned char)*c))
            *c = '?';
    }
    return HX_EINVAL;
}

/* One field, up to the ':' that ends it or the end. NULL: it is too long. */
static const char *take_field(struct fields *f, const char *text)
{
    char *out = f->field[f->count].text;
    size_t len = 0;
    bool bracketed = *text == '[';
    for (; *text && (bracketed || *text != ':'); text++) {
        if (*text == '\\' && text[1])
            text++;
        else
            bracketed = bracketed && *text != ']';
        if (len + 1 == FIELD_MAX)
            return NULL;
        out[len++] = *text;
    }
    out[len] = '\0';
    f->field[f->count++].path = strchr(out, '/') != NULL;
    return text;
}

/* False: too many, or one is too long. */
static bool split(struct fields *f, const char *text)
{
    for (f->count = 0; f->count < FIELDS_MAX;) {
        text = take_field(f, text);
        if (!text || *text == '\0')
            return text != NULL;
        text++;
    }
    return false;
}

static bool take_address(struct forward_spec *spec, const char *text)
{
    struct authority a;
    spec->anywhere = strcmp(text, "*") == 0;
    if (!spec->anywhere && authority_from_written_host(&a, text, strlen(text), 0) != HX_OK)
        return false;
    if (!spec->anywhere)
        memcpy(spec->address, a.host, sizeof spec->address);
    return true;
}

/* Returns how many fields it took, or 0, and *why. */
static int take_listen(struct forward_spec *spec, const struct fields *f, const char **why)
{
    const char *first = f->field[0].text;
    if (f->field[0].path) {
        *why = "the path of a Unix socket has 107 bytes at most";
        if (strlen(first) > AUTHORITY_PATH_MAX)
            return 0;
        snprintf(spec->path, sizeof spec->path, "%.*s", AUTHORITY_PATH_MAX, first);
        return 1;
    }
    int at = *first != '\0' && strspn(first, "0123456789") == strlen(first) ? 0 : 1;
    *why = "what stands before the port is no address ([IPv6] needs brackets)";
    if (at == 1 && !take_address(spec, first))
        return 0;
    *why = "the port to listen on is a number from 0 to 65535";
    const char *port = at < f->count ? f->field[at].text : "";
    return authority_parse_port(&spec->port, port, strlen(port), 0) == HX_OK ? at + 1 : 0;
}

static bool take_target(struct forward_spec *spec, const struct fields *f, int at, const char **why)
{
    const char *host = f->field[at].text, *port_text = f->field[at + 1].text;
    uint16_t port;
    bool here = spec->kind == FORWARD_REMOTE;
    *why = here ? "-R takes [ADDR:]PORT[:HOST:PORT], or the path of a Unix socket for either end"
                : "-L takes [ADDR:]PORT:HOST:PORT, or the path of a Unix socket for either end";
    if (f->count - at == 2 && !f->field[at].path && !f->field[at + 1].path)
        return authority_parse_port(&port, port_text, strlen(port_text), 1) == HX_OK &&
               authority_from_written_host(&spec->target, host, strlen(host), port) == HX_OK;
    if (f->count - at != 1 || !f->field[at].path)
        return false;
    *why = here ? "the path of a Unix socket has 107 bytes at most"
                : "the path of a Unix socket at the other side is absolute, and has 107 bytes at most";
    return (here || f->field[at].text[0] == '/') &&
           authority_from_path(&spec->target, f->field[at].text) == HX_OK;
}

int forward_spec_parse(struct forward_spec *out, enum forward_kind kind, const char *text,
                       char error[FORWARD_ERROR_MAX])
{
    const char *udp_form = kind == FORWARD_REMOTE ? "-R udp: takes [ADDR:]PORT:HOST:PORT, and no Unix socket"
                                                  : "-L udp: takes [ADDR:]PORT:HOST:PORT, and no Unix socket";
    const char *places = text;
    struct forward_spec spec = {.kind = kind};
    struct fields fields;
    const char *why = "it is too long, or has too many parts";
    spec.udp = kind != FORWARD_SOCKS && authority_skip_udp(&places);
    if (!split(&fields, places))
        return wrong(error, text, why);
    int taken = take_listen(&spec, &fields, &why);
    if (taken == 0)
        return wrong(error, text, why);
    if (kind == FORWARD_SOCKS && taken < fields.count)
        return wrong(error, text, "-D takes [ADDR:]PORT, or the path of a Unix socket, and nothing else");
    if (kind == FORWARD_REMOTE && *spec.path && *spec.path != '/')
        return wrong(error, text, "the path of a Unix socket at the other side is absolute");
    if (kind == FORWARD_REMOTE && taken == fields.count && !spec.udp)
        spec.kind = FORWARD_REMOTE_SOCKS;
    else if (kind != FORWARD_SOCKS && !take_target(&spec, &fields, taken, &why))
        return wrong(error, text, spec.udp ? udp_form : why);
    if (spec.udp && (*spec.path || spec.target.kind == AUTHORITY_UNIX))
        return wrong(error, text, udp_form);
    *out = spec;
    return HX_OK;
}

void forward_spec_listen(const struct forward_spec *spec, char text[FORWARD_LISTEN_MAX])
{
    const char *format = strchr(spec->address, ':') ? "[%s]:%hu" : "%s:%hu";
    if (*spec->path) {
        for (const char *at = spec->path; *at; *text++ = *at++)
            if (*at == ':' || *at == '\\')
                *text++ = '\\';
        *text = '\0';
    } else if (spec->anywhere || *spec->address) {
        snprintf(text, FORWARD_LISTEN_MAX, format, spec->anywhere ? "*" : spec->address, spec->port);
    } else {
        snprintf(text, FORWARD_LISTEN_MAX, "%hu", spec->port);
    }
}
