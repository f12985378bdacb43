/* client/forward/authority.h: HOST:PORT, the authority of a CONNECT (RFC 9113, 8.5), and the patterns of
 * them; or the path of a Unix socket. Pure; no allocation.
 *
 * Text: "name:80", "192.0.2.1:80", "[2001:db8::1]:80". Names are letters, digits, '-', '_' and '.'; what ends
 * in a number is an IPv4 address of four decimal parts or nothing ("127.1" is refused, and "0x7f000001"), so
 * that one address has one text. A path is absolute, and compared byte for byte: "/run/../run/x" is another
 * one than "/run/x". In a CONNECT its authority is the path, percent-encoded, and no port: "%2Frun%2Fx". */
#ifndef HX_CLIENT_FORWARD_AUTHORITY_H
#define HX_CLIENT_FORWARD_AUTHORITY_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTHORITY_HOST_MAX 255                                      /* RFC 1035, 2.3.4 */
#define AUTHORITY_PATH_MAX 107                                      /* unix(7): sun_path without its NUL */
#define AUTHORITY_TEXT_MAX (AUTHORITY_HOST_MAX + sizeof "[]:65535") /* bytes that hold any, with the NUL */
#define AUTHORITY_WIRE_MAX (3 * AUTHORITY_PATH_MAX + 1)             /* likewise of what a CONNECT says */
#define AUTHORITY_UDP      "udp:" /* before one, or what listens: of datagrams */

/* AUTHORITY_ANY, in patterns: any host, but no path. */
enum authority_kind { AUTHORITY_NAME, AUTHORITY_IPV4, AUTHORITY_IPV6, AUTHORITY_ANY, AUTHORITY_UNIX };

struct authority {
    enum authority_kind kind;
    uint16_t port; /* 0 in patterns: any; 0 of a path */
    /* lower case; IPv6 as inet_ntop() writes it, without brackets; AUTHORITY_UNIX: the path as it is */
    char host[AUTHORITY_HOST_MAX + 1];
};

/* A host without brackets. HX_OK or HX_EINVAL; *out untouched on error. */
int authority_from_host(struct authority *out, const char *host, size_t len, uint16_t port);
/* The same as it is written before a port: IPv6, and nothing else, has brackets. As above. */
int authority_from_written_host(struct authority *out, const char *host, size_t len, uint16_t port);
/* A path of 1 to AUTHORITY_PATH_MAX bytes, which may be relative. As above. */
int authority_from_path(struct authority *out, const char *path);
/* The whole of `text`; the port is decimal, 1 to 65535, without leading zeros. As above. */
int authority_parse(struct authority *out, const char *text);
/* The same; HOST or PORT may be "*". As above. */
int authority_parse_pattern(struct authority *out, const char *text);
bool authority_matches(const struct authority *pattern, const struct authority *a);
/* Writes the NUL-terminated text and returns its length. */
size_t authority_format(const struct authority *a, char text[AUTHORITY_TEXT_MAX]);
/* The same as CONNECT's :authority has it, and back. HX_OK or HX_EINVAL. */
size_t authority_to_wire(const struct authority *a, char wire[AUTHORITY_WIRE_MAX]);
int authority_from_wire(struct authority *out, const char *wire);
/* Whether *text begins with AUTHORITY_UDP; what is behind that is *text from then on. */
bool authority_skip_udp(const char **text);
/* text[0..len) as a port of `least` to 65535. HX_OK or HX_EINVAL. */
int authority_parse_port(uint16_t *out, const char *text, size_t len, unsigned least);

#endif
