/* base/hash.h: the keyed hash of everything that is chosen by peers: cookies, rates, and every table. */
#ifndef HX_BASE_HASH_H
#define HX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t word[2];
};

/* Random; where the kernel has no randomness yet, early at boot, guessable in principle. */
void hash_key_draw(struct hash_key *key);
/* SipHash-2-4. The words are taken in the machine's own byte order: values never leave the process. */
uint64_t hash_sip(const struct hash_key *key, const void *data, size_t len);
/* With a key drawn once per process: nobody outside can make names or addresses collide. */
unsigned hash_keyed(const void *data, size_t len);

#endif
