#include "client/forward/forward_spec.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int wrong(char error[FORWARD_ERROR_MAX], const char *text, const char *why)
{
    snprintf(error, FORWARD_ERROR_MAX, "'%.80s': %s", text, why);
    for (char *c = error; *c; c++) {
        if (iscntrl((unsigned char)*c))
            *c = '?';
    }
    return HX_EINVAL;
}

/* The first part ends at a colon that no bracket holds. */
static size_t first_part(const char *text)
{
    size_t bracketed = *text == '[' ? strcspn(text, "]") : 0;
    return bracketed + strcspn(text + bracketed, ":");
}

static bool take_address(struct forward_spec *spec, const char *text, size_t len)
{
    struct authority a;
    if (len == 1 && *text == '*') {
        spec->anywhere = true;
        return true;
    }
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (authority_from_host(&a, text + bracketed, len - (bracketed ? 2 : 0), 0) != HX_OK ||
        bracketed != (a.kind == AUTHORITY_IPV6))
        return false;
    memcpy(spec->address, a.host, sizeof spec->address);
    return true;
}

int forward_spec_parse(struct forward_spec *out, enum forward_kind kind, const char *text,
                       char error[FORWARD_ERROR_MAX])
{
    struct forward_spec spec = {.kind = kind};
    const char *rest = text;
    size_t len = first_part(rest);
    bool number = len > 0 && strspn(rest, "0123456789") == len;
    if (!number) {
        if (!take_address(&spec, rest, len))
            return wrong(error, text, "what stands before the port is no address ([IPv6] needs brackets)");
        rest += rest[len] == ':' ? len + 1 : len;
        len = strcspn(rest, ":");
    }
    if (authority_parse_port(&spec.port, rest, len, 0) != HX_OK)
        return wrong(error, text, "the port to listen on is a number from 0 to 65535");
    rest += len;
    if (kind == FORWARD_SOCKS && *rest != '\0')
        return wrong(error, text, "-D takes [ADDR:]PORT and nothing else");
    if (kind == FORWARD_LOCAL && (*rest != ':' || authority_parse(&spec.target, rest + 1) != HX_OK))
        return wrong(error, text, "-L takes [ADDR:]PORT:HOST:PORT");
    *out = spec;
    return HX_OK;
}
