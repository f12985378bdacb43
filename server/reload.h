/* server/reload.h: what the operator has written is read again while the server serves: on SIGHUP the file of
 * --config, over which the command line stands as it did at the start, and the rules of --auth; the rules also
 * by themselves when their file has changed.
 *
 *   SIGHUP ─► reload_begin() ─► the store reads ─► texts ─► parsed here, in the sandbox ─► applied, all or none
 *
 * An error in one of them changes nothing. */
#ifndef HX_SERVER_RELOAD_H
#define HX_SERVER_RELOAD_H

#include <stddef.h>
#include <stdint.h>

struct auth;
struct relay;
struct reload;
struct server;
struct server_config;
struct store;
struct stun;
struct tcp;
struct udt_port;

/* All of it stays the caller's, and must live as long; what is NULL there is not. */
struct reload_config {
    int argc; /* of main() */
    char **argv;
    struct server_config *running; /* it is changed */
    struct store *store;
    struct server *server;
    struct auth *auth;
    struct stun *stun;
    struct relay *relay;
    struct tcp *tcp;
    struct udt_port *const *ports;
    size_t port_count;
    void (*done)(void *user); /* what was begun has ended, however */
    void *user;
};

/* HX_OK or HX_ENOMEM. The store tells it of texts from now on. */
int reload_create(struct reload **out, const struct reload_config *config);
void reload_destroy(struct reload *r); /* NULL is fine; after the store */
/* For a signal: `done` follows, maybe from here. One that comes while another one is under way is no less
 * heeded. */
void reload_begin(struct reload *r);

#endif
