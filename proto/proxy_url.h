/* proto/proxy_url.h: where an HTTP proxy is and what it does not serve, as the environment variables of curl
 * say it (curl(1), ENVIRONMENT). No I/O, no allocation. */
#ifndef HX_PROTO_PROXY_URL_H
#define HX_PROTO_PROXY_URL_H

#include "base/host_port.h"
#include <stdbool.h>

#define PROXY_DEFAULT_PORT    1080 /* curl(1), --proxy */
#define PROXY_CREDENTIALS_MAX 255  /* bytes */

struct proxy_url {
    struct host_port at;
    char credentials[PROXY_CREDENTIALS_MAX + 1]; /* "USER:PASSWORD" (RFC 7617, 2); "": none */
};

/* "[http://][USER[:PASSWORD]@]HOST[:PORT][/]", USER and PASSWORD percent-encoded. HX_OK; HX_EINVAL: it is
 * none, or one of another kind (https, socks5). */
int proxy_url_parse(struct proxy_url *out, const char *text);
/* Does `list`, the value of no_proxy, name the host? "*", or entries between ',' and blanks: a domain stands
 * for itself and all below it, whether or not it begins with '.'; an address for itself, "ADDRESS/BITS" for a
 * network. */
bool no_proxy_names(const char *list, const char *host);

#endif
