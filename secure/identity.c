#include "secure/identity.h"
#include "base/base64.h"
#include "secure/openssl.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#define PREFIX      "hx-device-"
#define CHECK_BYTES 4 /* of SHA-256 of the secret */
#define BODY_BYTES  (IDENTITY_SECRET_BYTES + CHECK_BYTES)
#define ID_LABEL    "hx psk id"

_Static_assert(sizeof PREFIX + BASE64URL_CHARS(BODY_BYTES) <= IDENTITY_TEXT_MAX, "a written secret fits");
_Static_assert(IDENTITY_CODE_BYTES == SHA256_DIGEST_LENGTH && IDENTITY_ID_BYTES <= SHA256_DIGEST_LENGTH,
               "codes are SHA-256's");

/* ---- a key of one's own ---- */

static int derive_public(struct identity *i)
{
    size_t len = sizeof i->public_key;

    openssl_begin();
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, i->secret, sizeof i->secret);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, i->public_key, &len) == 1;
    EVP_PKEY_free(key);
    return ok ? HX_OK : HX_ENOMEM;
}

int identity_generate(struct identity *out)
{
    openssl_begin();
    if (RAND_priv_bytes(out->secret, sizeof out->secret) != 1)
        return HX_ESYS;
    return derive_public(out);
}

static void write_body(uint8_t body[BODY_BYTES], const uint8_t secret[IDENTITY_SECRET_BYTES])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    openssl_begin();
    SHA256(secret, IDENTITY_SECRET_BYTES, digest);
    memcpy(body, secret, IDENTITY_SECRET_BYTES);
    memcpy(body + IDENTITY_SECRET_BYTES, digest, CHECK_BYTES);
    OPENSSL_cleanse(digest, sizeof digest);
}

void identity_write(char text[IDENTITY_TEXT_MAX], const struct identity *i)
{
    uint8_t body[BODY_BYTES];

    write_body(body, i->secret);
    memcpy(text, PREFIX, sizeof PREFIX);
    base64url_encode(text + strlen(PREFIX), body, sizeof body);
    OPENSSL_cleanse(body, sizeof body);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int identity_parse(struct identity *out, const char *text, size_t len)
{
    uint8_t body[BODY_BYTES], right[BODY_BYTES];
    int err = HX_EINVAL;

    for (; len > 0 && is_space(text[0]); len--)
        text++;
    while (len > 0 && is_space(text[len - 1]))
        len--;
    if (len != strlen(PREFIX) + BASE64URL_CHARS(BODY_BYTES) || memcmp(text, PREFIX, strlen(PREFIX)) != 0)
        return HX_EINVAL;
    if (base64url_decode(body, sizeof body, text + strlen(PREFIX)) == HX_OK) {
        write_body(right, body);
        if (memcmp(body, right, sizeof body) == 0) {
            memcpy(out->secret, body, sizeof out->secret);
            err = derive_public(out);
        }
    }
    OPENSSL_cleanse(body, sizeof body);
    OPENSSL_cleanse(right, sizeof right);
    return err;
}

void identity_wipe(struct identity *i)
{
    OPENSSL_cleanse(i, sizeof *i);
}

int identity_sign(const struct identity *i, const void *data, size_t len,
                  uint8_t signature[IDENTITY_SIGNATURE_BYTES])
{
    size_t size = IDENTITY_SIGNATURE_BYTES;

    openssl_begin();
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, i->secret, sizeof i->secret);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &size, data, len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok ? HX_OK : HX_ENOMEM;
}

/* ---- a shared key ---- */

int identity_psk_id(const uint8_t hash[IDENTITY_HASH_BYTES], uint8_t id[IDENTITY_ID_BYTES])
{
    uint8_t named[sizeof ID_LABEL - 1 + IDENTITY_HASH_BYTES], digest[SHA256_DIGEST_LENGTH];

    openssl_begin();
    memcpy(named, ID_LABEL, sizeof ID_LABEL - 1);
    memcpy(named + sizeof ID_LABEL - 1, hash, IDENTITY_HASH_BYTES);
    bool ok = SHA256(named, sizeof named, digest) != NULL;
    OPENSSL_cleanse(named, sizeof named);
    memcpy(id, digest, IDENTITY_ID_BYTES);
    return ok ? HX_OK : HX_ENOMEM;
}

int identity_psk_sign(const uint8_t hash[IDENTITY_HASH_BYTES], const void *data, size_t len,
                      uint8_t code[IDENTITY_CODE_BYTES])
{
    openssl_begin();
    return HMAC(EVP_sha256(), hash, IDENTITY_HASH_BYTES, data, len, code, NULL) ? HX_OK : HX_ENOMEM;
}

int identity_psk_verify(const uint8_t hash[IDENTITY_HASH_BYTES], const void *data, size_t len,
                        const uint8_t code[IDENTITY_CODE_BYTES])
{
    uint8_t ours[IDENTITY_CODE_BYTES];
    int err = identity_psk_sign(hash, data, len, ours);

    if (err < 0)
        return err;
    return CRYPTO_memcmp(ours, code, sizeof ours) == 0 ? HX_OK : HX_EAUTH;
}
