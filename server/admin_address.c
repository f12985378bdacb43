#include "server/admin_address.h"
#include "base/error.h"
#include "proto/endpoint.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* There is no usual port: what is left out would be the nameserver's. */
static bool has_port(const char *text)
{
    const char *colon = strrchr(text, ':');

    return colon && colon[1] && !strchr(colon, ']') && (text[0] == '[' || strchr(text, ':') == colon);
}

int admin_address_parse(struct admin_address *out, const char *text)
{
    struct admin_address a = {.path = ""};
    size_t len = strlen(text);

    if (text[0] == '/' && len < sizeof a.path)
        memcpy(a.path, text, len + 1);
    else if (text[0] == '/' || !has_port(text) || listen_parse(&a.tcp, text) < 0)
        return HX_EINVAL;
    *out = a;
    return HX_OK;
}

bool admin_address_local(const struct admin_address *a)
{
    const struct sockaddr_storage *s = &a->tcp.address;

    if (a->path[0])
        return true;
    if (s->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)s)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)s)->sin6_addr);
}
