/* Who may do what it asks for (server/auth.h), before the registry hears of it. */
#include "base/error.h"
#include "server/conn_state.h"
#include "server/policy.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static enum auth_action action_of(const struct conn *c)
{
    switch (c->request->target) {
    case REQUEST_BIND:
        return AUTH_BIND;
    case REQUEST_JOIN:
        return AUTH_JOIN;
    default:
        return AUTH_CONNECT;
    }
}

/* `key`: NULL: none is named. */
static enum auth_verdict judge(const struct conn *c, const struct authorization_key *key,
                               const uint8_t **psk_hash)
{
    const struct auth_question q = {action_of(c), c->request->host_id, key};

    return auth_judge(c->world->auth, &q, psk_hash);
}

static const struct authorization_key *proven_key(const struct conn *c)
{
    return c->auth && c->auth->proven ? &c->auth->key : NULL;
}

static int authorized(struct conn *c)
{
    conn_enter(c, CONN_ANSWER);
    return HX_OK;
}

static enum reply_reason reason_of(enum auth_verdict verdict)
{
    return verdict == AUTH_UNPROVEN     ? REPLY_UNAUTHORIZED
           : verdict == AUTH_OWNED      ? REPLY_OWNED
           : verdict == AUTH_DEVICE_KEY ? REPLY_DEVICE_KEY
                                        : REPLY_FORBIDDEN;
}

/* ---- names that become somebody's ---- */

/* Whose it is in the database is known by the time that this is judged again (server/store.h). */
static void claim_done(struct owners_claim *claim, int result)
{
    struct conn_auth *a = container_of(claim, struct conn_auth, claim);

    a->claim_failed = result < 0 && result != HX_ECONFLICT;
    conn_queue(a->conn);
}

/* It was another one's: now it is that one's, or anybody's. */
static void other_claim_done(struct owners_claim *claim, int result)
{
    (void)result;
    conn_queue(container_of(claim, struct conn_auth, claim)->conn);
}

static void log_claimed(struct conn *c)
{
    counters_add(c->world->counters, COUNTER_CLAIMED);
    conn_log(c, LOG_INFO, "claimed", "name", c->request->host_id, "key", CONN_LOG_KEY(c));
}

/* HX_OK: it is the key's, or another one's claim has ended meanwhile: to be judged again. HX_EAGAIN: in its
 * turn. REPLY_NOTHING, or why not. */
static int claim(struct conn *c, enum reply_reason *reason)
{
    struct owners *owners = auth_owners(c->world->auth);
    const char *name = c->request->host_id;
    const uint8_t *owner;

    *reason = REPLY_NOTHING;
    bool is_free = owners_look(owners, name, &owner) == OWNERS_FREE;
    if (is_free)
        *reason = policy_may_claim(c->world->policy, &c->member.peer, c->world->now_ms);
    if (*reason != REPLY_NOTHING)
        return HX_OK;
    c->auth->claim.done = claim_done;
    int err = owners_claim(owners, &c->auth->claim, name, c->auth->key.bytes);
    if (err == HX_ECONFLICT) {
        c->auth->claim.done = other_claim_done;
        return owners_wait(owners, &c->auth->claim, name);
    }
    if (is_free && (err == HX_OK || err == HX_EAGAIN))
        log_claimed(c);
    if (err < 0 && err != HX_EAGAIN)
        *reason = err == HX_ELIMIT ? REPLY_MAX_OWNED : err == HX_ENOMEM ? REPLY_NO_MEMORY : REPLY_NO_CLAIM;
    return err == HX_EAGAIN ? HX_EAGAIN : HX_OK;
}

/* Its proof was accepted; whose the name is may have changed since it was looked at. */
static int go_on_proven(struct conn *c)
{
    const uint8_t *psk_hash;
    enum reply_reason reason = c->auth->claim_failed ? REPLY_NO_CLAIM : REPLY_NOTHING;

    while (reason == REPLY_NOTHING) {
        enum auth_verdict verdict = judge(c, &c->auth->key, &psk_hash);

        if (verdict == AUTH_OPEN || verdict == AUTH_KEY || (verdict == AUTH_CLAIM && c->request->head))
            return authorized(c);
        if (verdict != AUTH_CLAIM)
            return conn_refuse_for(c, reason_of(verdict));
        int err = claim(c, &reason);
        if (err == HX_EAGAIN)
            return err;
    }
    c->auth->claim_failed = false;
    return conn_refuse_for(c, reason);
}

/* ---- proofs ---- */

static void wait_for_turn(struct conn_auth *a)
{
    a->waits = true;
    DL_APPEND(a->conn->world->proving, a);
}

static void leave_turn(struct conn_auth *a)
{
    if (!a->waits)
        return;
    a->waits = false;
    DL_DELETE(a->conn->world->proving, a);
}

/* Nothing is verified for a key that proves nothing here, nor for a source that is refused too often. */
static int await_proof(struct conn *c)
{
    if (!policy_may_try(c->world->policy, &c->member.peer, c->world->now_ms))
        return conn_refuse_for(c, REPLY_PEER_RATE);
    if (!c->auth) {
        c->auth = calloc(1, sizeof *c->auth);
        if (!c->auth)
            return HX_ENOMEM;
        c->auth->conn = c;
    }
    wait_for_turn(c->auth);
    return HX_EAGAIN;
}

/* What nobody need prove anything for; nor need who is sent elsewhere, which would own a name here. */
static bool is_open(const struct conn *c)
{
    return c->request->target == REQUEST_ROOT || c->request->target == REQUEST_TUNNEL ||
           conn_is_turned_over(c);
}

