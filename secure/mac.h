/* secure/mac.h: message authentication: HMAC-SHA256 (RFC 2104, FIPS 180-4), cut to its first 128 bits as RFC
 * 2104, section 5, allows, and keys derived from keys by it. */
#ifndef HX_SECURE_MAC_H
#define HX_SECURE_MAC_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_BYTES     16
#define MAC_KEY_BYTES 32

/* HX_OK; HX_ENOMEM. */
int mac_compute(const uint8_t key[MAC_KEY_BYTES], const void *data, size_t len, uint8_t out[MAC_BYTES]);
/* In constant time. False also without memory. */
bool mac_right(const uint8_t key[MAC_KEY_BYTES], const void *data, size_t len, const uint8_t code[MAC_BYTES]);
/* A key for one purpose, which `label` names, from a secret. HX_OK; HX_ENOMEM. */
int mac_derive(const uint8_t *secret, size_t len, const char *label, uint8_t out[MAC_KEY_BYTES]);

#endif
