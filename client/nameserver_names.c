#include "client/nameserver_names.h"
#include "base/error.h"
#include "shim/udt/udt.h"
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES (sizeof "https://[]:65535/" + HOST_PORT_HOST_MAX)

static bool skip(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncasecmp(*text, prefix, len) != 0)
        return false;
    *text += len;
    return true;
}

static int parse_one(struct host_port *udp, struct tunnel_place *tcp, const char *name, size_t name_len)
{
    char text[NAME_MAX_BYTES];
    const char *at = text;
    if (name_len >= sizeof text)
        return HX_EINVAL;
    memcpy(text, name, name_len);
    text[name_len] = '\0';
    *tcp = (struct tunnel_place){.tls = skip(&at, "https://")};
    bool url = tcp->tls || skip(&at, "http://");
    if (url && name_len > 0 && text[name_len - 1] == '/')
        text[name_len - 1] = '\0';
    int err = host_port_parse(&tcp->tcp, at, !url ? UDT_DEFAULT_PORT : tcp->tls ? 443 : 80);
    *udp = tcp->tcp;
    if (url)
        udp->port = UDT_DEFAULT_PORT;
    tcp->udp_port = udp->port;
    return err;
}

int nameserver_names_parse(struct host_port udp[NAMESERVERS_MAX], struct tunnel_place tcp[NAMESERVERS_MAX],
                           const char *text)
{
    int count = 0;
    for (;; text++) {
        size_t len = strcspn(text, ",");
        if (count == NAMESERVERS_MAX || parse_one(&udp[count], &tcp[count], text, len) < 0)
            return HX_EINVAL;
        count++;
        text += len;
        if (*text == '\0')
            return count;
    }
}
