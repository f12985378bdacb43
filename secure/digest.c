#include "secure/digest.h"
#include "secure/openssl.h"
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#define GMAC_BYTES  16
#define NONCE_BYTES 12

int digest_init(struct digest *d)
{
    openssl_begin();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    d->context = context;
    d->keyed = NULL;
    d->failed = false;
    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
        return HX_OK;
    digest_free(d);
    return HX_ENOMEM;
}

/* The key is for one digest alone: so the nonce may always be the same. */
int digest_use_key(struct digest *d, const uint8_t key[DIGEST_KEY_BYTES])
{
    static const uint8_t nonce[NONCE_BYTES];
    EVP_CIPHER_CTX *keyed = EVP_CIPHER_CTX_new();
    d->keyed = keyed;
    if (keyed && EVP_EncryptInit_ex(keyed, EVP_aes_128_gcm(), NULL, key, nonce) == 1)
        return HX_OK;
    EVP_CIPHER_CTX_free(keyed);
    d->keyed = NULL;
    return HX_ENOMEM;
}

/* A GMAC is GCM's tag of data that are not encrypted. */
static bool update_keyed(EVP_CIPHER_CTX *keyed, const void *data, size_t len)
{
    const uint8_t *at = data;
    int done;
    for (size_t part; len > 0; at += part, len -= part) {
        part = len < INT_MAX ? len : INT_MAX;
        if (EVP_EncryptUpdate(keyed, NULL, &done, at, (int)part) != 1)
            return false;
    }
    return true;
}

void digest_update(struct digest *d, const void *data, size_t len)
{
    bool done = d->keyed ? update_keyed(d->keyed, data, len) : EVP_DigestUpdate(d->context, data, len) == 1;
    if (!done)
        d->failed = true;
}

static bool final_keyed(EVP_CIPHER_CTX *keyed, uint8_t out[DIGEST_BYTES])
{
    int len = 0;
    memset(out, 0, DIGEST_BYTES);
    return EVP_EncryptFinal_ex(keyed, out, &len) == 1 && len == 0 &&
           EVP_CIPHER_CTX_ctrl(keyed, EVP_CTRL_GCM_GET_TAG, GMAC_BYTES, out) == 1;
}

int digest_final(struct digest *d, uint8_t out[DIGEST_BYTES])
{
    unsigned len = 0;
    if (d->failed)
        return HX_ENOMEM;
    if (d->keyed)
        return final_keyed(d->keyed, out) ? HX_OK : HX_ENOMEM;
    if (EVP_DigestFinal_ex(d->context, out, &len) != 1 || len != DIGEST_BYTES)
        return HX_ENOMEM;
    return HX_OK;
}

void digest_free(struct digest *d)
{
    EVP_MD_CTX_free(d->context);
    EVP_CIPHER_CTX_free(d->keyed);
    d->context = d->keyed = NULL;
}
