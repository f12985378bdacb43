#include "shim/udt/first_handshake.h"
#include "shim/net/paths.h"
#include "shim/udt/packet.h"
#include <stdlib.h>
#include <utlist.h>

#define KEPT_MAX  8    /* first handshakes that wait for their path, the newest; ... */
#define KEPT_MS   1000 /* ... for so long */
#define PEERS_MAX 16   /* with one path, the newest: which of them does a first handshake mean? */

bool first_handshake_is_from(const struct tap *t, const struct udt_conn *c, const struct net_route *from)
{
    return net_address_equal(&c->peer.at, &from->to) ||
           (net_paths_is_canonical(&c->peer.at) && net_paths_has(t->port, &c->peer.at, from));
}

struct udt_conn *first_handshake_find(const struct tap *t, const struct net_route *from,
                                      const uint8_t *handshake)
{
    struct net_address peers[PEERS_MAX];
    enum udt_party party = handshake ? packet_party(handshake) : UDT_PARTY_UNSAID;
    struct udt_conn *c = udt_conn_find_rendezvous(&t->conns, &from->to, party);

    if (c)
        return c;
    if (handshake && packet_label_said(handshake + HANDSHAKE_ADDRESS)) {
        do
            c = udt_conn_next_labelled(&t->conns, c, handshake + HANDSHAKE_ADDRESS, party);
        while (c && !first_handshake_is_from(t, c, from));
        return c;
    }
    int n = net_paths_of(t->port, from, peers, PEERS_MAX);
    for (int i = 0; i < n && !c; i++)
        c = udt_conn_find_rendezvous(&t->conns, &peers[i], party);
    return c;
}

void first_handshake_keep(struct tap *t, const struct net_route *from, const uint8_t *head,
                          const uint8_t *handshake, int64_t now_ms)
{
    struct kept *k = kept_make(&from->to, head, handshake, HANDSHAKE_SIZE);

    if (!k)
        return;
    k->local = from->local;
    k->socket = from->socket;
    k->came_ms = now_ms;
    DL_APPEND(t->unmatched, k);
    if (t->unmatched_len++ < KEPT_MAX)
        return;
    k = t->unmatched;
    DL_DELETE(t->unmatched, k);
    t->unmatched_len--;
    free(k);
}

bool first_handshake_retry(struct tap *t, int64_t since_ms, int64_t now_ms)
{
    struct kept *k, *next;
    bool any = false;

    DL_FOREACH_SAFE(t->unmatched, k, next)
    {
        struct net_route from = {.to = k->from, .local = k->local, .socket = k->socket};
        bool old = now_ms - k->came_ms >= KEPT_MS;
        bool found = !old && k->came_ms >= since_ms && first_handshake_find(t, &from, k->body);

        if (!old && !found)
            continue;
        DL_DELETE(t->unmatched, k);
        t->unmatched_len--;
        if (found)
            DL_APPEND(t->replay, k);
        else
            free(k);
        any |= found;
    }
    return any;
}
