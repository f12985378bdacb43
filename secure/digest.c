#include "secure/digest.h"
#include "secure/openssl.h"
#include <openssl/evp.h>

int digest_init(struct digest *d)
{
    openssl_begin();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    d->context = context;
    d->failed = false;
    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
        return HX_OK;
    digest_free(d);
    return HX_ENOMEM;
}

void digest_update(struct digest *d, const void *data, size_t len)
{
    if (EVP_DigestUpdate(d->context, data, len) != 1)
        d->failed = true;
}

int digest_final(struct digest *d, uint8_t out[DIGEST_BYTES])
{
    unsigned len = 0;
    if (d->failed || EVP_DigestFinal_ex(d->context, out, &len) != 1 || len != DIGEST_BYTES)
        return HX_ENOMEM;
    return HX_OK;
}

void digest_free(struct digest *d)
{
    EVP_MD_CTX_free(d->context);
    d->context = NULL;
}
