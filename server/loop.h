/* server/loop.h: the one thread: epoll over UDT's port, signals and time; hands events to the server. */
#ifndef HX_SERVER_LOOP_H
#define HX_SERVER_LOOP_H

struct server;
struct udt_port;

#define LOOP_TURN_EVENTS 256 /* UDT events taken in one turn */
/* After so many ended connections, and once none has ended for a while, free memory is given back to the
 * system. UDT keeps a closed socket for up to 2 s (UDT4.md, B). */
#define LOOP_TRIM_ENDED 256
#define LOOP_TRIM_MS    3000
#define LOOP_STOP_MS    200 /* after CONN_STOP_MS: whatever is left is closed */

/* SIGTERM and SIGINT are blocked from here on, in this thread and those it makes: UDT's threads must not take
 * them. Returns their descriptor, or HX_ESYS with errno. */
int loop_block_signals(void);
/* Runs until a signal has come and the server's connections have ended; a second signal ends it at once.
 * HX_OK, or HX_ESYS with errno. */
int loop_run(struct server *s, struct udt_port *port, int signal_fd);

#endif
