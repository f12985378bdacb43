#include "secure/mac.h"
#include "secure/openssl.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static int hmac(const uint8_t *key, size_t key_len, const void *data, size_t len,
                uint8_t out[EVP_MAX_MD_SIZE])
{
    unsigned size;
    openssl_begin();
    if (key_len > INT_MAX || !HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &size))
        return HX_ENOMEM;
    return HX_OK;
}

int mac_compute(const uint8_t key[MAC_KEY_BYTES], const void *data, size_t len, uint8_t out[MAC_BYTES])
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    int err = hmac(key, MAC_KEY_BYTES, data, len, whole);
    if (err == HX_OK)
        memcpy(out, whole, MAC_BYTES);
    return err;
}

bool mac_right(const uint8_t key[MAC_KEY_BYTES], const void *data, size_t len, const uint8_t code[MAC_BYTES])
{
    uint8_t ours[MAC_BYTES];
    return mac_compute(key, data, len, ours) == HX_OK && CRYPTO_memcmp(ours, code, MAC_BYTES) == 0;
}

int mac_derive(const uint8_t *secret, size_t len, const char *label, uint8_t out[MAC_KEY_BYTES])
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    int err = hmac(secret, len, label, strlen(label), whole);
    if (err == HX_OK)
        memcpy(out, whole, MAC_KEY_BYTES);
    return err;
}
