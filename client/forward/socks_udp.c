#include "client/forward/socks_udp.h"
#include "client/forward/socks.h"
#include <arpa/inet.h>
#include <string.h>

enum { AT_FRAGMENT = 2, AT_TYPE = 3, AT_ADDRESS = 4, PORT_BYTES = 2 };

/* Where the address begins, and its length; 0: no such type. */
static size_t address_of(const uint8_t *bytes, size_t len, size_t *at)
{
    *at = AT_ADDRESS;
    switch (bytes[AT_TYPE]) {
    case SOCKS_TYPE_IPV4:
        return sizeof(struct in_addr);
    case SOCKS_TYPE_IPV6:
        return sizeof(struct in6_addr);
    case SOCKS_TYPE_NAME:
        *at = AT_ADDRESS + 1;
        return len > AT_ADDRESS ? bytes[AT_ADDRESS] : 0;
    default:
        return 0;
    }
}

size_t socks_udp_read(const uint8_t *bytes, size_t len, struct authority *target)
{
    struct authority to;
    size_t at;
    if (len <= AT_ADDRESS || bytes[AT_FRAGMENT] != 0)
        return 0;
    size_t host_len = address_of(bytes, len, &at), head = at + host_len + PORT_BYTES;
    if (host_len == 0 || head > len)
        return 0;
    if (socks_read_address(&to, bytes[AT_TYPE], bytes + at, host_len) != HX_OK || to.port == 0)
        return 0;
    *target = to;
    return head;
}

size_t socks_udp_write(const struct authority *from, uint8_t head[SOCKS_UDP_HEAD_MAX])
{
    size_t at = AT_ADDRESS, len = strlen(from->host);
    memset(head, 0, AT_TYPE);
    if (from->kind == AUTHORITY_NAME) {
        head[AT_TYPE] = SOCKS_TYPE_NAME;
        head[at++] = (uint8_t)len;
        memcpy(head + at, from->host, len);
    } else {
        bool six = from->kind == AUTHORITY_IPV6;
        head[AT_TYPE] = six ? SOCKS_TYPE_IPV6 : SOCKS_TYPE_IPV4;
        len = six ? sizeof(struct in6_addr) : sizeof(struct in_addr);
        (void)inet_pton(six ? AF_INET6 : AF_INET, from->host, head + at);
    }
    at += len;
    head[at] = (uint8_t)(from->port >> 8);
    head[at + 1] = (uint8_t)from->port;
    return at + PORT_BYTES;
}
