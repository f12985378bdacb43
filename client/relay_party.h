/* client/relay_party.h: a session that the nameserver relays (proto/relay_frame.h), as one of its parties has
 * it: it opens, and goes on to say that it is there. What is sent to relay_party_peer() then goes through the
 * nameserver. Everything is called and calls back with the engine's lock held.
 *
 *               OPENED                     answers no more
 *   ASKING ─────────────────► OPEN ────────────────────────────► ASKING
 *      │ no answer to           │ REFUSED
 *      │ RELAY_TRIES            ▼
 *      └─────────────────► ENDED: refused, or silent */
#ifndef HX_CLIENT_RELAY_PARTY_H
#define HX_CLIENT_RELAY_PARTY_H

#include "client/engine.h"
#include "proto/relay_frame.h"
#include "proto/session.h"
#include "shim/net/net_address.h"

#define RELAY_AGAIN_MS 10000 /* an open session is opened again: the nameserver forgets it after 30 s */
#define RELAY_FIRST_MS 100 /* a question is repeated after so long, then after twice as long each time; ... */
#define RELAY_TRIES    8   /* ... when so many in a row were not answered (13 s) there is nobody */

struct relay_party;

enum relay_state { RELAY_STATE_ASKING, RELAY_STATE_OPEN, RELAY_STATE_ENDED };

struct relay_party_view {
    enum relay_state state;
    /* OPEN: which limit has datagrams dropped; ENDED: RELAY_NO_REASON: no answer came */
    enum relay_reason reason;
};

/* The option of the nameserver that has set the limit: "--relay-rate" ... */
const char *relay_party_limit_name(enum relay_reason reason);

struct relay_party_config {
    struct udt_port *port;
    const struct session *session;
    bool calling;
    struct net_address server, local; /* see struct net_relay */
    /* The state is another one, or the reason. It may not end the relay. */
    void (*changed)(void *user, struct relay_party *r);
    void *user;
};

/* Asks at once. HX_OK; HX_ELIMIT, HX_ENOMEM, HX_ESYS, HX_EINVAL: as net_relay_add(). */
int relay_party_begin(struct relay_party **out, const struct relay_party_config *config);
void relay_party_end(struct relay_party *r); /* NULL is fine */

void relay_party_view(const struct relay_party *r, struct relay_party_view *out);
/* Where the peer is, for whoever sends by the port. */
const struct net_address *relay_party_peer(const struct relay_party *r);
/* Where the relay is. */
const struct net_address *relay_party_server(const struct relay_party *r);
/* From now on it is reached so; it may see us elsewhere than before. */
void relay_party_move(struct relay_party *r, const struct net_address *server,
                      const struct net_address *local);
/* What is sent there may not arrive any more, as after our NAT has given us another address: it is asked at
 * once. */
void relay_party_check(struct relay_party *r);

#endif
