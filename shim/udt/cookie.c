#include "shim/udt/cookie.h"

void cookie_init(struct cookie *c, int64_t now_ms)
{
    hash_key_draw(&c->now);
    hash_key_draw(&c->before);
    c->roll_ms = now_ms + COOKIE_ROLL_MS;
}

static void roll(struct cookie *c, int64_t now_ms)
{
    if (now_ms < c->roll_ms)
        return;
    if (now_ms < c->roll_ms + COOKIE_ROLL_MS)
        c->before = c->now;
    else
        hash_key_draw(&c->before); /* nobody asked for so long that both have run out */
    hash_key_draw(&c->now);
    c->roll_ms = now_ms + COOKIE_ROLL_MS;
}

static uint32_t make(const struct hash_key *key, const void *source, size_t len)
{
    uint64_t h = hash_sip(key, source, len);
    uint32_t cookie = (uint32_t)(h ^ h >> 32);

    return cookie ? cookie : 1;
}

uint32_t cookie_make(struct cookie *c, const void *source, size_t len, int64_t now_ms)
{
    roll(c, now_ms);
    return make(&c->now, source, len);
}

bool cookie_valid(struct cookie *c, const void *source, size_t len, uint32_t cookie, int64_t now_ms)
{
    roll(c, now_ms);
    return cookie == make(&c->now, source, len) || cookie == make(&c->before, source, len);
}
