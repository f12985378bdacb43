/* client/presence.h: how a program is there for others: a name that is kept bound, or a membership in a
 * session that is kept (client/binding.h), and the connections that wait until the application takes them.
 * The inside of a hx_listener and of a hx_group. The engine's lock guards it. */
#ifndef HX_CLIENT_PRESENCE_H
#define HX_CLIENT_PRESENCE_H

#include "client/binding.h"
#include "client/engine.h"
#include "client/nat.h"
#include "client/stream_queue.h"

struct presence {
    struct settings settings;
    struct engine_member member; /* cancel: calls presence_cancel() */
    struct binding binding;
    struct nat_user *nat;
    struct stream_queue queue;
    bool canceled;
    int users; /* threads that wait in it */
    pthread_cond_t cond;
    struct presence *prev, *next;
};

/* p->settings and p->member are made already; `backlog`: of the queue. HX_OK: the engine's lock is held.
 * After an error, which are engine_enter()'s, it is not, and the settings are freed. */
int presence_enter(struct presence *p, const struct hx_config *config, size_t size, int backlog);
/* HX_OK; HX_ECONFLICT: this process has the name, or is that member, already, which it tells as a rejection.
 * For the nameserver it would be one that has begun anew: it comes from the same port. */
int presence_alone(const struct presence *p);
/* Ends everything but the handle. Again is fine. */
void presence_cancel(struct presence *p);
/* After that: until nobody waits in it any more; frees all but *p. */
void presence_leave(struct presence *p);
void presence_changed(struct presence *p); /* wakes who waits */

/* HX_OK: `ready`; HX_EAGAIN: timeout_ms is 0; HX_ETIMEDOUT, HX_ECANCELED. */
int presence_await(struct presence *p, bool (*ready)(const struct presence *p), int timeout_ms);

/* For the application, without the engine's lock. The next connection: HX_OK, or as above. */
int presence_take(struct presence *p, struct hx_stream **out, int timeout_ms);
int presence_fd(struct presence *p); /* readable while there is one, and after the end */

#endif
