#include "server/admin/access.h"
#include "base/hex.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define BEARER "Bearer "

int access_set_token(struct access *a, const char *token)
{
    size_t len = strlen(token);
    uint8_t code[MAC_BYTES], cookie_key[MAC_KEY_BYTES];

    if (len < ACCESS_TOKEN_MIN || len > ACCESS_TOKEN_MAX)
        return HX_EINVAL;
    for (size_t i = 0; i < len; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return HX_EINVAL;
    if (getrandom(a->key, sizeof a->key, 0) != (ssize_t)sizeof a->key)
        return HX_ESYS;
    int err = mac_compute(a->key, token, len, a->proof);
    /* The token alone makes it: a browser that has it needs it once, and not again after a restart. */
    if (err == HX_OK)
        err = mac_derive((const uint8_t *)token, len, "hx admin cookie", cookie_key);
    if (err == HX_OK)
        err = mac_compute(cookie_key, ACCESS_COOKIE, strlen(ACCESS_COOKIE), code);
    if (err < 0)
        return err;
    hex_write(a->cookie, code, sizeof code);
    a->token = true;
    return HX_OK;
}

int access_read_token(struct access *a, const char *path)
{
    char line[ACCESS_TOKEN_MAX + 3];
    FILE *f = fopen(path, "re");

    if (!f)
        return HX_ESYS;
    bool read = fgets(line, sizeof line, f) != NULL;
    bool failed = ferror(f) != 0;
    fclose(f);
    if (failed)
        return HX_ESYS;
    line[read ? strcspn(line, "\r\n") : 0] = '\0';
    int err = access_set_token(a, line);
    explicit_bzero(line, sizeof line);
    return err;
}

/* What is compared are codes of both, under a key that nobody knows: equal lengths, and no early end. */
bool access_token_right(const struct access *a, const char *token)
{
    return a->token && mac_right(a->key, token, strlen(token), a->proof);
}

static bool cookie_right(const struct access *a, const char *cookie)
{
    size_t len = strlen(a->cookie);
    unsigned differs = 0;

    if (!a->token || strlen(cookie) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        differs |= (unsigned)(cookie[i] ^ a->cookie[i]);
    return differs == 0;
}

static bool bearer_right(const struct access *a, const char *given)
{
    return strncasecmp(given, BEARER, strlen(BEARER)) == 0 &&
           access_token_right(a, given + strlen(BEARER) + strspn(given + strlen(BEARER), " "));
}

/* The name without its port; false: it is too long for one of ours. */
static bool host_name(char *out, size_t size, const char *host)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
    size_t from = host[0] == '[' ? 1 : 0;

    if (len - from >= size)
        return false;
    memcpy(out, host + from, len - from);
    out[len - from] = '\0';
    return true;
}

/* Nobody else's name server answers for these. */
static bool loopback(const char *host)
{
    char name[64];
    struct in_addr v4;
    struct in6_addr v6;

    if (!host_name(name, sizeof name, host))
        return false;
    if (strcasecmp(name, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, name, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return inet_pton(AF_INET6, name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* A browser names the page's origin with each request that may change something: http://HOST, or "null". */
static bool same_origin(const struct access_request *r)
{
    const char *host = r->origin ? strstr(r->origin, "://") : NULL;

    return !r->origin || (host && r->host && strcasecmp(host + 3, r->host) == 0);
}

enum access_answer access_check(const struct access *a, const struct access_request *r, bool changes)
{
    if (r->authorization && bearer_right(a, r->authorization)) /* no page of another site can */
        return ACCESS_GRANTED;
    if (a->token && (!r->cookie || !cookie_right(a, r->cookie)))
        return ACCESS_NO_TOKEN;
    if (!a->token && !r->by_path && r->host && !loopback(r->host))
        return ACCESS_STRANGE_HOST;
    return changes && !same_origin(r) ? ACCESS_STRANGE_ORIGIN : ACCESS_GRANTED;
}
