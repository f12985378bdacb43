#include "client/resolve.h"
#include "base/error.h"
#include "base/host_port.h"
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int resolve_lookup(struct resolve_list *out, const char *text, uint16_t default_port)
{
    struct host_port name;
    int err = host_port_parse(&name, text, default_port);
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
