#include "client/forward/lookup.h"
#include "base/task.h"
#include "client/forward/authority.h"
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_S 0.02 /* while LOOKUP_THREADS are busy */

struct lookup {
    struct ev_loop *loop;
    struct task *task; /* NULL while it waits for its turn; it owns this from then on */
    ev_timer retry;
    lookup_done *done;
    void *user;
    char host[AUTHORITY_HOST_MAX + 1];
    char port[sizeof "65535"];
    int error; /* this and the list: the thread's until the task is done */
    struct lookup_list list;
};

static atomic_int threads;

static int ask(struct lookup *l)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(l->host, l->port, &hints, &found);
    if (rc != 0)
        return rc == EAI_MEMORY ? HX_ENOMEM : HX_ERESOLVE;
    for (const struct addrinfo *a = found; a && l->list.count < LOOKUP_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof l->list.address[0].sa)
            continue;
        memcpy(&l->list.address[l->list.count].sa, a->ai_addr, a->ai_addrlen);
        l->list.address[l->list.count++].len = a->ai_addrlen;
    }
    freeaddrinfo(found);
    return l->list.count > 0 ? HX_OK : HX_ERESOLVE;
}

static void run(void *lookup)
{
    struct lookup *l = lookup;
    l->error = ask(l);
    atomic_fetch_sub(&threads, 1);
}

static void done(void *lookup)
{
    struct lookup *l = lookup;
    l->done(l->user, l->error, &l->list);
}

/* HX_ELIMIT: LOOKUP_THREADS are busy. */
static int begin(struct lookup *l)
{
    static const struct task_ops ops = {.run = run, .done = done, .drop = free};
    if (atomic_fetch_add(&threads, 1) >= LOOKUP_THREADS) {
        atomic_fetch_sub(&threads, 1);
        return HX_ELIMIT;
    }
    int err = task_start(&l->task, l->loop, &ops, l);
    if (err != HX_OK)
        atomic_fetch_sub(&threads, 1);
    return err;
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
    struct lookup *l = w->data;
    (void)events;
    int err = begin(l);
    if (err == HX_ELIMIT)
        return;
    ev_timer_stop(loop, w);
    if (err == HX_OK)
        return;
    l->done(l->user, err, &l->list);
    free(l);
}

int lookup_start(struct lookup **out, struct ev_loop *loop, const char *host, uint16_t port,
                 lookup_done *done, void *user)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (!l)
        return HX_ENOMEM;
    l->loop = loop;
    l->done = done;
    l->user = user;
    snprintf(l->host, sizeof l->host, "%s", host);
    snprintf(l->port, sizeof l->port, "%hu", port);
    ev_timer_init(&l->retry, on_retry, RETRY_S, RETRY_S);
    l->retry.data = l;
    int err = begin(l);
    if (err == HX_ELIMIT) {
        ev_timer_start(loop, &l->retry);
    } else if (err != HX_OK) {
        free(l);
        return err;
    }
    *out = l;
    return HX_OK;
}

void lookup_cancel(struct lookup *l)
{
    if (l->task) {
        task_abandon(l->task);
        return;
    }
    ev_timer_stop(l->loop, &l->retry);
    free(l);
}
