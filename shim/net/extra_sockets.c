#include "shim/net/extra_sockets.h"
#include "base/keyed_table.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READY_MAX 16 /* sockets that are asked for at a time */
#define READS     64 /* from those, then others may be ready as well */

struct extra_socket {
    int number, fd;
    int holders; /* the set, and who uses it */
    UT_hash_handle hh;
};

struct extra_sockets {
    pthread_mutex_t lock;
    struct extra_socket *by_number;
    int last;
    atomic_int count, epoll; /* the descriptor plus one: 0, none yet */
    /* Of the reading thread: */
    int ready[READY_MAX], ready_count, turn, reads;
};

struct extra_sockets *extra_sockets_create(void)
{
    struct extra_sockets *s = calloc(1, sizeof *s);

    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

static int epoll_of(const struct extra_sockets *s)
{
    return atomic_load(&s->epoll) - 1;
}

/* The lock is held. */
static int begin_epoll(struct extra_sockets *s)
{
    if (epoll_of(s) < 0)
        atomic_store(&s->epoll, epoll_create1(EPOLL_CLOEXEC) + 1);
    return epoll_of(s);
}

/* The lock is held, or nobody else is left. */
static void let_go(struct extra_socket *it)
{
    if (--it->holders > 0)
        return;
    close(it->fd);
    free(it);
}

static void forget(struct extra_sockets *s, struct extra_socket *it)
{
    HASH_DEL(s->by_number, it);
    atomic_fetch_sub(&s->count, 1);
    /* It may stay open for a while, and nobody reads it any more. */
    (void)epoll_ctl(epoll_of(s), EPOLL_CTL_DEL, it->fd, NULL);
    let_go(it);
}

void extra_sockets_destroy(struct extra_sockets *s)
{
    struct extra_socket *it, *next;

    if (!s)
        return;
    HASH_ITER(hh, s->by_number, it, next)
    {
        forget(s, it);
    }
    if (epoll_of(s) >= 0)
        close(epoll_of(s));
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int extra_sockets_event_fd(struct extra_sockets *s)
{
    if (epoll_of(s) >= 0)
        return epoll_of(s);
    pthread_mutex_lock(&s->lock);
    int fd = begin_epoll(s);
    pthread_mutex_unlock(&s->lock);
    return fd;
}

/* The lock is held. */
static int add(struct extra_sockets *s, struct extra_socket *it)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = it->number};

    if (atomic_load(&s->count) >= EXTRA_SOCKETS_MAX)
        return HX_ELIMIT;
    (void)begin_epoll(s);
    HASH_ADD_INT(s->by_number, number, it);
    if (!it->hh.tbl) /* base/keyed_table.h */
        return HX_ENOMEM;
    if (epoll_ctl(epoll_of(s), EPOLL_CTL_ADD, it->fd, &ev) < 0) {
        HASH_DEL(s->by_number, it);
        return HX_ESYS;
    }
    atomic_fetch_add(&s->count, 1);
    return HX_OK;
}

int extra_sockets_add(struct extra_sockets *s, int fd, int *number)
{
    struct extra_socket *it = calloc(1, sizeof *it);

    if (!it)
        return HX_ENOMEM;
    it->fd = fd;
    it->holders = 1;
    pthread_mutex_lock(&s->lock);
    it->number = *number = ++s->last;
    int err = add(s, it);
    pthread_mutex_unlock(&s->lock);
    if (err < 0)
        free(it);
    return err;
}

static struct extra_socket *find(const struct extra_sockets *s, int number)
{
    struct extra_socket *it;

    HASH_FIND_INT(s->by_number, &number, it);
    return it;
}

void extra_sockets_remove(struct extra_sockets *s, int number)
{
    pthread_mutex_lock(&s->lock);
    struct extra_socket *it = find(s, number);
    if (it)
        forget(s, it);
    pthread_mutex_unlock(&s->lock);
}

struct extra_socket *extra_sockets_hold(struct extra_sockets *s, int number)
{
    pthread_mutex_lock(&s->lock);
    struct extra_socket *it = find(s, number);
    if (it)
        it->holders++;
    pthread_mutex_unlock(&s->lock);
    return it;
}

void extra_sockets_let_go(struct extra_sockets *s, struct extra_socket *it)
{
    if (!it)
        return;
    pthread_mutex_lock(&s->lock);
    let_go(it);
    pthread_mutex_unlock(&s->lock);
}

int extra_socket_fd(const struct extra_socket *it)
{
    return it->fd;
}

int extra_socket_number(const struct extra_socket *it)
{
    return it->number;
}

bool extra_sockets_any(const struct extra_sockets *s)
{
    return atomic_load_explicit(&s->count, memory_order_relaxed) > 0;
}

/* False: nothing has come to any. */
static bool ask(struct extra_sockets *s)
{
    struct epoll_event events[READY_MAX];
    int n = epoll_wait(epoll_of(s), events, READY_MAX, 0);

    s->ready_count = n > 0 ? n : 0;
    for (int i = 0; i < s->ready_count; i++)
        s->ready[i] = events[i].data.fd;
    s->turn = s->reads = 0;
    return s->ready_count > 0;
}

static void drop_ready(struct extra_sockets *s, int i)
{
    s->ready[i] = s->ready[--s->ready_count];
}

struct extra_socket *extra_sockets_next(struct extra_sockets *s)
{
    struct extra_socket *it = NULL;

    while (!it && ((s->ready_count > 0 && s->reads < READS) || ask(s))) {
        s->turn = (s->turn + 1) % s->ready_count;
        it = extra_sockets_hold(s, s->ready[s->turn]);
        if (it)
            s->reads++;
        else
            drop_ready(s, s->turn); /* it was removed meanwhile */
    }
    return it;
}

void extra_sockets_was_empty(struct extra_sockets *s)
{
    drop_ready(s, s->turn);
}
