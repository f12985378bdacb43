#include "shim/udt/tap_parts.h"
#include <stdatomic.h>
#include <unistd.h>

#define PORTS_MAX 8 /* UDP sockets in one process; each costs two threads */

static _Atomic(struct tap *) taps[PORTS_MAX];
static _Thread_local struct tap *serving; /* the port whose worker this thread is */

struct tap *tap_of(int fd)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        struct tap *t = atomic_load_explicit(&taps[i], memory_order_acquire);

        if (t && net_port_fd(t->port) == fd)
            return t;
    }
    return NULL;
}

int tap_enlist(struct tap *t)
{
    /* UDT closes the descriptor of a port that could not be opened, and the number is given again. */
    struct tap *former;
    while ((former = tap_of(net_port_fd(t->port))))
        tap_delist(former);
    for (int i = 0; i < PORTS_MAX; i++) {
        struct tap *none = NULL;

        if (atomic_compare_exchange_strong(&taps[i], &none, t))
            return HX_OK;
    }
    return HX_ELIMIT;
}

void tap_delist(struct tap *t)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        struct tap *it = t;

        if (atomic_compare_exchange_strong(&taps[i], &it, NULL))
            return;
    }
}

void tap_serve(struct tap *t)
{
    serving = t;
}

bool tap_on_worker(const struct tap *t)
{
    return serving == t;
}

struct tap *tap_served(void)
{
    return serving;
}

void tap_wake(struct tap *t)
{
    uint64_t one = 1;

    (void)!write(t->wake_fd, &one, sizeof one);
}

void tap_unlock(struct tap *t)
{
    bool signal = !tap_on_worker(t) && readiness_must_signal(&t->ready);

    pthread_mutex_unlock(&t->lock);
    if (signal)
        readiness_signal(&t->ready);
}
