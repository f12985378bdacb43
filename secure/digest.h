/* secure/digest.h: SHA-256 (FIPS 180-4) of bytes that come in pieces. */
#ifndef HX_SECURE_DIGEST_H
#define HX_SECURE_DIGEST_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32

struct digest { /* zeroed: digest_free() is fine */
    void *context;
    bool failed; /* told by digest_final() */
};

/* HX_ENOMEM. */
int digest_init(struct digest *d);
void digest_update(struct digest *d, const void *data, size_t len);
/* HX_ENOMEM: nothing was computed. Once; then only digest_free(). */
int digest_final(struct digest *d, uint8_t out[DIGEST_BYTES]);
void digest_free(struct digest *d);

#endif
