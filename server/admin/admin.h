/* server/admin/admin.h: the HTTP listeners of --admin, for who runs the nameserver and his programs: a status
 * page, metrics, what is held, and a way to end it. libmicrohttpd serves them, in the nameserver's own loop.
 *
 * Nothing here may cost those who are served: a turn of the loop has ADMIN_TURN_US for answers that are
 * computed, and who asks for more waits for the next one. */
#ifndef HX_SERVER_ADMIN_ADMIN_H
#define HX_SERVER_ADMIN_ADMIN_H

#include "server/admin/status.h"
#include <stddef.h>
#include <stdint.h>

#define ADMIN_CONNECTIONS_MAX 64     /* of each listener */
#define ADMIN_PER_IP_MAX      48     /* of those: one host does not keep all others out */
#define ADMIN_EVENTS_MAX      32     /* connections that listen to /events, of all listeners */
#define ADMIN_MEMORY_MAX      16384  /* bytes of one connection, its request among them */
#define ADMIN_BODY_MAX        1024   /* bytes of a request's body; none is needed */
#define ADMIN_REQUEST_MS      10000  /* until the first request of a connection is complete */
#define ADMIN_IDLE_MS         120000 /* until the next one is, and until an answer is taken */
#define ADMIN_UNSENT_BYTES    65536  /* of one connection, in the kernel */
#define ADMIN_TURN_US         1000
#define ADMIN_TICK_MS         1000
#define ADMIN_NEWS_MS         100 /* introductions are told of so often at most */
#define ADMIN_TEXT_MAX        128 /* bytes of an address's text with its NUL */

struct admin;
struct loop;
struct server_config;

/* Opens what --admin names, reads --admin-token's file. *out is NULL without --admin. HX_OK, or what was
 * printed as well. */
int admin_create(struct admin **out, const struct server_config *config);
size_t admin_listeners(const struct admin *a); /* 0 for NULL */
/* "127.0.0.1:7080", "/run/hx.sock". */
const char *admin_text(const struct admin *a, size_t which);

/* Serves from now on. HX_OK, HX_ENOMEM, HX_ESYS. */
int admin_begin(struct admin *a, struct loop *loop, const struct admin_sources *from);
/* Once in each turn of the loop. */
void admin_turn(struct admin *a, int64_t now_ms);
int admin_timeout_ms(const struct admin *a, int64_t now_ms); /* until the next turn is due: 0 at once */
/* Closes all connections and listeners. NULL is fine. */
void admin_destroy(struct admin *a);

#endif
