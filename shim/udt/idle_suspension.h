/* shim/udt/idle_suspension.h: connections that have been idle for so long that UDT's worker need not visit
 * them. Their keepalives are answered here (inbound.c), and their silence is the server's
 * to notice. C and C++. */
#ifndef HX_SHIM_UDT_IDLE_SUSPENSION_H
#define HX_SHIM_UDT_IDLE_SUSPENSION_H

#include <stdbool.h>
#include <stdint.h>

/* Longer than UDT's longest expiration (17 x 300 ms): nothing of a connection that is idle for
 * so long waits. */
#define SUSPEND_AFTER_MS 8000

#ifdef __cplusplus
extern "C" {
#endif

enum suspension { SUSPENSION_STAY, SUSPENSION_SUSPEND, SUSPENSION_RESUME };

/* From UDT's worker, without the lock, for the connection `id` whose CUDT is `udt`; `alive`: neither broken
 * nor closing. Says what to do with it; the answer counts as done. `relist` puts a suspended one back, on the
 * worker's thread, while it reads. */
enum suspension suspension_decide(int32_t id, void *udt, bool alive, void (*relist)(void *udt));
/* True on the worker of a listener's port: what is made there is one of many. */
bool suspension_thread_listens(void);
struct tap;
struct udt_conn;
/* If it is suspended, UDT's worker visits it again from its next turn on. */
void suspension_resume(struct tap *t, struct udt_conn *c);
/* That turn: on the worker's thread. */
void suspension_resume_all(struct tap *t);

#ifdef __cplusplus
}
#endif

#endif
