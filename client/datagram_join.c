#include "client/datagram_join.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(SEALED_PIECES <= 64 && SEALED_MAX <= UINT16_MAX, "a bit for each, and its length");
static_assert(DATAGRAM_JOIN_BYTES >= SEALED_PIECES * SEALED_MAX, "the longest one fits");

/* Of the place alone; its bytes are the caller's. */
static void leave(struct datagram_join *j, struct joining *d)
{
    j->bytes -= d->pieces * (size_t)SEALED_MAX;
    *d = (struct joining){.bytes = NULL};
}

static void give_up(struct datagram_join *j, struct joining *d)
{
    free(d->bytes);
    leave(j, d);
    j->given_up++;
}

void datagram_join_expire(struct datagram_join *j, int64_t now_ms)
{
    for (struct joining *d = j->kept; j->bytes > 0 && d < j->kept + DATAGRAM_JOIN_KEPT; d++) {
        if (d->bytes && now_ms - d->begun_ms >= DATAGRAM_JOIN_MS)
            give_up(j, d);
    }
}

static struct joining *oldest_of(struct datagram_join *j)
{
    struct joining *oldest = NULL;
    for (struct joining *d = j->kept; d < j->kept + DATAGRAM_JOIN_KEPT; d++) {
        if (d->bytes && (!oldest || d->first < oldest->first))
            oldest = d;
    }
    return oldest;
}

/* A free place, as long as there is memory. */
static struct joining *begin(struct datagram_join *j, uint64_t first, const struct sealed_datagram *head,
                             int64_t now_ms)
{
    size_t need = head->pieces * (size_t)SEALED_MAX;
    struct joining *d = j->kept;
    while (j->bytes + need > DATAGRAM_JOIN_BYTES)
        give_up(j, oldest_of(j));
    while (d < j->kept + DATAGRAM_JOIN_KEPT && d->bytes)
        d++;
    if (d == j->kept + DATAGRAM_JOIN_KEPT) {
        d = oldest_of(j);
        give_up(j, d);
    }
    uint8_t *bytes = malloc(need);
    if (!bytes) {
        j->given_up++;
        return NULL;
    }
    *d = (struct joining){
        .first = first, .flow = head->flow, .pieces = head->pieces, .begun_ms = now_ms, .bytes = bytes};
    j->bytes += need;
    return d;
}

/* The pieces, one behind the other. */
static size_t close_up(struct joining *d)
{
    size_t len = 0;
    for (unsigned i = 0; i < d->pieces; i++) {
        memmove(d->bytes + len, d->bytes + i * (size_t)SEALED_MAX, d->len[i]);
        len += d->len[i];
    }
    return len;
}

bool datagram_join_take(struct datagram_join *j, const struct sealed_datagram *head, const uint8_t *bytes,
                        size_t piece_len, int64_t now_ms, uint8_t **out, size_t *len)
{
    uint64_t first = head->number - head->piece;
    struct joining *d = j->kept;
    datagram_join_expire(j, now_ms);
    while (d < j->kept + DATAGRAM_JOIN_KEPT && !(d->bytes && d->first == first))
        d++;
    if (d == j->kept + DATAGRAM_JOIN_KEPT)
        d = begin(j, first, head, now_ms);
    if (!d || d->flow != head->flow || d->pieces != head->pieces || piece_len > SEALED_MAX)
        return false;
    memcpy(d->bytes + head->piece * (size_t)SEALED_MAX, bytes, piece_len);
    d->len[head->piece] = (uint16_t)piece_len;
    d->come |= UINT64_C(1) << head->piece;
    if (d->come != UINT64_MAX >> (64 - d->pieces))
        return false;
    *len = close_up(d);
    *out = d->bytes;
    leave(j, d);
    return true;
}

void datagram_join_free(struct datagram_join *j)
{
    for (struct joining *d = j->kept; d < j->kept + DATAGRAM_JOIN_KEPT; d++)
        free(d->bytes);
}
