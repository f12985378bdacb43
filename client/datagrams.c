#include "client/datagrams.h"
#include "base/clock.h"
#include "base/replay_window.h"
#include "client/datagram_join.h"
#include "client/datagram_queue.h"
#include "client/hx.h"
#include "client/readiness_fd.h"
#include "proto/sealed_datagram.h"
#include "secure/seal.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LISTS 256 /* of all datagrams there are, by the first byte of their tags, which are random */

static_assert(SEALED_CODE == SEAL_CODE_BYTES, "each says it in its own room");
static_assert(HX_DATAGRAM_MAX <= SEALED_PIECES * SEALED_MAX, "any is cut into pieces that can be counted");

struct datagrams {
    uint8_t tag[SEALED_TAG_BYTES]; /* of what comes, ... */
    struct datagrams *prev, *next;
    struct seal *opens;
    struct replay_window window;
    struct readiness_fd readable;
    struct datagram_join join;
    struct datagram_queue queue;
    struct hx_datagram_counts counts;  /* of what comes under the lock, of what leaves by whoever sends */
    uint8_t out_tag[SEALED_TAG_BYTES]; /* ... and of what leaves */
    struct seal *closes;
    uint64_t number; /* of the last that has left */
};

/* Guards the lists, and what comes. It is held for a few microseconds at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct datagrams *lists[LISTS];

/* Of one direction. */
struct secret {
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t tag[SEALED_TAG_BYTES];
};

static int make_keys(struct datagrams *d, const struct tls *tls, bool connecting)
{
    struct secret both[2]; /* of what who connects sends; of what the other one does */
    static_assert(sizeof both == 2 * (SEAL_KEY_BYTES + SEALED_TAG_BYTES), "no padding");
    int err = tls_export(tls, "EXPERIMENTAL hx datagrams", (uint8_t *)both, sizeof both);
    const struct secret *out = &both[connecting ? 0 : 1], *in = &both[connecting ? 1 : 0];
    if (err == HX_OK)
        err = seal_create(&d->closes, out->key, true);
    if (err == HX_OK)
        err = seal_create(&d->opens, in->key, false);
    memcpy(d->out_tag, out->tag, sizeof d->out_tag);
    memcpy(d->tag, in->tag, sizeof d->tag);
    explicit_bzero(both, sizeof both);
    return err;
}

int datagrams_create(struct datagrams **out, const struct tls *tls, bool connecting)
{
    struct datagrams *d = calloc(1, sizeof *d);
    if (!d)
        return HX_ENOMEM;
    readiness_fd_init(&d->readable, false);
    int err = datagram_queue_init(&d->queue);
    if (err == HX_OK)
        err = make_keys(d, tls, connecting);
    if (err < 0) {
        datagrams_destroy(d);
        return err;
    }
    pthread_mutex_lock(&lock);
    DL_APPEND(lists[d->tag[0]], d);
    pthread_mutex_unlock(&lock);
    *out = d;
    return HX_OK;
}

void datagrams_destroy(struct datagrams *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&lock);
    if (d->prev)
        DL_DELETE(lists[d->tag[0]], d);
    pthread_mutex_unlock(&lock);
    seal_destroy(d->opens);
    seal_destroy(d->closes);
    readiness_fd_close(&d->readable);
    datagram_queue_free(&d->queue);
    datagram_join_free(&d->join);
    free(d);
}

size_t datagrams_make(struct datagrams *d, struct sealed_datagram *head, const void *data, size_t len,
                      uint8_t out[SEALED_BYTES])
{
    head->number = ++d->number;
    memcpy(head->tag, d->out_tag, sizeof head->tag);
    sealed_datagram_write(head, out);
    if (seal_close(d->closes, head->number, out, SEALED_HEAD, data, len, out + SEALED_HEAD) < 0)
        return 0;
    return SEALED_HEAD + len + SEALED_CODE;
}

/* Into how many pieces, so that each fits a packet of the path. */
static unsigned count_pieces(const struct agent *a, size_t len)
{
    size_t room = (size_t)agent_datagram_room(a);
    room = room > SEALED_BYTES ? SEALED_BYTES : room;
    size_t each = room - SEALED_HEAD - SEALED_CODE;
    size_t count = len > each ? (len + each - 1) / each : 1;
    return count > SEALED_PIECES ? SEALED_PIECES : (unsigned)count;
}

