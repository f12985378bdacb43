/* test/udtcurl/compose.h: the request's bytes. No I/O. */
#ifndef HX_UDTCURL_COMPOSE_H
#define HX_UDTCURL_COMPOSE_H

#include <stdbool.h>

struct args;
struct buf;
struct identity;
struct url;

/* GET or HEAD or the method asked for. */
const char *compose_method(const struct args *a);
/* Appends request line, headers and empty line. A -H line "Name: value" replaces the default header of that
 * name, "Name:" removes it, "Name;" sends it without a value. `key`: proven with `nonce`; NULL: nothing is.
 * Errors of buf_append(), and of secure/identity.h. */
int compose_request(struct buf *out, const struct args *a, const struct url *u, const struct identity *key,
                    const char *nonce);

#endif
