#include "base/host_port.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int host_port_parse_port(uint16_t *out, const char *text)
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

int host_port_parse(struct host_port *out, const char *text, uint16_t default_port)
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
    if (len == 0 || len > HOST_PORT_HOST_MAX || strcspn(text, " \t\r\n/") != strlen(text))
        return HX_EINVAL;
    out->port = default_port;
    if (port && host_port_parse_port(&out->port, port) != HX_OK)
        return HX_EINVAL;
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    return HX_OK;
}

int host_port_parse_list(struct host_port *out, int most, const char *text, uint16_t default_port)
{
    char one[HOST_PORT_HOST_MAX + sizeof "[]:65535"];
    int count = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (count == most || len >= sizeof one)
            return HX_EINVAL;
        memcpy(one, text, len);
        one[len] = '\0';
        if (host_port_parse(&out[count++], one, default_port) != HX_OK)
            return HX_EINVAL;
        if (text[len] == '\0')
            return count;
        text += len + 1;
    }
}

const char *host_port_format(const struct host_port *h, char text[HOST_PORT_TEXT_MAX])
{
    bool ipv6 = strchr(h->host, ':') != NULL;
    snprintf(text, HOST_PORT_TEXT_MAX, ipv6 ? "[%s]:%hu" : "%s:%hu", h->host, h->port);
    return text;
}
