#include "test/udtcurl/replay_request.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/hex.h"
#include "test/udtcurl/proof.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TARGET_MAX 4096
#define WORD_MAX   300
#define ID_DIGITS  (KINDS_ID_MAX - 1)

void replay_ids_init(struct replay_ids *ids)
{
    memset(ids, 0, sizeof *ids);
    hash_key_draw(&ids->seed);
}

void replay_ids_told(struct replay_ids *ids, const char *recorded, const char *now)
{
    if (ids->count == REPLAY_SESSIONS_MAX || strcmp(recorded, now) == 0)
        return;
    snprintf(ids->sessions[ids->count].recorded, KINDS_ID_MAX, "%s", recorded);
    snprintf(ids->sessions[ids->count].now, KINDS_ID_MAX, "%s", now);
    ids->count++;
}

struct head {
    char method[WORD_MAX], target[TARGET_MAX], host[WORD_MAX];
};

static void copy(char *out, size_t cap, const char *at, size_t len)
{
    snprintf(out, cap, "%.*s", (int)len, at);
}

static bool is_field(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    return len > n && strncasecmp(line, name, n) == 0 && line[n] == ':';
}

/* What a proof is of. */
static void read_head(struct head *out, const char *at, const char *end)
{
    size_t len = strcspn(at, " \r\n");
    memset(out, 0, sizeof *out);
    copy(out->method, sizeof out->method, at, len);
    at += len + (at[len] == ' ');
    copy(out->target, sizeof out->target, at, strcspn(at, " \r\n"));
    for (const char *stop; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        if (!is_field(at, (size_t)(stop - at), "Host"))
            continue;
        const char *value = at + strlen("Host:");
        value += strspn(value, " \t");
        copy(out->host, sizeof out->host, value, strcspn(value, " \t\r\n"));
    }
}

/* Random for who does not know the seed, and the same each time. */
static int write_id(struct buf *out, const struct replay_ids *ids, const char *target)
{
    uint64_t number[2];
    char text[2 * sizeof number + 1];
    for (uint8_t i = 0; i < 2; i++) {
        struct hash_key key = ids->seed;
        key.word[0] ^= i;
        number[i] = hash_sip(&key, target, strlen(target));
    }
    hex_write(text, number, sizeof number);
    return buf_append(out, text, strlen(text));
}

static const char *now_of(const struct replay_ids *ids, const char *id)
{
    for (int i = ids->count - 1; i >= 0; i--) {
        if (memcmp(ids->sessions[i].recorded, id, ID_DIGITS) == 0)
            return ids->sessions[i].now;
    }
    return NULL;
}

static int write_line(struct buf *out, const struct replay_ids *ids, const struct head *h, const char *line,
                      size_t len)
{
    bool holder = is_field(line, len, "Bind-Session") || is_field(line, len, "Join-Session");
    const char *stars = holder ? memchr(line, '*', len) : NULL;
    char id[KINDS_ID_MAX];
    if (stars) {
        int err = buf_append(out, line, (size_t)(stars - line));
        err = err == HX_OK ? write_id(out, ids, h->target) : err;
        const char *rest = stars + strspn(stars, "*");
        return err == HX_OK ? buf_append(out, rest, len - (size_t)(rest - line)) : err;
    }
    if (kinds_session(id, line, len) && now_of(ids, id))
        return buf_printf(out, "Session: %s\r\n", now_of(ids, id));
    return buf_append(out, line, len);
}

int replay_request(struct buf *out, const struct replay_ids *ids, const char *head, size_t len,
                   const struct identity *device, const char *nonce)
{
    const char *at = head, *end = head + len;
    struct head h;
    int err = HX_OK;
    bool prove = device && nonce[0];
    read_head(&h, head, end);
    while (at < end && err == HX_OK) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = stop ? (size_t)(stop + 1 - at) : (size_t)(end - at);
        if (prove && is_field(at, line_len, "Authorization"))
            err = proof_write(out, device, nonce, h.method, h.target, h.host);
        else
            err = write_line(out, ids, &h, at, line_len);
        at += line_len;
    }
    return err;
}
