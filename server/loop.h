/* server/loop.h: the one thread's loop, on libev: descriptors with their handlers, and turns. */
#ifndef HX_SERVER_LOOP_H
#define HX_SERVER_LOOP_H

#include <stdint.h>

#define LOOP_END (-2) /* what a turn returns to end the loop */

struct loop;

typedef void loop_handler(void *user, int64_t now_ms);
/* Ends each turn: called after the handlers of all descriptors that were ready, and once before the first
 * wait. Returns after how many ms it wants to be called again if no descriptor becomes ready before; 0: at
 * once; -1: never; LOOP_END. */
typedef int loop_turn(void *user, int64_t now_ms);

/* HX_OK; HX_ESYS: no epoll(7); HX_ENOMEM. */
int loop_create(struct loop **out);
/* Calls `handler` in each turn in which `fd` is readable. The descriptor stays the caller's, and must be open
 * as long as the loop is. HX_OK or HX_ENOMEM. */
int loop_watch(struct loop *l, int fd, loop_handler *handler, void *user);
/* Runs until `turn` returns LOOP_END. now_ms is of base/clock.h, one reading for each turn. */
void loop_run(struct loop *l, loop_turn *turn, void *user);
void loop_destroy(struct loop *l); /* NULL is fine */

#endif
