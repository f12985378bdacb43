#include "server/auth.h"
#include "base/error.h"
#include "secure/identity.h"
#include "secure/mac.h"
#include "server/config.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

struct auth {
    struct auth_rules *rules;  /* NULL: none */
    struct auth_rules *former; /* to be given back; NULL: none */
    struct owners *owners;     /* NULL: no --auth tofu */
    size_t host_count;         /* 0: whichever */
    char hosts[CONFIG_AUTH_HOSTS_MAX][CONFIG_AUTH_HOST_MAX];
    uint8_t secret[MAC_KEY_BYTES]; /* of the nonces */
};

/* libsodium and OpenSSL make themselves ready with the first proof, for which they may read files: a confined
 * process may not (server/sandbox.h), and whoever comes first would wait. The key is the curve's base point;
 * the proof is none. */
static int warm_up(void)
{
    uint8_t key[IDENTITY_PUBLIC_BYTES], proof[IDENTITY_SIGNATURE_BYTES] = {0};

    memset(key, 0x66, sizeof key);
    key[0] = 0x58;
    int err = identity_verify(key, "", 0, proof);
    if (err == HX_EAUTH)
        err = identity_psk_verify(key, "", 0, proof);
    return err == HX_EAUTH ? HX_OK : err;
}

int auth_create(struct auth **out, const struct server_config *config)
{
    struct auth *a = calloc(1, sizeof *a);
    char nonce[AUTH_NONCE_SIZE];
    int err = HX_OK;

    if (!a)
        return HX_ENOMEM;
    a->host_count = config->auth_host_count;
    memcpy(a->hosts, config->auth_hosts, sizeof a->hosts);
    if (getrandom(a->secret, sizeof a->secret, 0) != (ssize_t)sizeof a->secret)
        err = HX_ESYS;
    if (err == HX_OK && config->auth_tofu)
        err = owners_create(&a->owners, config->max_owned);
    if (err == HX_OK)
        err = auth_nonce(a, 0, 0, nonce);
    if (err == HX_OK)
        err = warm_up();
    if (err < 0)
        auth_destroy(a);
    else
        *out = a;
    return err;
}

void auth_destroy(struct auth *a)
{
    if (!a)
        return;
    auth_rules_destroy(a->rules);
    auth_rules_destroy(a->former);
    owners_destroy(a->owners);
    explicit_bzero(a, sizeof *a);
    free(a);
}

void auth_use_rules(struct auth *a, struct auth_rules *rules)
{
    auth_rules_destroy(a->former);
    a->former = a->rules;
    a->rules = rules;
}

bool auth_tidy(struct auth *a)
{
    if (a->former && auth_rules_destroy_some(a->former, AUTH_TIDY_MAX))
        a->former = NULL;
    return a->former != NULL;
}

struct owners *auth_owners(const struct auth *a)
{
    return a->owners;
}

/* ---- judging ---- */

static struct auth_match match(const struct auth *a, const struct auth_question *q)
{
    if (!a->rules)
        return (struct auth_match){.some = false};
    return auth_rules_match(a->rules, q->action, q->name, q->key);
}

/* A name that no rule is about. */
static enum auth_verdict judge_by_owner(const struct auth *a, const struct auth_question *q)
{
    const uint8_t *owner;
    enum owners_state state = owners_look(a->owners, q->name, &owner);

    if (!q->key)
        return AUTH_UNPROVEN;
    bool own = q->key->kind == AUTHORIZATION_ED25519;
    if (state == OWNERS_OWNED)
        return own && memcmp(owner, q->key->bytes, OWNERS_KEY_BYTES) == 0 ? AUTH_KEY : AUTH_OWNED;
    return own ? AUTH_CLAIM : AUTH_DEVICE_KEY; /* another one's claim may fail */
}

enum auth_verdict auth_judge(const struct auth *a, const struct auth_question *q, const uint8_t **psk_hash)
{
    struct auth_match m = match(a, q);

    *psk_hash = m.psk_hash;
    if (m.any)
        return AUTH_OPEN;
    if (m.some && !q->key)
        return AUTH_UNPROVEN;
    if (m.some)
        return m.key ? AUTH_KEY : AUTH_FORBIDDEN;
    if (!a->owners)
        return AUTH_FORBIDDEN;
    return q->action == AUTH_BIND ? judge_by_owner(a, q) : AUTH_OPEN;
}

size_t auth_judge_cost(const struct auth *a)
{
    return 1 + (a->rules ? auth_rules_patterns(a->rules) / AUTH_PATTERNS : 0);
}

bool auth_owns(const struct auth *a, const char *name, const struct authorization_key *key)
{
    const struct auth_question q = {.action = AUTH_BIND, .name = name, .key = key};
    const uint8_t *owner;

    return a->owners && key && key->kind == AUTHORIZATION_ED25519 && !match(a, &q).some &&
           owners_look(a->owners, name, &owner) == OWNERS_OWNED &&
           memcmp(owner, key->bytes, OWNERS_KEY_BYTES) == 0;
}

/* One without a port stands for that name with each of them. */
static bool host_is(const char *allowed, const char *host)
{
    size_t len = strlen(allowed);
    bool has_port = allowed[0] == '[' ? strstr(allowed, "]:") != NULL : strchr(allowed, ':') != NULL;

    if (strncasecmp(allowed, host, len) != 0)
        return false;
    return host[len] == '\0' || (!has_port && host[len] == ':' && !strchr(host + len + 1, ':'));
}

bool auth_host_allowed(const struct auth *a, const char *host)
{
    bool allowed = a->host_count == 0;

    for (size_t i = 0; i < a->host_count && !allowed; i++)
        allowed = host_is(a->hosts[i], host);
    return allowed;
}

/* ---- proofs ---- */

int auth_nonce(const struct auth *a, int64_t conn, uint32_t proofs, char nonce[AUTH_NONCE_SIZE])
{
    struct {
        int64_t conn, proofs;
    } data = {conn, proofs};
    uint8_t code[MAC_BYTES];
    int err = mac_compute(a->secret, &data, sizeof data, code);

    if (err == HX_OK)
        base64url_encode(nonce, code, sizeof code);
    return err;
}

int auth_prove(const struct authorization *given, const uint8_t *psk_hash, const void *message, size_t len)
{
    if (given->key.kind == AUTHORIZATION_PSK)
        return psk_hash ? identity_psk_verify(psk_hash, message, len, given->proof) : HX_EAUTH;
    return identity_verify(given->key.bytes, message, len, given->proof);
}
