#include "client/files/hold.h"
#include "base/container_of.h"
#include <pthread.h>
#include <string.h>
#include <utlist.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct hold *holds; /* each peer has a few: SHARE_JOBS_MAX at most */

static bool is_of(const struct hold *h, const struct hold_file *file)
{
    return h->file.dev == file->dev && h->file.ino == file->ino;
}

static bool is_same_key(const struct hold_owner *a, const struct hold_owner *b)
{
    return a->key[0] && strcmp(a->key, b->key) == 0;
}

static void on_event(struct ev_loop *loop, ev_async *w, int revents)
{
    struct hold *h = container_of(w, struct hold, event);
    (void)loop;
    (void)revents;
    h->told(h);
}

void hold_init(struct hold *h, const struct hold_owner *owner, struct ev_loop *loop,
               void (*told)(struct hold *h))
{
    h->owner = *owner;
    h->loop = loop;
    h->told = told;
    h->held = false;
    atomic_init(&h->over, false);
    ev_async_init(&h->event, on_event);
}

/* The mutex is held. */
static void list(struct hold *h, const struct hold_file *file)
{
    h->file = *file;
    if (ev_is_active(&h->event))
        return;
    ev_async_start(h->loop, &h->event);
    DL_APPEND(holds, h);
}

void hold_take(struct hold *h, const struct hold_file *file)
{
    pthread_mutex_lock(&mutex);
    list(h, file);
    h->held = true;
    pthread_mutex_unlock(&mutex);
}

static void send_away(struct hold *other)
{
    atomic_store(&other->over, true);
    ev_async_send(other->loop, &other->event);
}

enum hold_claim hold_claim(struct hold *h, const struct hold_file *file)
{
    enum hold_claim claim = HOLD_FOREIGN;
    struct hold *other;
    pthread_mutex_lock(&mutex);
    DL_FOREACH(holds, other)
    {
        if (other == h || !is_of(other, file) || !is_same_key(&h->owner, &other->owner))
            continue;
        if (!copy_name_is_older(&other->owner.copy, &h->owner.copy)) {
            claim = HOLD_NEWER;
            break;
        }
        send_away(other);
        claim = HOLD_OLDER;
    }
    if (claim == HOLD_OLDER)
        list(h, file);
    pthread_mutex_unlock(&mutex);
    return claim;
}

bool hold_may_claim(const struct hold_owner *owner, const struct hold_file *file)
{
    struct hold *other;
    bool may = false;
    pthread_mutex_lock(&mutex);
    DL_FOREACH(holds, other)
    may = may || (other->held && is_of(other, file) && is_same_key(owner, &other->owner));
    pthread_mutex_unlock(&mutex);
    return may;
}

void hold_end(struct hold *h)
{
    struct hold *other;
    if (!h->loop || !ev_is_active(&h->event))
        return;
    pthread_mutex_lock(&mutex);
    DL_DELETE(holds, h);
    DL_FOREACH(holds, other)
    if (!other->held && is_of(other, &h->file))
        ev_async_send(other->loop, &other->event);
    pthread_mutex_unlock(&mutex);
    ev_async_stop(h->loop, &h->event);
}
