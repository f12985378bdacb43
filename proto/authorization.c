#include "proto/authorization.h"

#include "base/error.h"
#include "proto/field.h"
#include <stdio.h>
#include <string.h>

#define PREFIX    "hx nameserver authorization 1\n"
#define VALUE_MAX 128 /* of a parameter that means something; each is shorter */

static const struct key_kind {
    const char *prefix;
    size_t bytes, proof_bytes;
} kinds[] = {
    [AUTHORIZATION_ED25519] = {"ed25519:", AUTHORIZATION_KEY_BYTES, AUTHORIZATION_SIGNATURE_BYTES},
    [AUTHORIZATION_PSK] = {"psk:", AUTHORIZATION_PSK_ID_BYTES, AUTHORIZATION_CODE_BYTES},
};

#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- parameters (RFC 9110, 11.2) ---- */

struct parameter {
    struct field_piece name;
    char value[VALUE_MAX + 1]; /* of a quoted-string what it stands for */
    size_t len;                /* above VALUE_MAX: it is longer than any that means something */
};

static bool take_byte(struct parameter *p, char c)
{
    if (p->len < VALUE_MAX)
        p->value[p->len] = c;
    p->len++;
    return c != '\0';
}

static bool unquote(struct parameter *p, const struct field_piece *quoted)
{
    size_t last = quoted->len - 1;

    if (quoted->len < 2 || quoted->at[last] != '"')
        return false;
    for (size_t i = 1; i < last; i++) {
        if (quoted->at[i] == '"' || (quoted->at[i] == '\\' && ++i == last) || !take_byte(p, quoted->at[i]))
            return false;
    }
    return true;
}

static bool read_parameter(struct parameter *out, struct field_piece piece)
{
    memset(out, 0, sizeof *out);
    const char *equals = memchr(piece.at, '=', piece.len);
    if (!equals)
        return false;
    size_t name_len = (size_t)(equals - piece.at);
    out->name = field_trim((struct field_piece){piece.at, name_len});
    struct field_piece value = field_trim((struct field_piece){equals + 1, piece.len - name_len - 1});
    if (!field_name_valid(out->name.at, out->name.len))
        return false;
    if (value.len > 0 && value.at[0] == '"')
        return unquote(out, &value);
    for (size_t i = 0; i < value.len; i++)
        take_byte(out, value.at[i]);
    return field_name_valid(value.at, value.len);
}

/* Takes the scheme off *rest; what follows it are its parameters. */
static struct field_piece take_scheme(struct field_piece *rest)
{
    size_t n = 0;

    *rest = field_trim(*rest);
    while (n < rest->len && rest->at[n] != ' ' && rest->at[n] != '\t')
        n++;
    struct field_piece scheme = {rest->at, n};
    *rest = field_trim((struct field_piece){rest->at + n, rest->len - n});
    return scheme;
}

static int take_nonce(char nonce[AUTHORIZATION_NONCE_MAX + 1], const struct parameter *p)
{
    if (p->len == 0 || p->len > AUTHORIZATION_NONCE_MAX || strspn(p->value, BASE64URL_DIGITS) != p->len)
        return HX_EPROTO;
    memcpy(nonce, p->value, AUTHORIZATION_NONCE_MAX + 1);
    return HX_OK;
}

/* ---- keys ---- */

int authorization_key_parse(struct authorization_key *out, const char *text, size_t len)
{
    for (size_t i = 0; i < KINDS; i++) {
        size_t prefix = strlen(kinds[i].prefix);
        if (len != prefix + BASE64URL_CHARS(kinds[i].bytes) || memcmp(text, kinds[i].prefix, prefix) != 0)
            continue;
        *out = (struct authorization_key){.kind = (uint8_t)i};
        return base64url_decode(out->bytes, kinds[i].bytes, text + prefix);
    }
    return HX_EPROTO;
}

void authorization_key_format(char text[AUTHORIZATION_KEY_TEXT_MAX], const struct authorization_key *key)
{
    size_t prefix = strlen(kinds[key->kind].prefix);

    memcpy(text, kinds[key->kind].prefix, prefix);
    base64url_encode(text + prefix, key->bytes, kinds[key->kind].bytes);
}

