/* test/udtcurl/url.h: udt://HOST[:PORT][/PATH][?QUERY], parsed by uriparser (RFC 3986). No I/O. */
#ifndef HX_UDTCURL_URL_H
#define HX_UDTCURL_URL_H

#include <stddef.h>
#include <stdint.h>

#define URL_MAX      65536 /* bytes; far above what a server takes, so that its refusal can be seen */
#define URL_HOST_MAX 255   /* bytes (RFC 1035, 2.3.4) */

struct url {
    char host[URL_HOST_MAX + 1];          /* name or address, IPv6 without brackets; as typed */
    uint16_t port;                        /* UDT_DEFAULT_PORT if the URL has none */
    char authority[URL_HOST_MAX + 1 + 8]; /* the Host header's value: the port only if the URL has one */
    char *target;                         /* path and query, "/" at least; the caller's, see url_free() */
};

/* Fills *out. Text without "://" gets "udt://" in front, as curl guesses a scheme; a fragment is dropped.
 * UC_OK; UC_URL, UC_SCHEME or UC_MEMORY, and then *why is a static text and *out holds nothing to free. */
int url_parse(struct url *out, const char *text, const char **why);
void url_free(struct url *u);

#endif
