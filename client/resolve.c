#include "client/resolve.h"
#include "proto/error.h"
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int parse_port(uint16_t *out, const char *text)
{
    unsigned value = 0;
    if (*text < '1' || *text > '9')
        return HX_EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return HX_EINVAL;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > UINT16_MAX)
            return HX_EINVAL;
    }
    *out = (uint16_t)value;
    return HX_OK;
}

int resolve_parse(struct resolve_name *out, const char *text, uint16_t default_port)
{
    const char *host = text;
    const char *port = NULL;
    size_t len;
    if (*text == '[') {
        const char *end = strchr(text, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return HX_EINVAL;
        host = text + 1;
        len = (size_t)(end - host);
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        const char *colon = strchr(text, ':');
        if (colon && strchr(colon + 1, ':'))
            colon = NULL; /* two colons: a bare IPv6 address */
        len = colon ? (size_t)(colon - text) : strlen(text);
        port = colon ? colon + 1 : NULL;
    }
    if (len == 0 || len > RESOLVE_HOST_MAX || strcspn(text, " \t\r\n/") != strlen(text))
        return HX_EINVAL;
    out->port = default_port;
    if (port && parse_port(&out->port, port) != HX_OK)
        return HX_EINVAL;
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    return HX_OK;
}

int resolve_lookup(struct resolve_list *out, const char *text, uint16_t default_port)
{
    struct resolve_name name;
    int err = resolve_parse(&name, text, default_port);
    if (err != HX_OK)
        return err;
    char port[sizeof "65535"];
    snprintf(port, sizeof port, "%hu", name.port);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(name.host, port, &hints, &found);
    if (rc != 0)
        return rc == EAI_MEMORY ? HX_ENOMEM : HX_ERESOLVE;
    out->count = 0;
    for (const struct addrinfo *a = found; a && out->count < RESOLVE_MAX; a = a->ai_next) {
        if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) ||
            a->ai_addrlen > sizeof out->address[0].sa)
            continue;
        memcpy(&out->address[out->count].sa, a->ai_addr, a->ai_addrlen);
        out->address[out->count++].len = a->ai_addrlen;
    }
    freeaddrinfo(found);
    return out->count > 0 ? HX_OK : HX_ERESOLVE;
}
