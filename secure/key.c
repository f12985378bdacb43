#include "secure/key.h"
#include "base/hex.h"
#include "secure/hkdf.h"
#include "secure/openssl.h"
#include "secure/secret.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#define BITS_PER_CHAR 5 /* RFC 4648, section 6 */
#define SECRET_CHARS  (KEY_BYTES * 8 / BITS_PER_CHAR)
#define CHECK_CHARS   4 /* of SHA-256 of the secret: one mistyped key in a million passes */
#define GROUP_CHARS   4

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

_Static_assert(KEY_BYTES * 8 % BITS_PER_CHAR == 0, "a secret is a whole number of characters");
_Static_assert(sizeof "hx" + (SECRET_CHARS + CHECK_CHARS) / GROUP_CHARS * (GROUP_CHARS + 1) <= KEY_TEXT_MAX,
               "a written key fits");

static char char_at(const uint8_t *bytes, size_t index)
{
    size_t bit = index * BITS_PER_CHAR;
    unsigned pair = (unsigned)bytes[bit / 8] << 8;
    if (bit % 8 > 8 - BITS_PER_CHAR)
        pair |= bytes[bit / 8 + 1];
    return alphabet[pair >> (16 - BITS_PER_CHAR - bit % 8) & 31];
}

/* The characters of a key without its dashes. */
static void encode(char out[SECRET_CHARS + CHECK_CHARS], const uint8_t secret[KEY_BYTES])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    openssl_begin();
    SHA256(secret, KEY_BYTES, digest);
    for (size_t i = 0; i < SECRET_CHARS; i++)
        out[i] = char_at(secret, i);
    for (size_t i = 0; i < CHECK_CHARS; i++)
        out[SECRET_CHARS + i] = char_at(digest, i);
    OPENSSL_cleanse(digest, sizeof digest);
}

void key_write(char text[KEY_TEXT_MAX], const uint8_t secret[KEY_BYTES])
{
    char chars[SECRET_CHARS + CHECK_CHARS];
    char *at = text;
    encode(chars, secret);
    memcpy(at, "hx", 2);
    at += 2;
    for (size_t i = 0; i < sizeof chars; i++) {
        if (i % GROUP_CHARS == 0)
            *at++ = '-';
        *at++ = chars[i];
    }
    *at = '\0';
    OPENSSL_cleanse(chars, sizeof chars);
}

int key_generate(char text[KEY_TEXT_MAX])
{
    uint8_t secret[KEY_BYTES];
    openssl_begin();
    if (RAND_priv_bytes(secret, sizeof secret) != 1)
        return HX_ESYS;
    key_write(text, secret);
    OPENSSL_cleanse(secret, sizeof secret);
    return HX_OK;
}

/* ---- one key ---- */

static int derive_key(struct key *k, const uint8_t secret[KEY_BYTES])
{
    uint8_t id[PSK_ID_BYTES / 2];
    if (!hkdf_derive(secret, KEY_BYTES, "hx psk", k->psk, sizeof k->psk) ||
        !hkdf_derive(secret, KEY_BYTES, "hx identity", id, sizeof id) ||
        !hkdf_derive(secret, KEY_BYTES, "hx nameserver authorization", k->auth, sizeof k->auth))
        return HX_ENOMEM;
    hex_write(k->identity, id, sizeof id);
    return HX_OK;
}

static int value_of(char c)
{
    const char *found;
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    found = c == '\0' ? NULL : strchr(alphabet, c);
    return found ? (int)(found - alphabet) : -1;
}

/* The secret's bits and, behind them, those of the checksum. */
static bool decode(uint8_t secret[KEY_BYTES], char chars[SECRET_CHARS + CHECK_CHARS], const char *text,
                   size_t len)
{
    size_t count = 0;
    memset(secret, 0, KEY_BYTES);
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (text[i] == '-')
            continue;
        if (value < 0 || count == SECRET_CHARS + CHECK_CHARS)
            return false;
        chars[count] = alphabet[value];
        for (size_t b = 0; b < BITS_PER_CHAR && count < SECRET_CHARS; b++) {
            size_t bit = count * BITS_PER_CHAR + b;
            secret[bit / 8] |= (uint8_t)((value >> (BITS_PER_CHAR - 1 - b) & 1) << (7 - bit % 8));
        }
        count++;
    }
    return count == SECRET_CHARS + CHECK_CHARS;
}

