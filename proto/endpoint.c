#include "proto/endpoint.h"

#include "base/discard_only.h"
#include "base/error.h"
#include "base/ipv4_mapped.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PORT_DIGITS_MAX 5

static void set_ipv4(struct endpoint *e, const void *address, uint16_t port)
{
    *e = (struct endpoint){.family = AF_INET, .port = port};
    memcpy(e->address, address, 4);
}

static void set_ipv6(struct endpoint *e, const uint8_t address[16], uint16_t port)
{
    if (ipv4_mapped(address)) {
        set_ipv4(e, address + IPV4_MAPPED_PREFIX, port);
        return;
    }
    *e = (struct endpoint){.family = AF_INET6, .port = port};
    memcpy(e->address, address, 16);
}

int endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr *sa, socklen_t len)
{
    if (len < sizeof(sa_family_t))
        return HX_EINVAL;
    /* Copied, because a caller's buffer need not be aligned for the family's own type. */
    struct sockaddr_in in;
    if (sa->sa_family == AF_INET && len >= sizeof in) {
        memcpy(&in, sa, sizeof in);
        set_ipv4(out, &in.sin_addr, ntohs(in.sin_port));
        return HX_OK;
    }
    struct sockaddr_in6 in6;
    if (sa->sa_family == AF_INET6 && len >= sizeof in6) {
        memcpy(&in6, sa, sizeof in6);
        set_ipv6(out, in6.sin6_addr.s6_addr, ntohs(in6.sin6_port));
        return HX_OK;
    }
    return HX_EINVAL;
}

void endpoint_to_sockaddr6(const struct endpoint *e, struct sockaddr_in6 *out)
{
    *out = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
    if (e->family == AF_INET6) {
        memcpy(out->sin6_addr.s6_addr, e->address, 16);
    } else if (e->family == AF_INET) {
        ipv4_map(out->sin6_addr.s6_addr, e->address);
    }
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (e->family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
        memcpy(&in.sin_addr, e->address, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    if (e->family == AF_INET6) {
        struct sockaddr_in6 in6;
        endpoint_to_sockaddr6(e, &in6);
        memcpy(out, &in6, sizeof in6);
        return sizeof in6;
    }
    return 0;
}

uint16_t endpoint_parse_port(const char *text, size_t len)
{
    uint32_t port = 0;

    if (len == 0 || len > PORT_DIGITS_MAX || text[0] == '0')
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = 10 * port + (uint32_t)(text[i] - '0');
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

int endpoint_parse(struct endpoint *out, const char *text, size_t len)
{
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (len == 0 || len >= ENDPOINT_TEXT_MAX || memchr(text, '\0', len))
        return HX_EPROTO;
    const char *colon = memrchr(text, ':', len);
    if (!colon)
        return HX_EPROTO;
    size_t address_len = (size_t)(colon - text);
    uint16_t port = endpoint_parse_port(colon + 1, len - address_len - 1);
    bool brackets = address_len >= 2 && text[0] == '[' && text[address_len - 1] == ']';
    if (brackets) {
        text++;
        address_len -= 2;
    }
    if (port == 0 || address_len >= sizeof address)
        return HX_EPROTO;
    memcpy(address, text, address_len);
    address[address_len] = '\0';
    if (inet_pton(brackets ? AF_INET6 : AF_INET, address, bytes) != 1)
        return HX_EPROTO;
    if (brackets)
        set_ipv6(out, bytes, port);
    else
        set_ipv4(out, bytes, port);
    return HX_OK;
}

bool endpoint_has_char(char c)
{
    return c != '\0' && (isxdigit((unsigned char)c) || strchr(".:[]", c));
}

static bool parse_alone(struct endpoint *out, const char *text, size_t len)
{
    char with_port[ENDPOINT_TEXT_MAX + sizeof "[]:1"];
    bool bare = text[0] != '[' && memchr(text, ':', len);
    int n = snprintf(with_port, sizeof with_port, bare ? "[%.*s]:1" : "%.*s:1", (int)len, text);

    if (endpoint_parse(out, with_port, (size_t)n) < 0)
        return false;
    out->port = 0;
    return true;
}

size_t endpoint_in_text(struct endpoint *out, const char *text, size_t at, size_t len)
{
    const char *from = text + at;
    size_t n = 0, most = len - at < ENDPOINT_TEXT_MAX ? len - at : ENDPOINT_TEXT_MAX;

    if (at > 0 && (from[-1] == '.' || isalnum((unsigned char)from[-1])))
        return 0;
    while (n < most && endpoint_has_char(from[n]))
        n++;
    if (n == ENDPOINT_TEXT_MAX)
        return 0;
    while (n > 0 && (from[n - 1] == '.' || from[n - 1] == ':'))
        n--;
    if (n == 0)
        return 0;
    if (endpoint_parse(out, from, n) == HX_OK || parse_alone(out, from, n))
        return n;
    /* What stands behind it is 0, or no port. */
    const char *colon = from[0] == '[' ? memrchr(from, ':', n) : memchr(from, ':', n);
    return colon > from && parse_alone(out, from, (size_t)(colon - from)) ? n : 0;
}

size_t endpoint_format(const struct endpoint *e, char text[ENDPOINT_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN] = "";
    int len;

    if (e->family == AF_INET || e->family == AF_INET6)
        inet_ntop(e->family, e->address, address, sizeof address);
    if (e->family == AF_INET)
        len = snprintf(text, ENDPOINT_TEXT_MAX, "%s:%u", address, (unsigned)e->port);
    else if (e->family == AF_INET6)
        len = snprintf(text, ENDPOINT_TEXT_MAX, "[%s]:%u", address, (unsigned)e->port);
    else
        len = snprintf(text, ENDPOINT_TEXT_MAX, "-");
    return (size_t)len;
}

bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && memcmp(a->address, b->address, sizeof a->address) == 0;
}

bool endpoint_link_local(const struct endpoint *e)
{
    return e->family == AF_INET6 && e->address[0] == 0xfe && (e->address[1] & 0xc0) == 0x80;
}

bool endpoint_tunnelled(const struct endpoint *e)
{
    return e->family == AF_INET6 && discard_only(e->address);
}

bool endpoint_punchable(const struct endpoint *e)
{
    static const uint8_t zeros[16];

    if (e->port == 0)
        return false;
    if (e->family == AF_INET) /* 0.0.0.0/8; 224.0.0.0/4 and 240.0.0.0/4 (RFC 6890; RFC 5771; RFC 1112, 4) */
        return e->address[0] != 0 && e->address[0] < 0xe0;
    if (e->family == AF_INET6) /* ::, then ff00::/8 (RFC 4291, 2.5.2 and 2.7), and 100::/64 (RFC 6666) */
        return memcmp(e->address, zeros, sizeof zeros) != 0 && e->address[0] != 0xff &&
               !endpoint_tunnelled(e);
    return false;
}

bool endpoint_loopback(const struct endpoint *e)
{
    static const uint8_t ipv6[16] = {[15] = 1};

    if (e->family == AF_INET)
        return e->address[0] == 127;
    return e->family == AF_INET6 && memcmp(e->address, ipv6, sizeof ipv6) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && endpoint_same_host(a, b);
}
