/* secure/identity.h: how somebody proves to a nameserver which key it has: a key of its own (Ed25519, RFC
 * 8032), or one that it shares with others (HMAC-SHA256). A nameserver knows the public half of the former,
 * which proves nothing anywhere. It knows a hash of the latter: who has that can prove the key to each
 * nameserver that knows it by this hash, and cannot speak TLS with those who share it. */
#ifndef HX_SECURE_IDENTITY_H
#define HX_SECURE_IDENTITY_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_SECRET_BYTES    32
#define IDENTITY_PUBLIC_BYTES    32
#define IDENTITY_SIGNATURE_BYTES 64
#define IDENTITY_TEXT_MAX        64 /* bytes of a written secret with its NUL */
#define IDENTITY_HASH_BYTES      32 /* of a shared key: struct key's `auth` */
#define IDENTITY_ID_BYTES        16
#define IDENTITY_CODE_BYTES      32

struct identity { /* secret, but for `public_key`: identity_wipe() */
    uint8_t secret[IDENTITY_SECRET_BYTES];
    uint8_t public_key[IDENTITY_PUBLIC_BYTES];
};

/* HX_OK; HX_ESYS: no randomness; HX_ENOMEM. */
int identity_generate(struct identity *out);
/* "hx-device-" and the secret with a checksum in base64url: what a file has, and hx_config.device_key. */
void identity_write(char text[IDENTITY_TEXT_MAX], const struct identity *i);
/* Blanks and line ends around it do not matter. HX_EINVAL: it is none, or mistyped; HX_ENOMEM. */
int identity_parse(struct identity *out, const char *text, size_t len);
void identity_wipe(struct identity *i);

/* False: a point of small order, under which anybody can make signatures. */
bool identity_public_valid(const uint8_t public_key[IDENTITY_PUBLIC_BYTES]);
/* HX_OK; HX_ENOMEM. */
int identity_sign(const struct identity *i, const void *data, size_t len,
                  uint8_t signature[IDENTITY_SIGNATURE_BYTES]);
/* HX_OK: it is its signature; HX_EAUTH: it is not, or that is no valid key; HX_ENOMEM. */
int identity_verify(const uint8_t public_key[IDENTITY_PUBLIC_BYTES], const void *data, size_t len,
                    const uint8_t signature[IDENTITY_SIGNATURE_BYTES]);

/* Of a shared key, what names it on the wire. HX_OK; HX_ENOMEM. */
int identity_psk_id(const uint8_t hash[IDENTITY_HASH_BYTES], uint8_t id[IDENTITY_ID_BYTES]);
/* HX_OK; HX_ENOMEM. */
int identity_psk_sign(const uint8_t hash[IDENTITY_HASH_BYTES], const void *data, size_t len,
                      uint8_t code[IDENTITY_CODE_BYTES]);
/* In constant time. As identity_verify(). */
int identity_psk_verify(const uint8_t hash[IDENTITY_HASH_BYTES], const void *data, size_t len,
                        const uint8_t code[IDENTITY_CODE_BYTES]);

#endif