static int send_piece(struct datagrams *d, struct agent *a, struct sealed_datagram *head, const uint8_t *data,
                      size_t len)
{
    uint8_t bytes[SEALED_BYTES];
    size_t whole = datagrams_make(d, head, data, len, bytes);
    if (whole == 0)
        return HX_ENOMEM;
    return agent_send_beside(a, bytes, whole) == 0 ? HX_OK : HX_EAGAIN;
}

int datagrams_send(struct datagrams *d, struct agent *a, uint32_t flow, const void *data, size_t len)
{
    if (len > HX_DATAGRAM_MAX) {
        d->counts.too_long++;
        return HX_ETOOBIG;
    }
    struct sealed_datagram head = {.flow = flow, .pieces = count_pieces(a, len)};
    size_t each = (len + head.pieces - 1) / head.pieces;
    int err = HX_OK;
    for (size_t at = 0; err == HX_OK && head.piece < head.pieces; head.piece++, at += each)
        err = send_piece(d, a, &head, (const uint8_t *)data + at, len - at < each ? len - at : each);
    if (err == HX_OK)
        d->counts.sent++;
    else
        d->counts.not_sent++;
    return err;
}

void datagrams_counts(struct datagrams *d, struct hx_datagram_counts *out)
{
    pthread_mutex_lock(&lock);
    datagram_join_expire(&d->join, clock_now_ms());
    *out = d->counts;
    out->incomplete = d->join.given_up;
    pthread_mutex_unlock(&lock);
}

ssize_t datagrams_receive(struct datagrams *d, uint32_t *flow, void *buf, size_t size)
{
    pthread_mutex_lock(&lock);
    ssize_t len = datagram_queue_take(&d->queue, flow, buf, size);
    if (d->queue.count == 0)
        readiness_fd_set(&d->readable, false);
    pthread_mutex_unlock(&lock);
    return len;
}

int datagrams_fd(struct datagrams *d)
{
    pthread_mutex_lock(&lock);
    int fd = readiness_fd_get(&d->readable);
    pthread_mutex_unlock(&lock);
    return fd;
}

/* The lock is held, as for the next one. */
static struct datagrams *find(const uint8_t tag[SEALED_TAG_BYTES])
{
    struct datagrams *d = lists[tag[0]];
    while (d && memcmp(d->tag, tag, SEALED_TAG_BYTES) != 0)
        d = d->next;
    return d;
}

static void queue(struct datagrams *d, uint32_t flow, const uint8_t *bytes, size_t len)
{
    if (len > HX_DATAGRAM_MAX || !datagram_queue_put(&d->queue, flow, bytes, len)) {
        d->counts.unread++;
        return;
    }
    d->counts.came++;
    readiness_fd_set(&d->readable, true);
}

static void keep(struct datagrams *d, const struct sealed_datagram *head, const uint8_t *bytes, size_t len)
{
    uint8_t opened[SEALED_BYTES], *whole;
    if (!replay_window_new(&d->window, head->number)) {
        d->counts.replayed++;
        return;
    }
    if (!seal_open(d->opens, head->number, bytes, SEALED_HEAD, bytes + SEALED_HEAD, len - SEALED_HEAD,
                   opened)) {
        d->counts.forged++;
        return;
    }
    replay_window_take(&d->window, head->number);
    len -= SEALED_HEAD + SEALED_CODE;
    if (head->pieces == 1) {
        queue(d, head->flow, opened, len);
    } else if (datagram_join_take(&d->join, head, opened, len, clock_now_ms(), &whole, &len)) {
        queue(d, head->flow, whole, len);
        free(whole);
    }
}

bool datagrams_take(void *unused, struct net_datagram *datagram)
{
    uint8_t bytes[SEALED_BYTES];
    struct sealed_datagram head;
    (void)unused;
    if (datagram->len > sizeof bytes)
        return false;
    size_t len = demux_gather(datagram, bytes, sizeof bytes);
    if (!sealed_datagram_read(&head, bytes, len))
        return false;
    pthread_mutex_lock(&lock);
    struct datagrams *d = find(head.tag);
    if (d)
        keep(d, &head, bytes, len);
    pthread_mutex_unlock(&lock);
    return false;
}
