#include "test/udtcurl/replay_kinds.h"
#include "proto/authorization.h"
#include "proto/endpoint.h"
#include "proto/field.h"
#include "proto/session.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ID_CHARS     "0123456789abcdefABCDEF*"
#define CHUNK_DIGITS 8

enum kind { KIND_BYTE, KIND_ADDRESS, KIND_ID, KIND_NONCE };

struct reading { /* of one line */
    const char *at, *end;
    const char *start;
};

static char before(const struct reading *r)
{
    return r->at > r->start ? r->at[-1] : '\0';
}

static size_t run_of(const struct reading *r, const char *chars)
{
    size_t n = 0;
    while (r->at + n < r->end && r->at[n] != '\0' && strchr(chars, r->at[n]))
        n++;
    return n;
}

/* 32 hex digits; or as many '*', where a transcript has left them out. */
static size_t id_len(const struct reading *r)
{
    size_t n = run_of(r, ID_CHARS);
    return n == KINDS_ID_MAX - 1 && !isalnum((unsigned char)before(r)) ? n : 0;
}

static bool begins(const struct reading *r, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(r->end - r->at) >= len && strncasecmp(r->at, word, len) == 0;
}

static bool behind(const struct reading *r, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(r->at - r->start) >= len && memcmp(r->at - len, word, len) == 0;
}

static enum kind next(struct reading *r, char *byte)
{
    size_t n = 0;
    struct endpoint e;
    enum kind kind = KIND_BYTE;
    if ((n = id_len(r)) > 0)
        kind = KIND_ID;
    else if ((n = endpoint_in_text(&e, r->start, (size_t)(r->at - r->start), (size_t)(r->end - r->start))) >
             0)
        kind = KIND_ADDRESS;
    else if (behind(r, "nonce=\"") && (n = run_of(r, BASE64URL_DIGITS)) > 0)
        kind = KIND_NONCE;
    n = n > 0 ? n : 1;
    *byte = *r->at;
    r->at += n;
    return kind;
}

/* A field whose value is a number that follows from the rest, or from the time. */
static bool is_number_field(const struct reading *r)
{
    return begins(r, "Content-Length:") || begins(r, "Retry-After:");
}

/* The size of a chunk, alone in its line: it follows from what is in the chunk. */
static bool is_chunk_size(const struct reading *r)
{
    size_t n = run_of(r, "0123456789abcdefABCDEF");
    return n > 0 && n <= CHUNK_DIGITS && (size_t)(r->end - r->at) == n + 2 &&
           memcmp(r->at + n, "\r\n", 2) == 0;
}

bool kinds_alike(const char *a, size_t a_len, const char *b, size_t b_len)
{
    struct reading x = {a, a + a_len, a}, y = {b, b + b_len, b};
    if (is_chunk_size(&x) && is_chunk_size(&y))
        return (a[0] == '0') == (b[0] == '0'); /* the last one is none of the others */
    if (is_number_field(&x) && is_number_field(&y))
        return strncasecmp(a, b, strlen("Retry-After:")) == 0;
    while (x.at < x.end && y.at < y.end) {
        char p, q;
        enum kind k = next(&x, &p), l = next(&y, &q);
        if (k != l || (k == KIND_BYTE && p != q))
            return false;
    }
    return x.at == x.end && y.at == y.end;
}

bool kinds_session(char id[KINDS_ID_MAX], const char *line, size_t len)
{
    struct reading r = {line, line + len, line};
    if (!begins(&r, "Session:"))
        return false;
    r.at += strlen("Session:");
    r.at += run_of(&r, " \t");
    if (id_len(&r) == 0 || *r.at == '*')
        return false;
    memcpy(id, r.at, KINDS_ID_MAX - 1);
    id[KINDS_ID_MAX - 1] = '\0';
    return true;
}

bool kinds_nonce(char *nonce, size_t cap, const char *line, size_t len)
{
    for (const char *at = line; at + 7 < line + len; at++) {
        struct reading r = {at, line + len, at};
        if (!begins(&r, "nonce=\""))
            continue;
        r.at += strlen("nonce=\"");
        size_t n = run_of(&r, BASE64URL_DIGITS);
        if (n == 0 || n >= cap)
            return false;
        memcpy(nonce, r.at, n);
        nonce[n] = '\0';
        return true;
    }
    return false;
}
