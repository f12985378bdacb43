/* client/tool/peer.h: the peers that hx bind or hx send serves, each with a thread, a loop and a link of its
 * own: what one of them costs, the others do not wait for. */
#ifndef HX_CLIENT_TOOL_PEER_H
#define HX_CLIENT_TOOL_PEER_H

#include "client/hx.h"
#include "client/mux/pace.h"
#include "client/tool/serve.h"

#define PEERS_MAX           64 /* that have proven a key; then newcomers are turned away */
#define PEERS_UNPROVEN      48 /* at once; of more some give way, as base/fair_share.h says */
#define PEERS_HOST_UNPROVEN 16 /* of one host */

struct peers;

struct peers_config { /* lives as long as the peers */
    struct serve_config serve;
    /* What those get whose key has that label; NULL: `serve`, all of them. In a peer's thread. */
    const struct serve_config *(*serve_for)(void *user, const char *label);
    int keepalive_ms;  /* of the links */
    struct pace *pace; /* of all of them together; NULL: none */
    /* The pipe is over, and with HX_OK the peer has all of it, too. In a peer's thread. */
    void (*pipe_done)(void *user, int error, int system);
    void *user;
};

/* HX_ENOMEM. */
int peers_create(struct peers **out, const struct peers_config *config);
/* Serves `s`, or turns it away; owns it. */
void peers_add(struct peers *p, struct hx_stream *s);
/* What the peers' datagrams do, on standard error: a line for each, and one that counts them. */
void peers_say(struct peers *all);
/* Tells all who receive from an hx send that it is over, and why, and lets them go. */
void peers_over(struct peers *p, const char *reason);
/* Ends all of them at once, and frees. False: one hangs (in a file system, say) and still uses what *config
 * names: the process must end without freeing that. */
bool peers_destroy(struct peers *p);

#endif
