/* server/auth_rules.h: who may do what with which names, as the operator has written it (--auth FILE):
 *
 *     # NAME-PATTERN  ACTIONS       CREDENTIAL                                            COMMENT
 *     nas             bind          ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo  in the cellar
 *     nas             connect       psk:7dx8H...
 *     public-*        bind,connect  any
 *
 * In a pattern '*' stands for any characters, also none. Names without one are found by a hash, and a key
 * among those of a name or a pattern by another: 100,000 lines of names cost a request no more than one.
 * Patterns are tried one after another. Rules never change: others take their place. */
#ifndef HX_SERVER_AUTH_RULES_H
#define HX_SERVER_AUTH_RULES_H

#include "proto/authorization.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTH_LINE_MAX   1024    /* bytes of a line without its end */
#define AUTH_LINES_MAX  1000000 /* that say something */
#define AUTH_ERROR_MAX  384     /* bytes of an error's text with its NUL */
#define AUTH_HASH_BYTES 32      /* of a shared key: secure/identity.h */

enum auth_action { AUTH_BIND = 1, AUTH_CONNECT = 2, AUTH_JOIN = 4 };

struct auth_rules;  /* opaque */
struct auth_parser; /* opaque */

/* A text that comes in pieces; `file` is for errors, and is copied. HX_OK; HX_ENOMEM. */
int auth_parser_create(struct auth_parser **out, const char *file);
/* HX_OK; HX_EINVAL: auth_parser_error() says where and why; HX_ENOMEM. After either nothing more is taken. */
int auth_parser_feed(struct auth_parser *p, const char *data, size_t len);
/* The end of the text: *out is the caller's. Same errors. */
int auth_parser_finish(struct auth_parser *p, struct auth_rules **out);
const char *auth_parser_error(const struct auth_parser *p); /* "FILE:LINE: why"; "" if there is none */
void auth_parser_destroy(struct auth_parser *p);            /* NULL is fine */

/* A file as a whole: before the sandbox is entered. HX_OK; HX_EINVAL, with `error` set; HX_ENOMEM. */
int auth_rules_read_file(struct auth_rules **out, const char *path, char error[AUTH_ERROR_MAX]);
void auth_rules_destroy(struct auth_rules *r); /* NULL is fine */
/* `count` lines and names of rules that nobody asks any more: 100,000 at once would stop the loop for a
 * while. True: that was all. */
bool auth_rules_destroy_some(struct auth_rules *r, int count);
size_t auth_rules_count(const struct auth_rules *r);    /* lines that say something */
size_t auth_rules_patterns(const struct auth_rules *r); /* that are tried one after another */

/* What the lines that match an action and a name say. */
struct auth_match {
    bool some;               /* there are such lines */
    bool any;                /* one of them asks for no proof */
    bool key;                /* one has the key that was asked for */
    const uint8_t *psk_hash; /* of that key, if it is a shared one; as long as the rules live */
};

/* `key`: NULL: none. */
struct auth_match auth_rules_match(const struct auth_rules *r, enum auth_action action, const char *name,
                                   const struct authorization_key *key);

#endif
