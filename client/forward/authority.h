/* client/forward/authority.h: HOST:PORT, the authority of a CONNECT (RFC 9113, 8.5), and the patterns of
 * them. Pure; no allocation.
 *
 * Text: "name:80", "192.0.2.1:80", "[2001:db8::1]:80". Names are letters, digits, '-', '_' and '.'; what ends
 * in a number is an IPv4 address of four decimal parts or nothing ("127.1" is refused, and "0x7f000001"), so
 * that one address has one text. */
#ifndef HX_CLIENT_FORWARD_AUTHORITY_H
#define HX_CLIENT_FORWARD_AUTHORITY_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTHORITY_HOST_MAX 255                                      /* RFC 1035, 2.3.4 */
#define AUTHORITY_TEXT_MAX (AUTHORITY_HOST_MAX + sizeof "[]:65535") /* bytes that hold any, with the NUL */

enum authority_kind { AUTHORITY_NAME, AUTHORITY_IPV4, AUTHORITY_IPV6, AUTHORITY_ANY };

struct authority {
    enum authority_kind kind;
    uint16_t port;                     /* 0 in patterns: any */
    char host[AUTHORITY_HOST_MAX + 1]; /* lower case; IPv6 as inet_ntop() writes it, without brackets */
};

/* A host without brackets. HX_OK or HX_EINVAL; *out untouched on error. */
int authority_from_host(struct authority *out, const char *host, size_t len, uint16_t port);
/* The whole of `text`; the port is decimal, 1 to 65535, without leading zeros. As above. */
int authority_parse(struct authority *out, const char *text);
/* The same; HOST or PORT may be "*". As above. */
int authority_parse_pattern(struct authority *out, const char *text);
bool authority_matches(const struct authority *pattern, const struct authority *a);
/* Writes the NUL-terminated text and returns its length. */
size_t authority_format(const struct authority *a, char text[AUTHORITY_TEXT_MAX]);
/* text[0..len) as a port of `least` to 65535. HX_OK or HX_EINVAL. */
int authority_parse_port(uint16_t *out, const char *text, size_t len, unsigned least);

#endif
