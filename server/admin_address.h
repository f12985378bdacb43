/* server/admin_address.h: the addresses of --admin. */
#ifndef HX_SERVER_ADMIN_ADDRESS_H
#define HX_SERVER_ADMIN_ADDRESS_H

#include "server/listen.h"

#define ADMIN_PATH_MAX 108 /* bytes of a Unix socket's path with its NUL (unix(7)) */

struct admin_address {
    char path[ADMIN_PATH_MAX]; /* "": it is one of TCP */
    struct server_listen tcp;  /* its `fd` also of a path */
};

/* "/PATH", or "ADDR:PORT", "[V6]:PORT", ":PORT": numeric, and with the port. HX_OK or HX_EINVAL. */
int admin_address_parse(struct admin_address *out, const char *text);
/* Nobody but this machine's own users reaches it. */
bool admin_address_local(const struct admin_address *a);

#endif