static int parse_key(struct key *k, const char *text, size_t len)
{
    uint8_t secret[KEY_BYTES];
    char chars[SECRET_CHARS + CHECK_CHARS], right[SECRET_CHARS + CHECK_CHARS];
    int err = HX_EINVAL;
    if (len < 2 || (text[0] | 32) != 'h' || (text[1] | 32) != 'x')
        return HX_EINVAL;
    if (decode(secret, chars, text + 2, len - 2)) {
        encode(right, secret);
        if (memcmp(chars, right, sizeof chars) == 0)
            err = derive_key(k, secret);
        OPENSSL_cleanse(right, sizeof right);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(chars, sizeof chars);
    return err;
}

/* ---- a ring ---- */

struct lines {
    const char *at, *end;
    int number; /* of the line that was taken last */
};

struct line {
    const char *text;
    size_t len;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that says something, without the blanks around it. */
static bool next_line(struct lines *l, struct line *out)
{
    while (l->at < l->end) {
        const char *newline = memchr(l->at, '\n', (size_t)(l->end - l->at));
        const char *first = l->at, *last = newline ? newline : l->end;
        l->at = newline ? newline + 1 : l->end;
        l->number++;
        while (first < last && is_space(*first))
            first++;
        while (first < last && is_space(last[-1]))
            last--;
        *out = (struct line){first, (size_t)(last - first)};
        if (out->len > 0 && first[0] != '#')
            return true;
    }
    return false;
}

/* As proto/host_id.h has it: a label can stand wherever a name can. */
static bool label_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~@", c)))
            return false;
    }
    return len <= KEY_LABEL_MAX;
}

static int parse_line(struct key *k, const struct line *line)
{
    size_t len = 0, label;
    while (len < line->len && !is_space(line->text[len]))
        len++;
    for (label = len; label < line->len && is_space(line->text[label]);)
        label++;
    if (!label_valid(line->text + label, line->len - label))
        return HX_EINVAL;
    memcpy(k->label, line->text + label, line->len - label); /* zeroed before */
    return parse_key(k, line->text, len);
}

static int ring_alloc(struct keyring *r, size_t count)
{
    r->keys = secret_alloc(count * sizeof *r->keys);
    r->count = r->keys ? count : 0;
    return r->keys ? HX_OK : HX_ENOMEM;
}

int keyring_parse(struct keyring *out, const char *text, size_t len, int *line)
{
    struct lines lines = {text, text + len, 0}, again = lines;
    struct line l;
    size_t count = 0;
    int err;
    *out = (struct keyring){0};
    *line = 0;
    while (next_line(&lines, &l)) {
        if (++count > KEYRING_MAX)
            return HX_ELIMIT;
    }
    if (count == 0)
        return HX_ENOTFOUND;
    err = ring_alloc(out, count);
    for (size_t i = 0; err == HX_OK && i < count; i++) {
        next_line(&again, &l);
        err = parse_line(&out->keys[i], &l);
    }
    if (err == HX_EINVAL)
        *line = again.number;
    if (err < 0)
        keyring_free(out);
    return err;
}

int keyring_copy(struct keyring *out, const struct keyring *r)
{
    int err = ring_alloc(out, r->count);
    if (err == HX_OK)
        memcpy(out->keys, r->keys, r->count * sizeof *r->keys);
    return err;
}

const struct key *keyring_find(const struct keyring *r, const uint8_t *identity, size_t len)
{
    if (len != PSK_ID_BYTES)
        return NULL;
    for (size_t i = 0; i < r->count; i++) {
        if (memcmp(r->keys[i].identity, identity, PSK_ID_BYTES) == 0)
            return &r->keys[i];
    }
    return NULL;
}

void keyring_free(struct keyring *r)
{
    secret_free(r->keys, r->count * sizeof *r->keys);
    *r = (struct keyring){0};
}
