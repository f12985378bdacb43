/* client/engine.h: the library's one thread, its UDP port, its lock and its timers.
 *
 * There is one port, until something finds that the way from it is blocked: then what is begun uses another
 * one, and what lives on the old one stays there. A port of UDT's is never closed (UDT4.md, A5): a few are
 * used in turn.
 *
 * The lock guards everything in client/ but the bytes of streams (client/stream.h). Events and timers are
 * delivered by the thread with the lock held; whatever is called from them must not wait. */
#ifndef HX_CLIENT_ENGINE_H
#define HX_CLIENT_ENGINE_H

#include "base/timers.h"
#include "shim/udt/udt.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Who gets a stream's events: stream->user points to one. */
struct engine_sink {
    void (*on_event)(struct engine_sink *sink, const struct udt_event *ev);
};

/* Whoever must be told when the library ends. */
struct engine_member {
    void (*cancel)(struct engine_member *m); /* close every stream, wake every waiter; may leave */
    /* This host's addresses or routes have changed. NULL: of no interest. Must not leave, nor
     * make others leave. */
    void (*network_changed)(struct engine_member *m);
    /* See engine_path_suspect(). NULL: of no interest. The same holds. */
    void (*path_suspect)(struct engine_member *m, bool lost);
    /* Something was written last that has not left this host: it gets a moment before cancel(). NULL: nothing
     * ever is. The same holds. */
    bool (*unsent)(struct engine_member *m);
    struct engine_member *prev, *next; /* private */
    bool joined;                       /* private */
};

/* A descriptor of a module's own that the thread polls, too. */
struct engine_watch {
    int fd;
    /* It is readable, or has an error, or can be written if that is watched: maybe, so never wait for it. May
     * end this and other watches. */
    void (*on_ready)(struct engine_watch *w);
    struct engine_watch *prev, *next; /* private */
    bool ready;                       /* private */
    bool writable;                    /* private: see engine_watch_writable() */
};

/* Takes the lock; the first call opens a port (0: the kernel's choice) and starts the thread. HX_OK:
 * locked. HX_EINVAL: the port is already another one; HX_EADDR, HX_ESYS, HX_ENOMEM; HX_ECANCELED: the engine
 * has ended. */
int engine_enter(uint16_t local_port);
/* Takes the lock whatever the engine's state: to close what is left. */
void engine_lock(void);
void engine_unlock(void);
void engine_unlocked(void (*work)(void)); /* gives the lock back while it works */
/* The port for what is begun now. The lock is held, and the engine runs. */
struct udt_port *engine_port(void);
/* From now on it shall be another one than `port`: a new one, or that of a few which was left first. Nothing
 * changes if it is another one already, if the caller of the library has chosen the port, or without room. */
void engine_port_leave(const struct udt_port *port);
/* May this process open another port or a tunnel, and still have the descriptors for what is then begun?
 * Another way is of no use to who cannot go on by it. */
bool engine_has_room(void);

/* A condition variable for engine_wait() or cond_wait_until(). */
int engine_cond_init(pthread_cond_t *cond);
/* Waits with the lock held. False: `deadline_ms` (INT64_MAX: none) has come. */
bool engine_wait(pthread_cond_t *cond, int64_t deadline_ms);
/* The same with a mutex of the caller's. */
bool engine_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);
/* An API timeout to a deadline: -1 is none. */
int64_t engine_deadline(int timeout_ms);

/* Timers of base/timers.h; each is cancelled before its memory goes. */
void engine_timer_set(struct timer *t, int64_t due_ms);
void engine_timer_cancel(struct timer *t);
void engine_join(struct engine_member *m);
void engine_leave(struct engine_member *m); /* one that has left may leave again */
/* The path of a connection is being checked, or `lost`: our NAT may have forgotten its mappings, so that the
 * nameserver cannot reach us either. Every member is told. */
void engine_path_suspect(bool lost);
#define ENGINE_WATCHES_MAX 64
/* HX_OK; HX_ELIMIT: the thread polls as many as it can. */
int engine_watch_begin(struct engine_watch *w);
void engine_watch_end(struct engine_watch *w);
/* Whether on_ready is called, too, when it can be written; at first it is not. */
void engine_watch_writable(struct engine_watch *w, bool wanted);
/* The thread shall look at the ports' deadlines again: call it after udt_connect() or udt_rendezvous(). */
void engine_wake(void);
uint32_t engine_random(void);

/* Cancels every member, ends the thread and UDT. The lock is not held. Nothing can be begun afterwards. */
void engine_end(void);

#endif
