/* server/tcp.h: the TCP listeners: what they accept becomes a stream of the server's, like one of UDT's. */
#ifndef HX_SERVER_TCP_H
#define HX_SERVER_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define TCP_BACKLOG      1024 /* connections that the kernel holds until the loop takes them */
#define TCP_OFTEN_SHARE  4  /* of --rate-per-address: so many more a second are told that they are too many */
#define TCP_TURN_ACCEPTS 64 /* connections taken from one listener in one turn */
#define TCP_PAUSE_MS     100   /* without descriptors or memory for a connection, until the next try */
#define TCP_UNSENT_BYTES 16384 /* of one connection that the kernel takes besides what is on its way */

struct loop;
struct server;
struct server_config;
struct server_listen;
struct tcp;

/* HX_OK or HX_ENOMEM. *config stays the caller's and must live as long. */
int tcp_create(struct tcp **out, const struct server_config *config);
/* Its rates are these from now on. */
void tcp_reconfigure(struct tcp *t, const struct server_config *config);
/* HX_OK; HX_EADDR: the address cannot be had, HX_ESYS; both with errno. */
int tcp_listen(struct tcp *t, const struct server_listen *l, bool ipv6_only);
size_t tcp_listeners(const struct tcp *t);
/* The address of listener `which`, with its port. */
const struct sockaddr *tcp_local(const struct tcp *t, size_t which, socklen_t *len);

/* Takes connections from now on, in tcp_turn(). HX_OK, HX_ENOMEM, HX_ESYS with errno. */
int tcp_begin(struct tcp *t, struct loop *loop, struct server *server);
/* Once in each turn of the loop, before the server's. */
void tcp_turn(struct tcp *t, int64_t now_ms);
int tcp_timeout_ms(const struct tcp *t, int64_t now_ms); /* until the next turn is due: 0 at once, -1 never */
/* Before the loop is destroyed: nothing is accepted or told any more. Streams stay until they are closed. */
void tcp_end(struct tcp *t);
void tcp_destroy(struct tcp *t); /* after the server. NULL is fine */

#endif
