#include "client/datagrams.h"
#include "base/replay_window.h"
#include "client/hx.h"
#include "client/readiness_fd.h"
#include "proto/sealed_datagram.h"
#include "secure/seal.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LISTS 256 /* of all datagrams there are, by the first byte of their tags, which are random */

static_assert(HX_DATAGRAM_MAX == SEALED_MAX && SEALED_CODE == SEAL_CODE_BYTES,
              "each says it in its own room");

struct waiting {
    uint32_t flow;
    size_t len;
    uint8_t bytes[SEALED_MAX];
};

struct datagrams {
    uint8_t tag[SEALED_TAG_BYTES]; /* of what comes, ... */
    struct datagrams *prev, *next;
    struct seal *opens;
    struct replay_window window;
    struct readiness_fd readable;
    struct waiting *ring;
    unsigned first, count;
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
    d->ring = calloc(DATAGRAMS_MAX, sizeof *d->ring);
    int err = d->ring ? make_keys(d, tls, connecting) : HX_ENOMEM;
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
    free(d->ring);
    free(d);
}

size_t datagrams_make(struct datagrams *d, uint32_t flow, const void *data, size_t len,
                      uint8_t out[SEALED_BYTES])
{
    struct sealed_datagram head = {.flow = flow, .number = ++d->number};
    memcpy(head.tag, d->out_tag, sizeof head.tag);
    sealed_datagram_write(&head, out);
    if (seal_close(d->closes, head.number, out, SEALED_HEAD, data, len, out + SEALED_HEAD) < 0)
        return 0;
    return SEALED_HEAD + len + SEALED_CODE;
}

int datagrams_send(struct datagrams *d, struct agent *a, uint32_t flow, const void *data, size_t len)
{
    uint8_t bytes[SEALED_BYTES];
    size_t whole = len <= SEALED_MAX ? datagrams_make(d, flow, data, len, bytes) : 0;
    if (whole == 0)
        return len > SEALED_MAX ? HX_ETOOBIG : HX_ENOMEM;
    return agent_send_beside(a, bytes, whole) == 0 ? HX_OK : HX_EAGAIN;
}

ssize_t datagrams_receive(struct datagrams *d, uint32_t *flow, void *buf, size_t size)
{
    ssize_t len = HX_EAGAIN;
    pthread_mutex_lock(&lock);
    if (d->count > 0) {
        const struct waiting *w = &d->ring[d->first];
        *flow = w->flow;
        len = (ssize_t)w->len;
        memcpy(buf, w->bytes, w->len < size ? w->len : size);
        d->count--;
        d->first = d->count > 0 ? (d->first + 1) % DATAGRAMS_MAX : 0; /* 0: memory that the caches have */
    }
    if (d->count == 0)
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

static void keep(struct datagrams *d, const struct sealed_datagram *head, const uint8_t *bytes, size_t len)
{
    struct waiting *w = &d->ring[(d->first + d->count) % DATAGRAMS_MAX];
    if (d->count == DATAGRAMS_MAX || !replay_window_new(&d->window, head->number) ||
        !seal_open(d->opens, head->number, bytes, SEALED_HEAD, bytes + SEALED_HEAD, len - SEALED_HEAD,
                   w->bytes))
        return;
    replay_window_take(&d->window, head->number);
    w->flow = head->flow;
    w->len = len - SEALED_HEAD - SEALED_CODE;
    d->count++;
    readiness_fd_set(&d->readable, true);
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
