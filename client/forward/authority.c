#include "client/forward/authority.h"
#include "base/hex.h"
#include "base/percent.h"
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Of text in lower case: whether inet_aton(), which getaddrinfo() asks, might take it for a number. */
static bool ends_in_number(const char *host)
{
    size_t len = strlen(host);
    if (len > 1 && host[len - 1] == '.')
        len--;
    size_t at = len;
    while (at > 0 && host[at - 1] != '.')
        at--;
    if (len - at >= 2 && host[at] == '0' && host[at + 1] == 'x')
        return strspn(host + at + 2, HEX_DIGITS) >= len - at - 2;
    return strspn(host + at, "0123456789") >= len - at;
}

static bool is_name(const char *host)
{
    return *host != '\0' && *host != '.' && *host != '-' && !strstr(host, "..") &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(host) && !ends_in_number(host);
}

int authority_from_host(struct authority *out, const char *host, size_t len, uint16_t port)
{
    struct authority a = {.port = port};
    unsigned char address[sizeof(struct in6_addr)];
    if (len == 0 || len > AUTHORITY_HOST_MAX || memchr(host, '\0', len))
        return HX_EINVAL;
    for (size_t i = 0; i < len; i++)
        a.host[i] = lower(host[i]);
    if (inet_pton(AF_INET6, a.host, address) == 1) {
        a.kind = AUTHORITY_IPV6;
        inet_ntop(AF_INET6, address, a.host, sizeof a.host);
    } else if (inet_pton(AF_INET, a.host, address) == 1) {
        a.kind = AUTHORITY_IPV4;
    } else if (is_name(a.host)) {
        a.kind = AUTHORITY_NAME;
    } else {
        return HX_EINVAL;
    }
    *out = a;
    return HX_OK;
}

int authority_from_written_host(struct authority *out, const char *host, size_t len, uint16_t port)
{
    struct authority a;
    bool bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';
    if (authority_from_host(&a, host + bracketed, len - (bracketed ? 2 : 0), port) != HX_OK ||
        bracketed != (a.kind == AUTHORITY_IPV6))
        return HX_EINVAL;
    *out = a;
    return HX_OK;
}

int authority_from_path(struct authority *out, const char *path)
{
    struct authority a = {.kind = AUTHORITY_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len > AUTHORITY_PATH_MAX)
        return HX_EINVAL;
    memcpy(a.host, path, len + 1);
    *out = a;
    return HX_OK;
}

int authority_parse_port(uint16_t *out, const char *text, size_t len, unsigned least)
{
    unsigned value = 0;
    if (len == 0 || len > sizeof "65535" - 1 || (text[0] == '0' && len > 1))
        return HX_EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return HX_EINVAL;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value < least || value > UINT16_MAX)
        return HX_EINVAL;
    *out = (uint16_t)value;
    return HX_OK;
}

static int parse(struct authority *out, const char *text, bool pattern)
{
    const char *colon = strrchr(text, ':');
    struct authority a = {.kind = AUTHORITY_ANY};
    if (*text == '/')
        return authority_from_path(out, text);
    if (!colon)
        return HX_EINVAL;
    size_t len = (size_t)(colon - text);
    if (!(pattern && len == 1 && *text == '*') && authority_from_written_host(&a, text, len, 0) != HX_OK)
        return HX_EINVAL;
    if (!(pattern && strcmp(colon, ":*") == 0) &&
        authority_parse_port(&a.port, colon + 1, strlen(colon + 1), 1) != HX_OK)
        return HX_EINVAL;
    *out = a;
    return HX_OK;
}

int authority_parse(struct authority *out, const char *text)
{
    return parse(out, text, false);
}

int authority_parse_pattern(struct authority *out, const char *text)
{
    return parse(out, text, true);
}

bool authority_matches(const struct authority *pattern, const struct authority *a)
{
    if (pattern->port != 0 && pattern->port != a->port)
        return false;
    if (pattern->kind == AUTHORITY_ANY)
        return a->kind != AUTHORITY_UNIX;
    return pattern->kind == a->kind && strcmp(pattern->host, a->host) == 0;
}

size_t authority_format(const struct authority *a, char text[AUTHORITY_TEXT_MAX])
{
    const char *format = a->kind == AUTHORITY_IPV6 ? "[%s]:%hu" : "%s:%hu";
    if (a->kind == AUTHORITY_UNIX)
        return (size_t)snprintf(text, AUTHORITY_TEXT_MAX, "%s", a->host);
    return (size_t)snprintf(text, AUTHORITY_TEXT_MAX, format, a->host, a->port);
}

static_assert(AUTHORITY_WIRE_MAX >= AUTHORITY_TEXT_MAX, "what is no path is the same on the wire");

size_t authority_to_wire(const struct authority *a, char wire[AUTHORITY_WIRE_MAX])
{
    if (a->kind != AUTHORITY_UNIX)
        return authority_format(a, wire);
    return (size_t)percent_encode(wire, AUTHORITY_WIRE_MAX, a->host, "");
}

int authority_from_wire(struct authority *out, const char *wire)
{
    char path[AUTHORITY_WIRE_MAX];
    size_t len = strlen(wire);
    if (*wire == '/')
        return HX_EINVAL;
    if (*wire != '%')
        return authority_parse(out, wire);
    if (len >= sizeof path || percent_decode(path, wire, len) < 0 || *path != '/')
        return HX_EINVAL;
    return authority_from_path(out, path);
}

bool authority_skip_udp(const char **text)
{
    size_t len = sizeof AUTHORITY_UDP - 1;
    if (strncmp(*text, AUTHORITY_UDP, len) != 0)
        return false;
    *text += len;
    return true;
}
