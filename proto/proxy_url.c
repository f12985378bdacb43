#include "proto/proxy_url.h"
#include "base/error.h"
#include "base/percent.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRY_MAX 64 /* bytes of an entry that is an address */

/* The credentials are text[0..len). */
static int read_credentials(struct proxy_url *out, const char *text, size_t len)
{
    bool has_password = memchr(text, ':', len) != NULL;
    if (len + !has_password > PROXY_CREDENTIALS_MAX)
        return HX_EINVAL;
    ssize_t used = percent_decode(out->credentials, text, len);
    if (used < 0)
        return HX_EINVAL;
    if (!has_password)
        memcpy(out->credentials + used, ":", sizeof ":");
    return HX_OK;
}

int proxy_url_parse(struct proxy_url *out, const char *text)
{
    char where[HOST_PORT_TEXT_MAX];
    const char *scheme_end = strstr(text, "://");
    const char *at = NULL;
    out->credentials[0] = '\0';
    if (scheme_end) {
        if (scheme_end - text != (ptrdiff_t)strlen("http") || strncasecmp(text, "http", strlen("http")) != 0)
            return HX_EINVAL;
        text = scheme_end + strlen("://");
    }
    size_t len = strcspn(text, "/");
    if (text[len] != '\0' && text[len + 1] != '\0')
        return HX_EINVAL;
    for (size_t i = 0; i < len; i++) /* the last one: people write passwords as they are */
        at = text[i] == '@' ? text + i : at;
    if (at && read_credentials(out, text, (size_t)(at - text)) < 0)
        return HX_EINVAL;
    if (at) {
        len -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    if (len >= sizeof where)
        return HX_EINVAL;
    memcpy(where, text, len);
    where[len] = '\0';
    return host_port_parse(&out->at, where, PROXY_DEFAULT_PORT);
}

struct address {
    int family; /* AF_UNSPEC: it is a name */
    uint8_t bytes[sizeof(struct in6_addr)];
};

static void read_address(struct address *out, const char *text)
{
    out->family = inet_pton(AF_INET, text, out->bytes) == 1    ? AF_INET
                  : inet_pton(AF_INET6, text, out->bytes) == 1 ? AF_INET6
                                                               : AF_UNSPEC;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return memcmp(a, b, bits / 8) == 0 && (rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

/* "ADDRESS" or "ADDRESS/BITS", brackets around IPv6 or none. */
static bool entry_has_address(const char *entry, size_t len, const struct address *host)
{
    char text[ENTRY_MAX + 1];
    struct address base;
    unsigned most = host->family == AF_INET ? 32 : 128, bits = most;
    if (len > 2 && entry[0] == '[' && entry[len - 1] == ']') {
        entry++;
        len -= 2;
    }
    if (len > ENTRY_MAX)
        return false;
    memcpy(text, entry, len);
    text[len] = '\0';
    char *slash = strchr(text, '/');
    if (slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
            return false;
        bits = (unsigned)strtoul(slash + 1, NULL, 10);
        *slash = '\0';
    }
    read_address(&base, text);
    return base.family == host->family && bits <= most && same_bits(base.bytes, host->bytes, bits);
}

static size_t without_dot(const char *name, size_t len)
{
    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

static bool entry_has_name(const char *entry, size_t len, const char *host)
{
    size_t host_len = without_dot(host, strlen(host));
    len = without_dot(entry, len);
    if (len > 0 && *entry == '.') {
        entry++;
        len--;
    }
    return len > 0 && len <= host_len && strncasecmp(entry, host + host_len - len, len) == 0 &&
           (len == host_len || host[host_len - len - 1] == '.');
}

bool no_proxy_names(const char *list, const char *host)
{
    struct address address;
    read_address(&address, host);
    if (strcmp(list, "*") == 0)
        return true;
    for (;;) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len == 0)
            return false;
        if (address.family == AF_UNSPEC ? entry_has_name(list, len, host)
                                        : entry_has_address(list, len, &address))
            return true;
        list += len;
    }
}
