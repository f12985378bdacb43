/* secure/digest.h: SHA-256 (FIPS 180-4) of bytes that come in pieces, or a GMAC (NIST SP 800-38D). */
#ifndef HX_SECURE_DIGEST_H
#define HX_SECURE_DIGEST_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES     32
#define DIGEST_KEY_BYTES 16

struct digest {    /* zeroed: digest_free() is fine */
    void *context; /* of SHA-256 */
    void *keyed;   /* of a GMAC; NULL: none */
    bool failed;   /* told by digest_final() */
};

/* HX_ENOMEM. */
int digest_init(struct digest *d);
/* Before the first byte: the GMAC of AES-128 under `key`, for the bytes of this one digest, and 16 zeros
 * behind it. Many times as fast as SHA-256, and finds what went wrong as surely; but who has the key can
 * make other bytes of the same sum. HX_ENOMEM. */
int digest_use_key(struct digest *d, const uint8_t key[DIGEST_KEY_BYTES]);
void digest_update(struct digest *d, const void *data, size_t len);
/* HX_ENOMEM: nothing was computed. Once; then only digest_free(). */
int digest_final(struct digest *d, uint8_t out[DIGEST_BYTES]);
void digest_free(struct digest *d);

#endif
