#include "base/hash.h"
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static struct hash_key process_key;

void hash_key_draw(struct hash_key *key)
{
    if (getrandom(key, sizeof *key, GRND_NONBLOCK) == (ssize_t)sizeof *key)
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    key->word[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)(uintptr_t)&now;
    key->word[1] = (uint64_t)now.tv_sec << 32 ^ (uint64_t)(uintptr_t)key;
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], int count)
{
    while (count-- > 0) {
        v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
        v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
    }
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), section 2. */
uint64_t hash_sip(const struct hash_key *key, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t v[4], word, last = (uint64_t)len << 56;

    v[0] = key->word[0] ^ 0x736f6d6570736575u;
    v[1] = key->word[1] ^ 0x646f72616e646f6du;
    v[2] = key->word[0] ^ 0x6c7967656e657261u;
    v[3] = key->word[1] ^ 0x7465646279746573u;
    for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
        memcpy(&word, p, sizeof word);
        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void draw_process_key(void)
{
    hash_key_draw(&process_key);
}

unsigned hash_keyed(const void *data, size_t len)
{
    static pthread_once_t drawn = PTHREAD_ONCE_INIT;

    pthread_once(&drawn, draw_process_key);
    uint64_t h = hash_sip(&process_key, data, len);
    return (unsigned)(h ^ h >> 32);
}
