#include "secure/seal.h"
#include "base/big_endian.h"
#include "secure/openssl.h"
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES 12

struct seal {
    EVP_CIPHER_CTX *ctx;
};

int seal_create(struct seal **out, const uint8_t key[SEAL_KEY_BYTES], bool closing)
{
    openssl_begin();
    struct seal *s = calloc(1, sizeof *s);
    if (!s)
        return HX_ENOMEM;
    s->ctx = EVP_CIPHER_CTX_new();
    if (!s->ctx || EVP_CipherInit_ex(s->ctx, EVP_aes_256_gcm(), NULL, key, NULL, closing) != 1) {
        seal_destroy(s);
        return HX_ENOMEM;
    }
    *out = s;
    return HX_OK;
}

void seal_destroy(struct seal *s)
{
    if (s)
        EVP_CIPHER_CTX_free(s->ctx);
    free(s);
}

/* Begins one, up to what is hidden. */
static bool begin(struct seal *s, uint64_t number, const uint8_t *head, size_t head_len)
{
    uint8_t nonce[NONCE_BYTES] = {0};
    int done;
    put64(nonce + NONCE_BYTES - 8, number);
    return head_len <= INT_MAX && EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
           EVP_CipherUpdate(s->ctx, NULL, &done, head, (int)head_len) == 1;
}

/* OpenSSL takes no empty data for the end of the head. */
static bool pass(struct seal *s, const uint8_t *data, size_t len, uint8_t *out)
{
    int done;
    return len == 0 || (len <= INT_MAX && EVP_CipherUpdate(s->ctx, out, &done, data, (int)len) == 1);
}

int seal_close(struct seal *s, uint64_t number, const uint8_t *head, size_t head_len, const uint8_t *data,
               size_t len, uint8_t *out)
{
    uint8_t none[1];
    int done;
    bool ok = begin(s, number, head, head_len) && pass(s, data, len, out) &&
              EVP_CipherFinal_ex(s->ctx, none, &done) == 1 &&
              EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_CODE_BYTES, out + len) == 1;
    return ok ? HX_OK : HX_ENOMEM;
}

bool seal_open(struct seal *s, uint64_t number, const uint8_t *head, size_t head_len, const uint8_t *sealed,
               size_t len, uint8_t *out)
{
    uint8_t code[SEAL_CODE_BYTES], none[1];
    int done;
    if (len < SEAL_CODE_BYTES)
        return false;
    len -= SEAL_CODE_BYTES;
    memcpy(code, sealed + len, sizeof code);
    return begin(s, number, head, head_len) && pass(s, sealed, len, out) &&
           EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_CODE_BYTES, code) == 1 &&
           EVP_CipherFinal_ex(s->ctx, none, &done) == 1;
}
