/* test/unit/auth_fixture.h: a server that asks for proofs, and peers that prove keys to it. */
#ifndef HX_TEST_AUTH_FIXTURE_H
#define HX_TEST_AUTH_FIXTURE_H

#include "base/error.h"
#include "secure/identity.h"
#include "server/auth.h"
#include "server/counters.h" /* has an H1 of its own */

#include "test/unit/server_fixture.h"

#include "test/unit/rules_of.h"

#define PROVEN_MAX 4096 /* bytes of a request with a proof, with their NUL */

/* What a request is proven with. Zeroed but for the identity: an honest one. */
struct prover {
    struct identity identity;
    uint8_t hash[IDENTITY_HASH_BYTES];
    bool shared;                                              /* by `hash` */
    const char *nonce, *method, *signed_target, *signed_host; /* NULL: those that are right */
    const char *host;                                         /* of the Host field; NULL: none */
    const char *more;                                         /* further header lines; NULL: none */
};

static struct auth *fixture_auth; /* of the server that is being tested */

/* `rules`: NULL: none. */
static inline void fixture_authorize(struct fixture *f, const char *rules, bool tofu)
{
    f->config.auth_tofu = tofu;
    assert_int_equal(auth_create(&fixture_auth, &f->config), HX_OK);
    if (rules)
        auth_use_rules(fixture_auth, rules_of(rules));
    server_use_auth(fixture_server(f), fixture_auth);
}

static inline int auth_teardown(void **state)
{
    int err = fixture_teardown(state);

    auth_destroy(fixture_auth);
    fixture_auth = NULL;
    return err;
}

static inline struct prover new_prover(void)
{
    struct prover p;

    memset(&p, 0, sizeof p);
    assert_int_equal(identity_generate(&p.identity), HX_OK);
    return p;
}

/* A line of rules for its key, into `rules`. */
static inline char *add_rule(char *rules, const char *name, const char *actions, const struct prover *p)
{
    char *at = rules + strlen(rules), text[BASE64URL_SIZE(IDENTITY_HASH_BYTES)];

    base64url_encode(text, p->shared ? p->hash : p->identity.public_key, IDENTITY_HASH_BYTES);
    sprintf(at, "%s %s %s:%s\n", name, actions, p->shared ? "psk" : "ed25519", text);
    return rules;
}

/* The nonce that the peer was told last. */
static inline const char *nonce_of(const struct fake_stream *s, char nonce[AUTHORIZATION_NONCE_MAX + 1])
{
    const char *found = NULL;

    for (const char *at = s->output; (at = strstr(at, "nonce=\"")) != NULL; at++)
        found = at + strlen("nonce=\"");
    assert_non_null(found);
    snprintf(nonce, AUTHORIZATION_NONCE_MAX + 1, "%.*s", (int)strcspn(found, "\""), found);
    return nonce;
}

/* The value of its Authorization field for that request. */
static inline void prove(const struct prover *p, const char *nonce, const char *method, const char *target,
                         char text[AUTHORIZATION_TEXT_MAX])
{
    struct authorization a;
    char message[AUTHORIZATION_MESSAGE_MAX];
    const char *host = p->signed_host ? p->signed_host : p->host ? p->host : "";
    ssize_t len = authorization_message(message, nonce, p->method ? p->method : method,
                                        p->signed_target ? p->signed_target : target, host);

    memset(&a, 0, sizeof a);
    assert_true(len > 0);
    if (p->shared) {
        a.key.kind = AUTHORIZATION_PSK;
        assert_int_equal(identity_psk_id(p->hash, a.key.bytes), HX_OK);
        assert_int_equal(identity_psk_sign(p->hash, message, (size_t)len, a.proof), HX_OK);
    } else {
        memcpy(a.key.bytes, p->identity.public_key, sizeof p->identity.public_key);
        assert_int_equal(identity_sign(&p->identity, message, (size_t)len, a.proof), HX_OK);
    }
    authorization_format(text, &a);
}

/* The request with a proof under the nonce that the peer was told last. */
static inline const char *proven_request(char text[PROVEN_MAX], const struct fake_stream *s,
                                         const struct prover *p, const char *method, const char *target)
{
    char nonce[AUTHORIZATION_NONCE_MAX + 1], proof[AUTHORIZATION_TEXT_MAX];

    prove(p, p->nonce ? p->nonce : nonce_of(s, nonce), method, target, proof);
    snprintf(text, PROVEN_MAX, "%s %s HTTP/1.1\r\n%s%s%sAuthorization: %s\r\n%s\r\n", method, target,
             p->host ? "Host: " : "", p->host ? p->host : "", p->host ? "\r\n" : "", proof,
             p->more ? p->more : "");
    return text;
}

static inline void say_proven(struct fixture *f, struct fake_stream *s, const struct prover *p,
                              const char *method, const char *target)
{
    char text[PROVEN_MAX];

    proven_request(text, s, p, method, target);
    fake_stream_forget(s);
    fixture_say(f, s, text);
}

/* A new peer that is asked for a proof, and gives it. */
static inline struct fake_stream *ask_proven(struct fixture *f, const char *address, const struct prover *p,
                                             const char *target)
{
    struct fake_stream *s = fixture_ask(f, address, target);

    if (fixture_status(s) != 401)
        fail_msg("no challenge, but %s", s->output);
    say_proven(f, s, p, "GET", target);
    return s;
}

static inline uint64_t counted(struct fixture *f, enum counter which)
{
    return server_counters(f->server)->of[which];
}

#define AUTH_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, auth_teardown)

#endif