/* Again whenever something happens to the connection. */
int conn_authorize(struct conn *c)
{
    const struct request_proof *proof = request_parser_proof(c->parser);
    const uint8_t *psk_hash;

    if (is_open(c))
        return authorized(c);
    if (c->auth && (c->auth->waits || c->auth->claim.of))
        return HX_EAGAIN;
    if (proven_key(c))
        return go_on_proven(c);
    if (proof && proof->starved)
        return HX_ENOMEM;
    enum auth_verdict verdict = judge(c, proof ? &proof->authorization.key : NULL, &psk_hash);
    if (verdict == AUTH_OPEN)
        return authorized(c);
    if (proof && !auth_host_allowed(c->world->auth, proof->host ? proof->host : ""))
        return conn_refuse_for(c, REPLY_HOST); /* whichever key it is: another one is no better */
    if (proof && (verdict == AUTH_KEY || verdict == AUTH_CLAIM))
        return await_proof(c);
    return conn_refuse_for(c, reason_of(verdict));
}

/* HX_OK: accepted; the nonce is spent. */
static int verify(struct conn *c, const struct request_proof *proof, const uint8_t *psk_hash)
{
    char nonce[AUTH_NONCE_SIZE], message[AUTHORIZATION_MESSAGE_MAX];
    int err = auth_nonce(c->world->auth, c->id, c->auth->proofs, nonce);

    if (err < 0)
        return err;
    ssize_t len = request_proof_message(proof, c->request->head, nonce, message);
    err = len < 0 ? HX_EAUTH : auth_prove(&proof->authorization, psk_hash, message, (size_t)len);
    if (err < 0)
        return err;
    c->auth->key = proof->authorization.key;
    c->auth->proofs++;
    c->auth->proven = true;
    counters_add(c->world->counters, COUNTER_AUTHORIZED);
    return HX_OK;
}

/* The rules may be others by now. */
static int prove(struct conn *c)
{
    const struct request_proof *proof = request_parser_proof(c->parser);
    const uint8_t *psk_hash;
    enum auth_verdict verdict = judge(c, &proof->authorization.key, &psk_hash);

    if (verdict != AUTH_KEY && verdict != AUTH_CLAIM)
        return HX_OK; /* and is answered in its turn */
    int err = verify(c, proof, psk_hash);
    return err == HX_EAUTH ? conn_refuse_for(c, REPLY_STALE) : err;
}

void conn_prove_waiting(struct conn_world *w)
{
    for (int n = 0; n < AUTH_TURN_MAX && w->proving; n++) {
        struct conn *c = w->proving->conn;

        leave_turn(c->auth);
        int err = prove(c);
        if (err < 0)
            conn_fail(c, err);
        conn_ready(c);
    }
}

void conn_leave_auth(struct conn *c)
{
    if (!c->auth)
        return;
    leave_turn(c->auth);
    owners_leave(&c->auth->claim);
}

/* ---- what a key means once it is proven ---- */

bool conn_displaces(const struct registry_member *m, const struct registry_member *holder)
{
    const struct conn *c = conn_of(m), *h = conn_of(holder);
    const struct authorization_key *key = proven_key(c), *other = proven_key(h);

    if (!key || (other && authorization_key_equal(key, other)))
        return false;
    return auth_owns(c->world->auth, c->request->host_id, key);
}

void conn_judge(struct conn *c)
{
    const uint8_t *psk_hash;

    if (!conn_holds(c) && c->state != CONN_STREAM_CONNECT && c->state != CONN_ASK)
        return;
    enum auth_verdict verdict = judge(c, proven_key(c), &psk_hash);
    if (verdict == AUTH_OPEN || verdict == AUTH_KEY || verdict == AUTH_CLAIM)
        return;
    if (c->state != CONN_ASK) { /* it streams: its end is one in order */
        c->revoked = true;
        conn_finish_stream(c);
        return;
    }
    int err = conn_refuse_for(c, reason_of(verdict));
    if (err < 0)
        conn_fail(c, err);
    conn_queue(c);
}

int conn_auth_headers(const struct conn *c, const struct reply *r, char *text, size_t size)
{
    uint32_t proofs = c->auth ? c->auth->proofs : 0;
    char nonce[AUTH_NONCE_SIZE];
    bool asks = r->status == 401, next = !asks && !r->close && proven_key(c);

    snprintf(text, size, "%s", r->headers ? r->headers : "");
    if (!asks && !next)
        return HX_OK;
    int err = auth_nonce(c->world->auth, c->id, proofs, nonce);
    if (err < 0)
        return err;
    size_t len = strlen(text);
    if (asks)
        snprintf(text + len, size - len, "WWW-Authenticate: " AUTHORIZATION_SCHEME " nonce=\"%s\"\r\n",
                 nonce);
    else
        snprintf(text + len, size - len, "Authentication-Info: nextnonce=\"%s\"\r\n", nonce);
    return HX_OK;
}

const char *conn_format_named(char text[AUTHORIZATION_KEY_TEXT_MAX], const struct conn *c,
                              const struct reply *r)
{
    const struct request_proof *proof = c->parser ? request_parser_proof(c->parser) : NULL;

    if (r->counter != COUNTER_REFUSED_FORBIDDEN || !proof || !proof->given)
        return NULL;
    authorization_key_format(text, &proof->authorization.key);
    return text;
}

const char *conn_format_key(char text[CONN_KEY_TEXT_MAX], const struct conn *c)
{
    char whole[AUTHORIZATION_KEY_TEXT_MAX];
    const struct authorization_key *key = proven_key(c);

    if (!key)
        return NULL;
    authorization_key_format(whole, key);
    snprintf(text, CONN_KEY_TEXT_MAX, "%.*s", (int)(strchr(whole, ':') - whole) + 9, whole);
    return text;
}
