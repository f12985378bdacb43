/* proto/endpoint.h: ip:port as the wire's text shows it <-> struct sockaddr. No sockets, no allocation.
 *
 * Text forms: "192.0.2.1:7000" and "[2001:db8::1]:7000" (RFC 5952 text inside brackets). An IPv4-mapped IPv6
 * address (RFC 4291, 2.5.5.2) is an IPv4 address: endpoints hold it and print it as such. */
#ifndef HX_PROTO_ENDPOINT_H
#define HX_PROTO_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ENDPOINT_TEXT_MAX 56 /* INET6_ADDRSTRLEN (46) + "[]:65535" + NUL, rounded up */

struct endpoint {
    sa_family_t family;  /* AF_INET, AF_INET6, or AF_UNSPEC for "none" */
    uint16_t port;       /* host byte order */
    uint8_t address[16]; /* network byte order; AF_INET uses the first 4, the rest are zero */
};

/* HX_OK; HX_EINVAL: `len` too short or a family that is neither AF_INET nor AF_INET6. */
int endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr *sa, socklen_t len);
/* Fills a sockaddr_in6, IPv4 as mapped: what a dual-stack socket takes. */
void endpoint_to_sockaddr6(const struct endpoint *e, struct sockaddr_in6 *out);
/* Fills `out` in the endpoint's own family; returns the length to pass along with it (0 for AF_UNSPEC). */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out);
/* Strict: the whole of text[0..len) must be one endpoint; the port is decimal 1 to 65535 without leading
 * zeros; IPv6 only in brackets and without a zone. HX_OK or HX_EPROTO; *out untouched on error. */
int endpoint_parse(struct endpoint *out, const char *text, size_t len);
/* A port alone, likewise; 0: it is none. */
uint16_t endpoint_parse_port(const char *text, size_t len);
/* What text[at..len) begins with, in a text of whatever kind, and not in the middle of a word: an address alone
 * (IPv6 in brackets or not), or one before a port, which may be 0 or none; then out->port is 0. What ends a
 * sentence is not of it. Returns its length; 0: it is none. */
size_t endpoint_in_text(struct endpoint *out, const char *text, size_t at, size_t len);
bool endpoint_has_char(char c); /* such a text may have it */
/* Writes the NUL-terminated text and returns its length; AF_UNSPEC gives "-". */
size_t endpoint_format(const struct endpoint *e, char text[ENDPOINT_TEXT_MAX]);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);     /* family, address, port */
bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b); /* family, address */
/* An IPv6 address of one link alone (RFC 4291, 2.5.6): it means nothing without the interface. */
bool endpoint_link_local(const struct endpoint *e);
/* False for what can be nobody's address: port 0, unspecified, multicast, reserved, broadcast, and what
 * stands for who has none (base/discard_only.h). Nobody may be able to make us send there. */
bool endpoint_punchable(const struct endpoint *e);
/* Whether it stands for somebody who is reached through TCP (base/discard_only.h). */
bool endpoint_tunnelled(const struct endpoint *e);
bool endpoint_loopback(const struct endpoint *e); /* 127.0.0.0/8, ::1 */

#endif
