#include "client/mux/link_loop.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A stream lingers, and closes its descriptors, in a thread beside the loop: poll(2) forgets them when they
 * are no longer watched, epoll(7) only when they are closed. It also takes regular files, and costs no system
 * call when a watcher starts or stops; the descriptors of one link are few. */
#define BACKEND EVBACKEND_POLL

#define RETRY_NS 20000000

/* libev asks again when this returns: another thread has taken what was free a moment ago. */
static void on_system_error(const char *what)
{
    const struct timespec pause = {.tv_nsec = RETRY_NS};
    if (errno != EMFILE && errno != ENFILE) {
        perror(what);
        abort();
    }
    nanosleep(&pause, NULL);
}

static void take_system_errors(void)
{
    ev_set_syserr_cb(on_system_error);
}

static void on_nothing(struct ev_loop *loop, ev_async *w, int revents)
{
    (void)loop, (void)w, (void)revents;
}

struct ev_loop *link_loop_create(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int free_one = eventfd(0, EFD_CLOEXEC);
    if (free_one < 0)
        return NULL;
    struct ev_loop *loop = ev_loop_new(BACKEND);
    close(free_one);
    if (!loop)
        return NULL;
    pthread_once(&once, take_system_errors);
    ev_async wake;
    ev_async_init(&wake, on_nothing);
    ev_async_start(loop, &wake);
    ev_async_stop(loop, &wake); /* what it has opened stays */
    return loop;
}
