#include "server/listen.h"
#include "base/error.h"
#include "proto/endpoint.h"
#include "shim/udt/udt.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct server_listen any_of(int family, uint16_t port)
{
    struct endpoint e = {.family = (sa_family_t)family, .port = port};
    struct server_listen l = {.any = true};

    l.len = endpoint_to_sockaddr(&e, &l.address);
    return l;
}

struct server_listen listen_any(uint16_t port)
{
    return any_of(AF_INET6, port);
}

static uint16_t port_of(const struct server_listen *l)
{
    return ntohs(l->address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&l->address)->sin6_port
                                                  : ((const struct sockaddr_in *)&l->address)->sin_port);
}

static int parse_port(uint16_t *out, const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return HX_EINVAL;
    unsigned long value = strtoul(text, NULL, 10);
    *out = (uint16_t)value;
    return value <= UINT16_MAX ? HX_OK : HX_EINVAL;
}

/* *addr and *port are within `text`; *port is NULL if there is none. A bare IPv6 address has two colons. */
static int split(char *text, const char **addr, const char **port)
{
    char *colon = strrchr(text, ':');

    *addr = text;
    *port = NULL;
    if (text[0] == '[') {
        char *end = strchr(text, ']');

        if (!end || (end[1] != '\0' && end[1] != ':'))
            return HX_EINVAL;
        if (end[1] == ':')
            *port = end + 2;
        *end = '\0';
        *addr = text + 1;
        return HX_OK;
    }
    if (colon && strchr(text, ':') == colon) {
        *colon = '\0';
        *port = colon + 1;
    }
    return HX_OK;
}

int listen_parse(struct server_listen *out, const char *value)
{
    char text[128];
    struct endpoint e = {.family = AF_UNSPEC, .port = UDT_DEFAULT_PORT};
    bool bracketed = value[0] == '[';

    if (value[0] == '\0' || strlen(value) >= sizeof text)
        return HX_EINVAL;
    strcpy(text, value);
    const char *addr, *port_text;
    if (split(text, &addr, &port_text) < 0 || (port_text && parse_port(&e.port, port_text) < 0))
        return HX_EINVAL;
    if (addr[0] == '\0' && !bracketed) {
        *out = listen_any(e.port);
        return HX_OK;
    }
    if (!bracketed && inet_pton(AF_INET, addr, e.address) == 1)
        e.family = AF_INET;
    else if (inet_pton(AF_INET6, addr, e.address) == 1)
        e.family = AF_INET6;
    else
        return HX_EINVAL;
    *out = (struct server_listen){.any = false};
    out->len = endpoint_to_sockaddr(&e, &out->address);
    return HX_OK;
}

int listen_restrict(struct server_listen *l, int family)
{
    if (l->any)
        *l = any_of(family, port_of(l));
    return l->address.ss_family == family ? HX_OK : HX_EINVAL;
}

bool listen_ipv6_only(const struct server_listen *list, size_t count, size_t which)
{
    const struct server_listen *l = &list[which];

    if (l->address.ss_family != AF_INET6 || port_of(l) == 0 ||
        !IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&l->address)->sin6_addr))
        return false;
    for (size_t i = 0; i < count; i++)
        if (list[i].address.ss_family == AF_INET && port_of(&list[i]) == port_of(l))
            return true;
    return false;
}
