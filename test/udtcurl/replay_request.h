/* test/udtcurl/replay_request.h: a request of a transcript as it can be sent again: what was left out, or
 * belongs to that time, is put in anew. */
#ifndef HX_UDTCURL_REPLAY_REQUEST_H
#define HX_UDTCURL_REPLAY_REQUEST_H

#include "base/buf.h"
#include "base/hash.h"
#include "test/udtcurl/replay_kinds.h"

struct identity;

#define REPLAY_SESSIONS_MAX 256

struct replay_ids { /* of one run */
    struct hash_key seed;
    struct {
        char recorded[KINDS_ID_MAX], now[KINDS_ID_MAX];
    } sessions[REPLAY_SESSIONS_MAX];
    int count;
};

void replay_ids_init(struct replay_ids *ids);
/* Where the nameserver has told another ID than it did then, requests go on with that. */
void replay_ids_told(struct replay_ids *ids, const char *recorded, const char *now);

/* Appends head[0..len), with a NUL behind it: the lines of a request with the empty one, or whatever was
 * sent. A Bind-Session or Join-Session that was left out becomes a random one, the same for each request
 * with the same target. An Authorization is made anew by `device` if there is a nonce, else it stays as it
 * is. HX_OK; HX_ENOMEM, HX_ETOOBIG. */
int replay_request(struct buf *out, const struct replay_ids *ids, const char *head, size_t len,
                   const struct identity *device, const char *nonce);

#endif
