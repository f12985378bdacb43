/* secure/seal.h: datagrams that only who has the key can make or read (AES-256-GCM, RFC 5116), each with a
 * number of its own for a nonce. One direction of one connection; not thread-safe: the caller locks. */
#ifndef HX_SECURE_SEAL_H
#define HX_SECURE_SEAL_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES  32
#define SEAL_CODE_BYTES 16

struct seal;

/* `closing`: it makes them; else it opens them. HX_ENOMEM. */
int seal_create(struct seal **out, const uint8_t key[SEAL_KEY_BYTES], bool closing);
void seal_destroy(struct seal *s); /* NULL is fine */
/* `out` takes `len` + SEAL_CODE_BYTES bytes; `head` is proven, too, and not hidden. No `number` twice.
 * HX_ENOMEM. */
int seal_close(struct seal *s, uint64_t number, const uint8_t *head, size_t head_len, const uint8_t *data,
               size_t len, uint8_t *out);
/* `out` takes `len` - SEAL_CODE_BYTES bytes, which mean nothing after false: it is not as it was made. */
bool seal_open(struct seal *s, uint64_t number, const uint8_t *head, size_t head_len, const uint8_t *sealed,
               size_t len, uint8_t *out);

#endif