bool authorization_key_equal(const struct authorization_key *a, const struct authorization_key *b)
{
    return a->kind == b->kind && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- credentials ---- */

static int take_proof(struct authorization *a, const char *text, size_t len)
{
    size_t bytes = kinds[a->key.kind].proof_bytes;

    return len == BASE64URL_CHARS(bytes) ? base64url_decode(a->proof, bytes, text) : HX_EPROTO;
}

/* Each of the two once. How long the proof must be is known once the key is: it is read at the end. */
static int read_credentials(struct authorization *out, struct field_piece rest)
{
    char proof[VALUE_MAX + 1];
    size_t proof_len = 0;
    bool has_key = false, has_proof = false;

    while (rest.len > 0) {
        struct field_piece piece = field_next(&rest, ',');
        struct parameter p;
        if (piece.len == 0) /* RFC 9110, 5.6.1.2 */
            continue;
        if (!read_parameter(&p, piece))
            return HX_EPROTO;
        bool is_key = field_piece_is(&p.name, "key"), is_proof = field_piece_is(&p.name, "sig");
        if ((is_key || is_proof) && (p.len > VALUE_MAX || (is_key ? has_key : has_proof)))
            return HX_EPROTO;
        if (is_key && authorization_key_parse(&out->key, p.value, p.len) < 0)
            return HX_EPROTO;
        if (is_proof) {
            memcpy(proof, p.value, sizeof proof);
            proof_len = p.len;
        }
        has_key |= is_key;
        has_proof |= is_proof;
    }
    return has_key && has_proof ? take_proof(out, proof, proof_len) : HX_EPROTO;
}

int authorization_parse(struct authorization *out, const char *value, size_t len)
{
    struct field_piece rest = {value, len};
    struct field_piece scheme = take_scheme(&rest);

    if (!field_piece_is(&scheme, AUTHORIZATION_SCHEME))
        return HX_ENOTFOUND;
    memset(out, 0, sizeof *out);
    return read_credentials(out, rest);
}

void authorization_format(char text[AUTHORIZATION_TEXT_MAX], const struct authorization *a)
{
    char key[AUTHORIZATION_KEY_TEXT_MAX], proof[BASE64URL_SIZE(AUTHORIZATION_SIGNATURE_BYTES)];

    authorization_key_format(key, &a->key);
    base64url_encode(proof, a->proof, kinds[a->key.kind].proof_bytes);
    snprintf(text, AUTHORIZATION_TEXT_MAX, AUTHORIZATION_SCHEME " key=\"%s\", sig=\"%s\"", key, proof);
}

/* ---- challenges ---- */

/* A piece that begins another challenge is a scheme, alone or before a blank and its first parameter: of a
 * parameter only the name stands before its '='. */
static bool begins_scheme(struct field_piece piece)
{
    struct field_piece rest = piece;

    if (piece.len == 0)
        return false;
    struct field_piece first = take_scheme(&rest);
    return field_name_valid(first.at, first.len) && (rest.len == 0 || rest.at[0] != '=');
}

int challenge_parse(char nonce[AUTHORIZATION_NONCE_MAX + 1], const char *value, size_t len)
{
    struct field_piece rest = {value, len};
    bool ours = false;
    int err = HX_ENOTFOUND;

    while (rest.len > 0) {
        struct field_piece piece = field_next(&rest, ',');
        struct parameter p;
        if (begins_scheme(piece)) {
            struct field_piece scheme = take_scheme(&piece);
            ours = field_piece_is(&scheme, AUTHORIZATION_SCHEME);
            if (ours)
                err = HX_EPROTO;
        }
        if (ours && read_parameter(&p, piece) && field_piece_is(&p.name, "nonce"))
            return take_nonce(nonce, &p);
    }
    return err;
}

int next_nonce_parse(char nonce[AUTHORIZATION_NONCE_MAX + 1], const char *value, size_t len)
{
    struct field_piece rest = {value, len};

    while (rest.len > 0) {
        struct parameter p;
        if (read_parameter(&p, field_next(&rest, ',')) && field_piece_is(&p.name, "nextnonce"))
            return take_nonce(nonce, &p);
    }
    return HX_ENOTFOUND;
}

/* ---- what is signed ---- */

ssize_t authorization_message(char out[AUTHORIZATION_MESSAGE_MAX], const char *nonce, const char *method,
                              const char *target, const char *host)
{
    int len =
        snprintf(out, AUTHORIZATION_MESSAGE_MAX, PREFIX "%s\n%s\n%s\n%s\n", nonce, method, target, host);

    return len < AUTHORIZATION_MESSAGE_MAX ? len : HX_ETOOBIG;
}
