/* server/loop.h: the one thread's loop, on libev: descriptors with their handlers, and turns.
 *
 * A few descriptors are watched as long as the loop runs. Those that come and go, which may be thousands, are
 * told of when they change and not again until they change anew (epoll(7), EPOLLET): nothing needs to be set
 * when somebody does not want to read or to write for a while, and a peer that resets its connection is
 * noticed in any case. */
#ifndef HX_SERVER_LOOP_H
#define HX_SERVER_LOOP_H

#include <stdint.h>

#define LOOP_EDGES_MAX 256  /* changes told of in one turn; the others have the next one */
#define LOOP_END       (-2) /* what a turn returns to end the loop */

struct loop;
struct loop_times;

typedef void loop_handler(void *user, int64_t now_ms);
/* Ends each turn: called after the handlers of all descriptors that were ready, and once before the first
 * wait. Returns after how many ms it wants to be called again if no descriptor becomes ready before; 0: at
 * once; -1: never; LOOP_END. */
typedef int loop_turn(void *user, int64_t now_ms);

/* HX_OK; HX_ESYS: no epoll(7); HX_ENOMEM. */
int loop_create(struct loop **out);
/* Calls `handler` in each turn in which `fd` is readable. The descriptor stays the caller's, and must be open
 * as long as the loop is, or until loop_unwatch(). HX_OK or HX_ENOMEM. */
int loop_watch(struct loop *l, int fd, loop_handler *handler, void *user);
/* Before the descriptor is closed, if that is before the loop is; also by its own handler. */
void loop_unwatch(struct loop *l, int fd);

enum loop_change {                    /* bits */
                   LOOP_READABLE = 1, /* bytes, the end of the peer's direction, or an error */
                   LOOP_WRITABLE = 2,
                   LOOP_HUNG_UP = 4 /* in both directions, or reset */
};

struct loop_edge;
typedef void loop_edge_handler(struct loop_edge *e, unsigned changes, int64_t now_ms);
struct loop_edge { /* lies inside what it belongs to */
    int fd;
    loop_edge_handler *handler;
};

/* What `e->fd` is ready for is told in the next turn, and each change after it, until it is removed. HX_OK;
 * HX_ESYS with errno. */
int loop_add_edge(struct loop *l, struct loop_edge *e);
/* Before the descriptor is closed. No call names `e` again, not even in this turn. */
void loop_remove_edge(struct loop *l, struct loop_edge *e);

/* Runs until `turn` returns LOOP_END. now_ms is of base/clock.h, one reading for each turn. */
void loop_run(struct loop *l, loop_turn *turn, void *user);
void loop_destroy(struct loop *l); /* NULL is fine */
/* Of all turns so far, from their first look at the clock to their end. */
const struct loop_times *loop_times(const struct loop *l);

#endif
