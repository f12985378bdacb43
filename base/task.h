/* base/task.h: a call that blocks, run in a thread of its own beside a libev loop. */
#ifndef HX_BASE_TASK_H
#define HX_BASE_TASK_H

#include <ev.h>

struct task;

struct task_ops {
    void (*run)(void *arg);  /* in the thread; may block */
    void (*done)(void *arg); /* in the loop, once run() has returned; not told after task_abandon() */
    void (*drop)(void *arg); /* the last one, always: frees `arg`; after task_abandon() in the thread */
};

/* HX_ENOMEM, HX_ESYS (no thread): `arg` stays the caller's. The task is gone once done() was told. */
int task_start(struct task **out, struct ev_loop *loop, const struct task_ops *ops, void *arg);
/* Forgets it: run() goes on, nobody hears of it. In the loop's thread, and before the loop ends. */
void task_abandon(struct task *t);

#endif
