/* client/engine.h: the library's one thread, its one UDP port, its lock and its timers.
 *
 * The lock guards everything in client/ but the bytes of streams (client/stream.h). Events and timers are
 * delivered by the thread with the lock held; whatever is called from them must not wait. */
#ifndef HX_CLIENT_ENGINE_H
#define HX_CLIENT_ENGINE_H

#include "shim/udt/udt.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Who gets a stream's events: stream->user points to one. */
struct engine_sink {
    void (*on_event)(struct engine_sink *sink, const struct udt_event *ev);
};

/* Zeroed is unarmed. Owned by whoever embeds it, to be canceled before the memory goes. */
struct engine_timer {
    void (*fire)(struct engine_timer *t); /* unarmed again when it is called */
    int64_t due_ms;
    bool armed;
    struct engine_timer *prev, *next; /* private */
};

/* Whoever must be told when the library ends. */
struct engine_member {
    void (*cancel)(struct engine_member *m); /* close every stream, wake every waiter; may leave */
    struct engine_member *prev, *next;       /* private */
    bool joined;                             /* private */
};

/* Takes the lock; the first call opens the port (0: the kernel's choice) and starts the thread. HX_OK:
 * locked. HX_EINVAL: the port is already another one; HX_EADDR, HX_ESYS, HX_ENOMEM; HX_ECANCELED: the engine
 * has ended. */
int engine_enter(uint16_t local_port);
/* Takes the lock whatever the engine's state: to close what is left. */
void engine_lock(void);
void engine_unlock(void);
/* The port. The lock is held, and the engine runs. */
struct udt_port *engine_port(void);

/* A condition variable for engine_wait() or cond_wait_until(). */
int engine_cond_init(pthread_cond_t *cond);
/* Waits with the lock held. False: `deadline_ms` (INT64_MAX: none) has come. */
bool engine_wait(pthread_cond_t *cond, int64_t deadline_ms);
/* The same with a mutex of the caller's. */
bool engine_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);
/* An API timeout to a deadline: -1 is none. */
int64_t engine_deadline(int timeout_ms);

void engine_timer_set(struct engine_timer *t, int64_t due_ms); /* also moves an armed one */
void engine_timer_cancel(struct engine_timer *t);
void engine_join(struct engine_member *m);
void engine_leave(struct engine_member *m); /* one that has left may leave again */
/* The thread shall look at the port's deadlines again: call it after udt_connect() or udt_rendezvous(). */
void engine_wake(void);
uint32_t engine_random(void);

/* Cancels every member, ends the thread and UDT. The lock is not held. Nothing can be begun afterwards. */
void engine_end(void);

#endif
