/* server/service.h: what the process does as long as it serves: takes the ports' events, obeys signals, tells
 * the supervisor, gives memory back. */
#ifndef HX_SERVER_SERVICE_H
#define HX_SERVER_SERVICE_H

#include <stddef.h>
#include <stdint.h>

struct admin;
struct auth;
struct notify;
struct relay;
struct server;
struct server_config;
struct store;
struct stun;
struct tcp;
struct udt_port;

#define SERVICE_TURN_EVENTS 256 /* UDT events taken from one port in one turn */
/* After so many ended connections, and once none has ended for a while, free memory is given back to the
 * system. UDT keeps a closed socket for up to 2 s (UDT4.md, B). */
#define SERVICE_TRIM_ENDED 256
#define SERVICE_TRIM_MS    3000
#define SERVICE_LOOK_MS    1000
#define SERVICE_STOP_MS    200 /* after CONN_STOP_MS: whatever is left is closed */

struct service_config {
    struct server *server;
    struct udt_port *const *ports;
    size_t port_count;
    struct stun *stun;   /* the caller begins and ends it; NULL: there is none, and so on */
    struct relay *relay; /* as well */
    struct tcp *tcp;
    struct admin *admin;
    struct auth *auth;
    struct store *store;          /* as it has loaded; the caller begins and ends it */
    struct notify *notify;        /* NULL: nobody is told */
    struct server_config *config; /* as it is read again (server/reload.h), with main()'s arguments */
    int argc;
    char **argv;
    int signal_fd; /* from service_block_signals() */
    int stats_fd;  /* from stats_open(), or -1 */
};

/* SIGTERM, SIGINT, SIGHUP and SIGUSR1 are blocked from here on, in this thread and those it makes: UDT's
 * threads must not take them. Returns their descriptor, or HX_ESYS with errno. */
int service_block_signals(void);
/* Runs until SIGTERM or SIGINT has come and the server's connections have ended; a second one ends it at
 * once. If --drain is given SIGTERM first gives those who hold names so much time (server/drain.h); it ends
 * sooner if nobody is left. SIGHUP reads the configuration again; SIGUSR1 writes the server's numbers into
 * the log. HX_OK; HX_ESYS with errno; HX_ENOMEM. */
int service_run(const struct service_config *config);

#endif
