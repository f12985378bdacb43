#include "test/udtcurl/url.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/codes.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uriparser/Uri.h>

#define ZONE_MAX 15 /* IFNAMSIZ without its NUL */
#define ZONE_CHARS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" /* RFC 3986, unreserved */

static size_t range_len(const UriTextRangeA *r)
{
    return r->first ? (size_t)(r->afterLast - r->first) : 0;
}

static int refuse(const char **why, int code, const char *text)
{
    *why = text;
    return code;
}

/* The zone of a link-local address is "%25ZONE" (RFC 6874) or, as curl takes it, "%ZONE". uriparser knows
 * neither: the zone is cut out of `text`, and comes back in `zone` with its '%'. It means something on
 * this host alone: the Host header is without it. */
static int cut_zone(char zone[ZONE_MAX + 2], char *text, const char **why)
{
    char *host = strstr(text, "://") + strlen("://");
    char *start = *host == '[' ? host + strcspn(host, "%]/?#") : NULL;
    zone[0] = '\0';
    if (!start || *start != '%')
        return UC_OK;
    const char *name = start + (strncmp(start, "%25", 3) == 0 && start[3] != ']' ? 3 : 1);
    size_t len = strspn(name, ZONE_CHARS);
    if (name[len] != ']' || len == 0 || len > ZONE_MAX)
        return refuse(why, UC_URL, "the address has no valid zone behind its %");
    snprintf(zone, ZONE_MAX + 2, "%%%.*s", (int)len, name);
    memmove(start, name + len, strlen(name + len) + 1);
    return UC_OK;
}

static int take_host(struct url *out, const UriUriA *uri, const char **why)
{
    size_t len = range_len(&uri->hostText);
    if (uri->userInfo.first)
        return refuse(why, UC_URL, "a user name in the URL is not supported");
    if (len == 0)
        return refuse(why, UC_URL, "no host in the URL");
    if (len > URL_HOST_MAX)
        return refuse(why, UC_URL, "the host's name is longer than 255 bytes");
    if (uri->hostData.ipFuture.first || memchr(uri->hostText.first, '%', len))
        return refuse(why, UC_URL, "the host is neither a name nor an address");
    memcpy(out->host, uri->hostText.first, len);
    out->host[len] = '\0';
    return UC_OK;
}

static int take_port(struct url *out, const UriUriA *uri, const char **why)
{
    unsigned port = 0;
    out->port = UDT_DEFAULT_PORT;
    if (range_len(&uri->portText) == 0) /* "host:" is "host" (RFC 3986, 3.2.3) */
        return UC_OK;
    for (const char *c = uri->portText.first; c < uri->portText.afterLast; c++) {
        port = port * 10 + (unsigned)(*c - '0');
        if (port > UINT16_MAX)
            return refuse(why, UC_URL, "the port is not within 1 to 65535");
    }
    if (port == 0)
        return refuse(why, UC_URL, "the port is not within 1 to 65535");
    out->port = (uint16_t)port;
    return UC_OK;
}

/* Path and query stand next to each other in the text, so the target is what lies between the authority and
 * the fragment. */
static int take_target(struct url *out, const char *text, const char **why)
{
    const char *start = strstr(text, "://") + strlen("://");
    start += strcspn(start, "/?#");
    size_t len = strcspn(start, "#");
    out->target = malloc(len + 2);
    if (!out->target)
        return refuse(why, UC_MEMORY, "out of memory");
    snprintf(out->target, len + 2, "%s%.*s", *start == '/' ? "" : "/", (int)len, start);
    return UC_OK;
}

static int take(struct url *out, const UriUriA *uri, const char *text, const char **why)
{
    int err;
    if (range_len(&uri->scheme) != 3 || strncasecmp(uri->scheme.first, "udt", 3) != 0)
        return refuse(why, UC_SCHEME, "the URL's scheme is not udt");
    err = take_host(out, uri, why);
    if (err == UC_OK)
        err = take_port(out, uri, why);
    if (err != UC_OK)
        return err;
    snprintf(out->authority, sizeof out->authority, uri->hostData.ip6 ? "[%s]" : "%s", out->host);
    if (range_len(&uri->portText) != 0)
        snprintf(out->authority + strlen(out->authority), sizeof out->authority - strlen(out->authority),
                 ":%u", out->port);
    return take_target(out, text, why);
}

static bool has_scheme(const char *text)
{
    const char *slash = text + strcspn(text, "/?#");
    return slash > text && slash[-1] == ':' && strncmp(slash, "//", 2) == 0;
}

int url_parse(struct url *out, const char *text, const char **why)
{
    const char *end;
    char *whole;
    UriUriA uri;
    char zone[ZONE_MAX + 2];
    int err;
    memset(out, 0, sizeof *out);
    if (strlen(text) > URL_MAX)
        return refuse(why, UC_URL, "the URL is longer than 65536 bytes");
    if (asprintf(&whole, "%s%s", has_scheme(text) ? "" : "udt://", text) < 0)
        return refuse(why, UC_MEMORY, "out of memory");
    err = cut_zone(zone, whole, why);
    if (err != UC_OK) {
        free(whole);
        return err;
    }
    err = uriParseSingleUriA(&uri, whole, &end);
    if (err != URI_SUCCESS) {
        free(whole);
        return err == URI_ERROR_MALLOC ? refuse(why, UC_MEMORY, "out of memory")
                                       : refuse(why, UC_URL, "the URL has a character where none may stand");
    }
    err = take(out, &uri, whole, why);
    if (err == UC_OK)
        strcat(out->host, zone); /* of an IPv6 address, which is far shorter than a name may be */
    uriFreeUriMembersA(&uri);
    free(whole);
    return err;
}

void url_free(struct url *u)
{
    free(u->target);
    u->target = NULL;
}
