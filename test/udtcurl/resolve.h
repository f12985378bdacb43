/* test/udtcurl/resolve.h: getaddrinfo() that keeps a deadline and hears signals. */
#ifndef HX_UDTCURL_RESOLVE_H
#define HX_UDTCURL_RESOLVE_H

#include <stdint.h>

struct addrinfo;

/* The addresses of `host`, `family` being AF_UNSPEC, AF_INET or AF_INET6. UC_OK: the caller frees *out with
 * freeaddrinfo(); UC_RESOLVE: *why is a static text; UC_TIMEOUT; UC_SIGNAL + number; UC_MEMORY. */
int resolve(struct addrinfo **out, const char *host, uint16_t port, int family, int64_t until_ms,
            const char **why);

#endif
