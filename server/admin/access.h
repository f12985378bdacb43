/* server/admin/access.h: who may ask the admin listener. No I/O but for the token's file.
 *
 * With a token: whoever has it, in Authorization, or, a browser, in the cookie that `/?token=` has set.
 * Without: whoever comes by loopback or the Unix socket, and has not been sent by another site's page: such a
 * page names another host (DNS rebinding), or another origin. */
#ifndef HX_SERVER_ADMIN_ACCESS_H
#define HX_SERVER_ADMIN_ACCESS_H

#include "secure/mac.h"
#include <stdbool.h>

#define ACCESS_TOKEN_MIN 16 /* bytes: shorter ones can be guessed */
#define ACCESS_TOKEN_MAX 256
#define ACCESS_COOKIE    "hx_admin"

struct access {
    bool token; /* one is asked for */
    uint8_t key[MAC_KEY_BYTES];
    uint8_t proof[MAC_BYTES];       /* of the token */
    char cookie[2 * MAC_BYTES + 1]; /* what a browser shows in the token's place */
};

struct access_request { /* NULL where the request has none; a Unix socket's has no `host` */
    const char *authorization, *cookie, *host, *origin;
    bool by_path; /* came by a Unix socket */
};

/* Reads the file's first line. HX_OK; HX_ESYS: it cannot be read, see errno; HX_EINVAL: it is shorter or
 * longer than a token may be, or has other than printable characters; HX_ENOMEM. */
int access_read_token(struct access *a, const char *path);
/* For tests as well: the token itself. HX_OK, HX_EINVAL, HX_ENOMEM, HX_ESYS. */
int access_set_token(struct access *a, const char *token);

enum access_answer { ACCESS_GRANTED, ACCESS_NO_TOKEN, ACCESS_STRANGE_HOST, ACCESS_STRANGE_ORIGIN };
/* Whether `r` may be answered. `changes`: it asks for more than to look. */
enum access_answer access_check(const struct access *a, const struct access_request *r, bool changes);
/* In constant time. */
bool access_token_right(const struct access *a, const char *token);

#endif
