/* secure/hkdf.h: HKDF with SHA-256 (RFC 5869), without a salt: several secrets out of one, each of which tells
 * nothing about the others. */
#ifndef HX_SECURE_HKDF_H
#define HX_SECURE_HKDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `info`: what it is for. False: out of memory. */
bool hkdf_derive(const void *secret, size_t secret_len, const char *info, uint8_t *out, size_t len);

#endif
