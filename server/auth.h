/* server/auth.h: who may bind, connect and join: the operator's rules (server/auth_rules.h) and, under --auth
 * tofu, the names' owners (server/owners.h). It judges and verifies; server/conn_auth.c answers.
 *
 *   auth_judge() ─► OPEN: go on
 *                ─► KEY, CLAIM: auth_prove(), then go on, or claim the name first
 *                ─► UNPROVEN: 401; FORBIDDEN, OWNED, DEVICE_KEY: 403 */
#ifndef HX_SERVER_AUTH_H
#define HX_SERVER_AUTH_H

#include "proto/authorization.h"
#include "server/auth_rules.h"
#include "server/owners.h"

#define AUTH_TURN_MAX   8    /* proofs that are verified in one turn of the loop: half a millisecond */
#define AUTH_TIDY_MAX   1024 /* lines of former rules that are given back in one turn */
#define AUTH_PATTERNS   32   /* that are tried in the time of a verdict without any */
#define AUTH_NONCE_SIZE BASE64URL_SIZE(16)

struct auth; /* opaque */
struct server_config;

enum auth_verdict {
    AUTH_OPEN,      /* whoever it is */
    AUTH_KEY,       /* once the key is proven */
    AUTH_CLAIM,     /* the same, and the name, which is nobody's, becomes the key's */
    AUTH_UNPROVEN,  /* some key must be proven, and none is named */
    AUTH_FORBIDDEN, /* not with this key, or nobody */
    AUTH_OWNED,     /* the same, since the name is owned by another key */
    AUTH_DEVICE_KEY /* the same, since only a key of one's own can own a name */
};

/* What somebody wants, and with which key; `key`: NULL: none. */
struct auth_question {
    enum auth_action action;
    const char *name;
    const struct authorization_key *key;
};

/* HX_OK; HX_ENOMEM; HX_ESYS: no randomness. *config is copied from. Without rules no line matches. */
int auth_create(struct auth **out, const struct server_config *config);
void auth_destroy(struct auth *a); /* NULL is fine */
/* Takes them in place of the former ones. NULL: none. */
void auth_use_rules(struct auth *a, struct auth_rules *rules);
/* Once in each turn of the loop: gives former rules back, piece by piece. False: that was all. */
bool auth_tidy(struct auth *a);
struct owners *auth_owners(const struct auth *a); /* NULL: there is no --auth tofu */

/* *psk_hash: after KEY of a shared key what it is verified with; as long as the rules stay. */
enum auth_verdict auth_judge(const struct auth *a, const struct auth_question *q, const uint8_t **psk_hash);
/* How many verdicts without patterns one takes the time of: 1, or more. */
size_t auth_judge_cost(const struct auth *a);
/* KEY by its owner, and by no rule. */
bool auth_owns(const struct auth *a, const char *name, const struct authorization_key *key);
/* Whether proofs over this Host count (--auth-host). */
bool auth_host_allowed(const struct auth *a, const char *host);

/* The nonce of a connection that has had so many proofs accepted: nothing of it is kept. HX_OK; HX_ENOMEM. */
int auth_nonce(const struct auth *a, int64_t conn, uint32_t proofs, char nonce[AUTH_NONCE_SIZE]);
/* HX_OK: proven; HX_EAUTH: it is no proof of that message; HX_ENOMEM. */
int auth_prove(const struct authorization *given, const uint8_t *psk_hash, const void *message, size_t len);

#endif
