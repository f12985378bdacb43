#include "base/task.h"
#include "base/error.h"
#include "base/thread.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define TASK_STACK_BYTES (256 * 1024)

struct task {
    struct ev_async wake; /* first: the loop gives it back */
    struct ev_loop *loop;
    const struct task_ops *ops;
    void *arg;
    pthread_mutex_t mutex; /* guards the two below */
    bool ran, abandoned;
};

static void task_free(struct task *t)
{
    t->ops->drop(t->arg);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

static void on_wake(struct ev_loop *loop, struct ev_async *w, int revents)
{
    struct task *t = (struct task *)w;
    (void)revents;
    ev_async_stop(loop, w);
    pthread_mutex_lock(&t->mutex); /* the thread that woke us may still hold it */
    pthread_mutex_unlock(&t->mutex);
    t->ops->done(t->arg);
    task_free(t);
}

static void *task_run(void *task)
{
    struct task *t = task;
    t->ops->run(t->arg);
    pthread_mutex_lock(&t->mutex);
    t->ran = true;
    bool abandoned = t->abandoned;
    if (!abandoned)
        ev_async_send(t->loop, &t->wake);
    pthread_mutex_unlock(&t->mutex);
    if (abandoned)
        task_free(t);
    return NULL;
}

int task_start(struct task **out, struct ev_loop *loop, const struct task_ops *ops, void *arg)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return HX_ENOMEM;
    t->loop = loop;
    t->ops = ops;
    t->arg = arg;
    pthread_mutex_init(&t->mutex, NULL);
    ev_async_init(&t->wake, on_wake);
    ev_async_start(loop, &t->wake);
    if (thread_detached(TASK_STACK_BYTES, task_run, t) < 0) {
        ev_async_stop(loop, &t->wake);
        pthread_mutex_destroy(&t->mutex);
        free(t);
        return HX_ESYS;
    }
    *out = t;
    return HX_OK;
}

void task_abandon(struct task *t)
{
    ev_async_stop(t->loop, &t->wake);
    pthread_mutex_lock(&t->mutex);
    bool ran = t->ran;
    t->abandoned = true;
    pthread_mutex_unlock(&t->mutex);
    if (ran) /* the thread has left it */
        task_free(t);
}
