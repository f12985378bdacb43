#include "secure/code.h"
#include "base/hex.h"
#include "secure/hkdf.h"
#include "secure/openssl.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define CHARS      (CODE_GROUPS * CODE_GROUP)
#define CHECKS     CODE_GROUP /* characters of the check: four of them tell three errors, and where one is */
#define SECRET     (CHARS - CHECKS)
#define NAME_BYTES 12

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

_Static_assert(CHARS + CODE_GROUPS <= CODE_TEXT_MAX, "a written code fits");
_Static_assert(sizeof CODE_NAME_PREFIX + 2 * NAME_BYTES <= CODE_NAME_MAX, "a name fits");

/* ---- GF(32), by x^5 + x^2 + 1 ---- */

static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned product = 0;
    for (unsigned bit = 0; bit < 5; bit++)
        product ^= b >> bit & 1 ? (unsigned)a << bit : 0;
    for (unsigned bit = 8; bit >= 5; bit--)
        product ^= product >> bit & 1 ? 0x25U << (bit - 5) : 0;
    return (uint8_t)product;
}

/* x to the power n. */
static uint8_t power(unsigned n)
{
    uint8_t p = 1;
    for (n %= 31; n > 0; n--)
        p = times(p, 2);
    return p;
}

/* ---- the check: the values are a polynomial that is zero at x, x^2, x^3 and x^4 ---- */

/* What it is at these; all zero of a code that is right. */
static bool syndromes(uint8_t out[CHECKS], const uint8_t values[CHARS])
{
    bool right = true;
    for (unsigned j = 0; j < CHECKS; j++) {
        out[j] = 0;
        for (size_t i = 0; i < CHARS; i++)
            out[j] = times(out[j], power(j + 1)) ^ values[i];
        right = right && out[j] == 0;
    }
    return right;
}

/* The remainder of the division by (z - x)(z - x^2)(z - x^3)(z - x^4). */
static void append_check(uint8_t values[CHARS])
{
    uint8_t divisor[CHECKS + 1] = {1}; /* the highest power first */
    uint8_t rest[CHARS];
    for (unsigned j = 0; j < CHECKS; j++) {
        for (unsigned i = j + 1; i > 0; i--)
            divisor[i] ^= times(divisor[i - 1], power(j + 1));
    }
    memcpy(rest, values, SECRET);
    memset(rest + SECRET, 0, CHECKS);
    for (size_t i = 0; i < SECRET; i++) {
        uint8_t factor = rest[i];
        for (size_t k = 0; k <= CHECKS; k++)
            rest[i + k] ^= times(divisor[k], factor);
    }
    memcpy(values + SECRET, rest + SECRET, CHECKS);
    OPENSSL_cleanse(rest, sizeof rest);
}

/* If one character alone is wrong, the syndromes are a geometric progression, whose ratio is its place. */
static int wrong_group(const uint8_t s[CHECKS])
{
    if (s[0] == 0 || times(s[1], s[1]) != times(s[0], s[2]) || times(s[2], s[2]) != times(s[1], s[3]))
        return 0;
    for (unsigned place = 0; place < CHARS; place++) {
        if (times(s[0], power(CHARS - 1 - place)) == s[1])
            return (int)(place / CODE_GROUP) + 1;
    }
    return 0;
}

/* ---- text ---- */

int code_generate(char text[CODE_TEXT_MAX])
{
    uint8_t values[CHARS];
    char *at = text;
    openssl_begin();
    if (RAND_priv_bytes(values, SECRET) != 1)
        return HX_ESYS;
    for (size_t i = 0; i < SECRET; i++)
        values[i] &= 31;
    append_check(values);
    for (size_t i = 0; i < CHARS; i++) {
        if (i > 0 && i % CODE_GROUP == 0)
            *at++ = '-';
        *at++ = alphabet[values[i]];
    }
    *at = '\0';
    OPENSSL_cleanse(values, sizeof values);
    return HX_OK;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    c = c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
    const char *found = c == '\0' ? NULL : strchr(alphabet, c);
    return found ? (int)(found - alphabet) : -1;
}

/* *group: of a character that no code has, if there are as many as a code has. */
static bool decode(uint8_t values[CHARS], const char *text, int *group)
{
    size_t count = 0;
    size_t foreign = CHARS; /* the place of the first one */
    for (; *text; text++) {
        if (*text == '-' || *text == ' ')
            continue;
        if (count == CHARS)
            return false;
        int value = value_of(*text);
        if (value < 0 && foreign == CHARS)
            foreign = count;
        values[count++] = value < 0 ? 0 : (uint8_t)value;
    }
    if (count == CHARS && foreign < CHARS)
        *group = (int)(foreign / CODE_GROUP) + 1;
    return count == CHARS && foreign == CHARS;
}

static int derive(struct code *out, const uint8_t values[SECRET])
{
    uint8_t name[NAME_BYTES];
    uint8_t secret[KEY_BYTES];
    if (!hkdf_derive(values, SECRET, "hx code name", name, sizeof name) ||
        !hkdf_derive(values, SECRET, "hx code key", secret, sizeof secret))
        return HX_ENOMEM;
    size_t len = (size_t)snprintf(out->name, sizeof out->name, "%s", CODE_NAME_PREFIX);
    hex_write(out->name + len, name, sizeof name);
    key_write(out->key, secret);
    OPENSSL_cleanse(secret, sizeof secret);
    return HX_OK;
}

int code_parse(struct code *out, const char *text, int *group)
{
    uint8_t values[CHARS] = {0};
    uint8_t wrong[CHECKS];
    int err = HX_EINVAL;
    *group = 0;
    if (decode(values, text, group)) {
        if (syndromes(wrong, values))
            err = derive(out, values);
        else
            *group = wrong_group(wrong);
    }
    OPENSSL_cleanse(values, sizeof values);
    return err;
}

bool code_is_name(const char *name)
{
    if (strncmp(name, CODE_NAME_PREFIX, strlen(CODE_NAME_PREFIX)) != 0)
        return false;
    name += strlen(CODE_NAME_PREFIX);
    return strlen(name) == 2 * NAME_BYTES && strspn(name, "0123456789abcdef") == 2 * NAME_BYTES;
}

void code_wipe(struct code *c)
{
    OPENSSL_cleanse(c, sizeof *c);
}
