/* server/loop.h: the one thread: epoll over UDT's port, signals and time; hands events to the server. */
#ifndef HX_SERVER_LOOP_H
#define HX_SERVER_LOOP_H

struct notify;
struct server;
struct udt_port;

#define LOOP_TURN_EVENTS 256 /* UDT events taken in one turn */
/* After so many ended connections, and once none has ended for a while, free memory is given back to the
 * system. UDT keeps a closed socket for up to 2 s (UDT4.md, B). */
#define LOOP_TRIM_ENDED 256
#define LOOP_TRIM_MS    3000
#define LOOP_STOP_MS    200 /* after CONN_STOP_MS: whatever is left is closed */

struct loop_config {
    struct server *server;
    struct udt_port *port;
    struct notify *notify; /* NULL: nobody is told */
    int signal_fd;         /* from loop_block_signals() */
    int stats_fd;          /* from stats_open(), or -1 */
};

/* SIGTERM, SIGINT and SIGUSR1 are blocked from here on, in this thread and those it makes: UDT's threads must
 * not take them. Returns their descriptor, or HX_ESYS with errno. */
int loop_block_signals(void);
/* Runs until SIGTERM or SIGINT has come and the server's connections have ended; a second one ends it at
 * once. SIGUSR1 writes the line event=stats. HX_OK, or HX_ESYS with errno. */
int loop_run(const struct loop_config *config);

#endif
