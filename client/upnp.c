#include "client/upnp.h"
#include "base/error.h"
#include <ctype.h>
#include <http_parser.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>
#include <stdio.h>
#include <string.h>

#define HTTP_PORT 80

size_t upnp_write_search(char *out, size_t size, const struct endpoint *to)
{
    char host[ENDPOINT_TEXT_MAX];
    endpoint_format(to, host);
    int len = snprintf(out, size,
                       "M-SEARCH * HTTP/1.1\r\n"
                       "HOST: %s\r\n"
                       "MAN: \"ssdp:discover\"\r\n"
                       "MX: 1\r\n"
                       "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
                       "\r\n",
                       host);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* It becomes a part of what we send: nothing in it may end a line or a word. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>&'", text[i]))
            return false;
    }
    return true;
}

static int set_path(struct upnp_url *url, const char *path, size_t len)
{
    const char *slash = len > 0 && path[0] == '/' ? "" : "/";
    if (len + 2 > sizeof url->path || !is_plain(path, len))
        return HX_EPROTO;
    snprintf(url->path, sizeof url->path, "%s%.*s", slash, (int)len, path);
    return HX_OK;
}

/* An absolute URL: "http://", an address in digits, which must be that of `gateway`, maybe a port, and the
 * rest. */
static int read_url(struct upnp_url *out, const char *text, size_t len, const struct endpoint *gateway)
{
    struct http_parser_url u;
    char host[ENDPOINT_TEXT_MAX];
    http_parser_url_init(&u);
    if (http_parser_parse_url(text, len, 0, &u) != 0 || !(u.field_set & (1 << UF_HOST)) ||
        (u.field_set & (1 << UF_USERINFO)) || u.field_data[UF_SCHEMA].len != strlen("http") ||
        strncasecmp(text + u.field_data[UF_SCHEMA].off, "http", strlen("http")) != 0)
        return HX_EPROTO;
    int host_len = snprintf(host, sizeof host, "%.*s:%u", (int)u.field_data[UF_HOST].len,
                            text + u.field_data[UF_HOST].off,
                            u.field_set & (1 << UF_PORT) ? (unsigned)u.port : HTTP_PORT);
    if (endpoint_parse(&out->at, host, (size_t)host_len) < 0 || !endpoint_same_host(&out->at, gateway))
        return HX_EPROTO;
    size_t path = u.field_set & (1 << UF_PATH) ? u.field_data[UF_PATH].off : len;
    return set_path(out, text + path, len - path);
}

int upnp_read_search(struct upnp_url *out, const char *data, size_t len, const struct endpoint *gateway)
{
    static const char ok[] = "HTTP/1.1 200", location[] = "location:";
    const char *end = data + len, *line = data, *line_end;
    if (len < strlen(ok) || memcmp(data, ok, strlen(ok)) != 0)
        return HX_EPROTO;
    for (; line < end; line = line_end + 1) {
        line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            line_end = end;
        if ((size_t)(line_end - line) < strlen(location) ||
            strncasecmp(line, location, strlen(location)) != 0)
            continue;
        const char *value = line + strlen(location);
        const char *value_end = line_end;
        while (value < value_end && isblank((unsigned char)*value))
            value++;
        while (value < value_end && isspace((unsigned char)value_end[-1]))
            value_end--;
        return read_url(out, value, (size_t)(value_end - value), gateway);
    }
    return HX_EPROTO;
}

int upnp_write_get(struct buf *out, const struct upnp_url *url)
{
    char host[ENDPOINT_TEXT_MAX];
    endpoint_format(&url->at, host);
    return buf_printf(out, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", url->path, host);
}

static bool is_connection(const char *type)
{
    static const char *const prefixes[] = {"urn:schemas-upnp-org:service:WANIPConnection:",
                                           "urn:schemas-upnp-org:service:WANPPPConnection:"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(type, prefixes[i], len) == 0)
            return strlen(type) < UPNP_TYPE_MAX && is_plain(type, strlen(type));
    }
    return false;
}

static int read_service(struct upnp_service *out, const struct IGDdatas_service *s,
                        const struct upnp_url *base)
{
    size_t len = strlen(s->controlurl);
    if (!is_connection(s->servicetype) || len == 0)
        return HX_EPROTO;
    snprintf(out->type, sizeof out->type, "%.*s", UPNP_TYPE_MAX - 1, s->servicetype);
    out->control.at = base->at;
    if (strstr(s->controlurl, "://"))
        return read_url(&out->control, s->controlurl, len, &base->at);
    return set_path(&out->control, s->controlurl, len);
}

int upnp_read_description(struct upnp_service *out, const char *data, size_t len, const struct upnp_url *from)
{
    struct IGDdatas igd;
    struct upnp_url base = *from;
    memset(&igd, 0, sizeof igd);
    memset(out, 0, sizeof *out);
    if (len == 0 || len > UPNP_DESCRIPTION_MAX)
        return HX_EPROTO;
    parserootdesc(data, (int)len, &igd);
    if (igd.urlbase[0] != '\0' && read_url(&base, igd.urlbase, strlen(igd.urlbase), &from->at) < 0)
        return HX_EPROTO;
    if (read_service(out, &igd.first, &base) == HX_OK)
        return HX_OK;
    return read_service(out, &igd.second, &base);
}

int upnp_write_action(struct buf *out, const struct upnp_service *service, const char *action,
                      const struct upnp_argument *arguments)
{
    struct buf body;
    char host[ENDPOINT_TEXT_MAX];
    buf_init(&body, 0);
    endpoint_format(&service->control.at, host);
    int err = buf_printf(&body,
                         "<?xml version=\"1.0\"?>\r\n"
                         "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                         "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">"
                         "<s:Body><u:%s xmlns:u=\"%s\">",
                         action, service->type);
    for (const struct upnp_argument *a = arguments; err >= 0 && a->name; a++)
        err = buf_printf(&body, "<%s>%s</%s>", a->name, a->value, a->name);
    if (err >= 0)
        err = buf_printf(&body, "</u:%s></s:Body></s:Envelope>\r\n", action);
    if (err >= 0)
        err = buf_printf(out,
                         "POST %s HTTP/1.1\r\n"
                         "Host: %s\r\n"
                         "Content-Type: text/xml; charset=\"utf-8\"\r\n"
                         "SOAPAction: \"%s#%s\"\r\n"
                         "Content-Length: %zu\r\n"
                         "Connection: close\r\n"
                         "\r\n"
                         "%.*s",
                         service->control.path, host, service->type, action, body.len, (int)body.len,
                         buf_data(&body));
    buf_free(&body);
    return err < 0 ? err : HX_OK;
}

bool upnp_read_value(const char *data, size_t len, const char *name, char value[UPNP_VALUE_MAX])
{
    struct NameValueParserData parsed;
    bool found = false;
    if (len == 0 || len > UPNP_REPLY_MAX)
        return false;
    ParseNameValue(data, (int)len, &parsed);
    const char *text = GetValueFromNameValueList(&parsed, name);
    if (text && strlen(text) < UPNP_VALUE_MAX) {
        memcpy(value, text, strlen(text) + 1);
        found = true;
    }
    ClearNameValueList(&parsed);
    return found;
}
