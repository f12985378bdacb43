/* secure/key.h: the secret that two hosts share, as people copy it and as TLS uses it.
 *
 * A key is 160 random bits. Written: "hx-" and groups of four of base32 (RFC 4648, lower case), the last of
 * which is a checksum, so that a mistyped one is told apart from a wrong one. A keyring is a text of lines
 * `KEY [LABEL]`; empty lines and those that begin with '#' say nothing. TLS never sees the secret itself: its
 * external PSK and that one's public identity are derived with HKDF (RFC 5869). */
#ifndef HX_SECURE_KEY_H
#define HX_SECURE_KEY_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES     20
#define KEY_TEXT_MAX  64 /* bytes that hold a written key with its NUL */
#define KEY_LABEL_MAX 64 /* bytes of a label, of proto/host_id's characters */
#define KEYRING_MAX   1024
#define PSK_BYTES     32 /* SHA-256 */
#define PSK_ID_BYTES  32 /* hex digits, without NUL */

struct key {
    uint8_t psk[PSK_BYTES];
    char identity[PSK_ID_BYTES + 1];
    uint8_t auth[PSK_BYTES];       /* what a nameserver knows it by: secure/identity.h, "psk:" */
    char label[KEY_LABEL_MAX + 1]; /* "" if it has none */
};

struct keyring { /* locked in memory and left out of core dumps where the kernel lets us */
    struct key *keys;
    size_t count;
};

/* Writes a new key's text. HX_ESYS: no randomness. */
int key_generate(char text[KEY_TEXT_MAX]);
/* The text of a key that comes from elsewhere. */
void key_write(char text[KEY_TEXT_MAX], const uint8_t secret[KEY_BYTES]);
/* Case and the places of '-' within a key do not matter. HX_EINVAL: no key, or mistyped, or no label; *line
 * (from 1) says where. HX_ELIMIT: above KEYRING_MAX; HX_ENOTFOUND: not one key; HX_ENOMEM. After an error
 * *out is empty. */
int keyring_parse(struct keyring *out, const char *text, size_t len, int *line);
/* HX_OK or HX_ENOMEM. */
int keyring_copy(struct keyring *out, const struct keyring *r);
/* Of two equal keys the first one; NULL if there is none. */
const struct key *keyring_find(const struct keyring *r, const uint8_t *identity, size_t len);
void keyring_free(struct keyring *r); /* wipes it; an empty one is fine */

#endif
