#include "proto/nameserver_name.h"
#include "base/error.h"
#include <string.h>
#include <strings.h>

#define HTTP_PORT  80
#define HTTPS_PORT 443
#define URL_MAX    (sizeof "https://[]:65535/?udp=65535" + HOST_PORT_HOST_MAX)

/* The text behind the prefix; NULL: it begins otherwise. */
static char *behind(char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

static void drop_slash(char *text)
{
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '/')
        text[len - 1] = '\0';
}

/* "HOST[:PORT][/][?udp=PORT]" */
static int parse_url(struct nameserver_name *out, char *text, uint16_t default_port)
{
    char *query = strchr(text, '?');
    if (query)
        *query++ = '\0';
    drop_slash(text);
    if (strpbrk(text, "@#%") || host_port_parse(&out->tcp, text, out->tls ? HTTPS_PORT : HTTP_PORT) < 0)
        return HX_EINVAL;
    out->udp = out->tcp;
    out->udp.port = default_port;
    char *port = query ? behind(query, "udp=") : NULL;
    return !query ? HX_OK : port ? host_port_parse_port(&out->udp.port, port) : HX_EINVAL;
}

static int parse_one(struct nameserver_name *out, const char *name, size_t len, uint16_t default_port)
{
    char text[URL_MAX];
    if (len >= sizeof text)
        return HX_EINVAL;
    memcpy(text, name, len);
    text[len] = '\0';
    char *https = behind(text, "https://"), *http = behind(text, "http://"), *udt = behind(text, "udt://");
    out->tls = https != NULL;
    if (https || http)
        return parse_url(out, https ? https : http, default_port);
    if (udt)
        drop_slash(udt);
    int err = host_port_parse(&out->udp, udt ? udt : text, default_port);
    out->tcp = out->udp;
    return err;
}

int nameserver_names_parse(struct nameserver_name out[NAMESERVERS_MAX], const char *text,
                           uint16_t default_port)
{
    for (int count = 0; count < NAMESERVERS_MAX; text++) {
        size_t len = strcspn(text, ",");
        if (parse_one(&out[count++], text, len, default_port) < 0)
            return HX_EINVAL;
        text += len;
        if (*text == '\0')
            return count;
    }
    return HX_EINVAL;
}
