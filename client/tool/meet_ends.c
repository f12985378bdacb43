#include "base/clock.h"
#include "base/container_of.h"
#include "base/thread.h"
#include "client/forward/say.h"
#include "client/run/child.h"
#include "client/tool/meet.h"
#include "client/tool/program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (256 * 1024)
#define WAIT_MS     ((CHILD_END_S + 1) * 1000LL)

struct meet_end {
    struct meet_end *next;
    struct meet *meet;
    struct hx_stream *stream; /* NULL: it was a command */
    int result;               /* of hx_close() */
    char name[HX_NAME_MAX + 1];
};

void meet_ends_init(struct meet_ends *e)
{
    *e = (struct meet_ends){.count = 0};
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->gone, NULL);
}

static struct meet_end *begin(struct meet *m, struct hx_stream *s, const char *name)
{
    struct meet_end *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->meet = m;
    e->stream = s;
    snprintf(e->name, sizeof e->name, "%s", name);
    pthread_mutex_lock(&m->ends.mutex);
    m->ends.count++;
    pthread_mutex_unlock(&m->ends.mutex);
    return e;
}

/* In any thread. */
static void on_over(void *end)
{
    struct meet_end *e = end;
    struct meet *m = e->meet;
    pthread_mutex_lock(&m->ends.mutex);
    e->next = m->ends.over;
    m->ends.over = e;
    m->ends.count--;
    pthread_cond_broadcast(&m->ends.gone);
    ev_async_send(m->loop, &m->end); /* the loop lives while it cannot take the mutex */
    pthread_mutex_unlock(&m->ends.mutex);
}

static void *close_run(void *end)
{
    struct meet_end *e = end;
    e->result = hx_close(e->stream);
    on_over(e);
    return NULL;
}

static void tell_close(struct meet *m, const char *name, int result)
{
    if (interrupted())
        return;
    m->failed = m->failed || result < 0;
    meet_tell_gone(m, name, result < 0 ? hx_strerror(result) : NULL);
}

void meet_close(struct meet *m, struct hx_stream *s, const char *name)
{
    struct meet_end *e = begin(m, s, name);
    if (!e) {
        tell_close(m, name, hx_close(s));
        return;
    }
    if (thread_detached(STACK_BYTES, close_run, e) < 0)
        (void)close_run(e);
}

static void on_reaped(void *unused)
{
    (void)unused;
}

void meet_hang_up(struct meet *m, struct child *c)
{
    struct meet_end *e = begin(m, NULL, "");
    if (e)
        child_hang_up(c, on_over, e);
    else
        child_hang_up(c, on_reaped, NULL);
}

void meet_ends_take(struct meet *m)
{
    pthread_mutex_lock(&m->ends.mutex);
    struct meet_end *e = m->ends.over;
    m->ends.over = NULL;
    pthread_mutex_unlock(&m->ends.mutex);
    while (e) {
        struct meet_end *next = e->next;
        if (e->stream)
            tell_close(m, e->name, e->result);
        free(e);
        e = next;
    }
}

bool meet_ends_pending(struct meet *m)
{
    pthread_mutex_lock(&m->ends.mutex);
    bool pending = m->ends.count > 0 || m->ends.over;
    pthread_mutex_unlock(&m->ends.mutex);
    return pending;
}

void meet_ends_wait(struct meet *m)
{
    int64_t until_ms = clock_now_ms() + WAIT_MS;
    pthread_mutex_lock(&m->ends.mutex);
    while (m->ends.count > 0 && clock_wait(&m->ends.gone, &m->ends.mutex, until_ms))
        continue;
    pthread_mutex_unlock(&m->ends.mutex);
    meet_ends_take(m);
}
