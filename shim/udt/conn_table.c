#include "shim/udt/conn_table.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* The analyzer does not know what utlist and uthash keep true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */
struct udt_conn *udt_conn_find(const struct conn_table *t, int32_t id)
{
    struct udt_conn *c;

    HASH_FIND_INT(t->by_id, &id, c);
    return c;
}

struct udt_conn *udt_conn_find_peer(const struct conn_table *t, const struct net_address *at, int32_t peer_id)
{
    struct udt_conn_peer key = {.at = *at, .id = peer_id};
    struct udt_conn *c;

    HASH_FIND(hh_peer, t->by_peer, &key, sizeof key, c);
    return c;
}

struct udt_conn *udt_conn_find_rendezvous(const struct conn_table *t, const struct net_address *at,
                                          enum udt_party peer)
{
    /* Only a client's port asks, for the first packets of a rendezvous; its connections are few. */
    for (struct udt_conn *c = t->by_id; c; c = c->hh.next) {
        if (c->rendezvous && c->state <= UDT_CONN_CONNECTING && net_address_equal(&c->peer.at, at) &&
            udt_party_meets(c->party, peer))
            return c;
    }
    return NULL;
}

struct udt_conn *udt_conn_next_labelled(const struct conn_table *t, const struct udt_conn *c,
                                        const uint8_t label[HANDSHAKE_LABEL_BYTES], enum udt_party peer)
{
    struct udt_conn *next = c ? c->hh.next : t->by_id;

    for (; next; next = next->hh.next) {
        if (next->rendezvous && next->flight && next->state <= UDT_CONN_CONNECTING &&
            memcmp(next->flight->label, label, sizeof next->flight->label) == 0 &&
            udt_party_meets(next->party, peer))
            break;
    }
    return next;
}

/* uthash says that it had no memory by a table that is none (base/keyed_table.h). */
static bool index_peer(struct conn_table *t, struct udt_conn *c)
{
    HASH_ADD(hh_peer, t->by_peer, peer, sizeof c->peer, c);
    c->by_peer = c->hh_peer.tbl != NULL;
    return c->by_peer;
}

struct udt_conn *udt_conn_add(struct conn_table *t, int32_t id, const struct udt_conn_peer *peer,
                              enum udt_conn_state state, uint32_t window, int64_t now_ms)
{
    struct udt_conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->id = id;
    c->peer = *peer;
    c->window = window;
    c->prove_ms = INT64_MAX;
    c->heard_ms = c->sent_ms = c->made_ms = c->active_ms = now_ms;
    half_close_init(&c->half_close, now_ms);
    resend_init(&c->resend);
    shutdown_check_init(&c->shutdown_check);
    HASH_ADD_INT(t->by_id, id, c);
    if (!c->hh.tbl) {
        free(c);
        return NULL;
    }
    if (peer->id && !index_peer(t, c)) {
        udt_conn_forget(t, c);
        return NULL;
    }
    udt_conn_enter(t, c, state, now_ms);
    return c;
}

bool udt_conn_set_peer_id(struct conn_table *t, struct udt_conn *c, int32_t peer_id)
{
    if (c->by_peer && c->peer.id == peer_id)
        return true;
    if (c->by_peer)
        HASH_DELETE(hh_peer, t->by_peer, c);
    c->by_peer = false;
    c->peer.id = peer_id;
    struct udt_conn *other;
    HASH_FIND(hh_peer, t->by_peer, &c->peer, sizeof c->peer, other);
    if (other) { /* the peer uses an id again: the older connection is none any more */
        HASH_DELETE(hh_peer, t->by_peer, other);
        other->by_peer = false;
    }
    if (index_peer(t, c))
        return true;
    c->peer.id = 0;
    return false;
}

static void unlist(struct conn_table *t, struct udt_conn *c)
{
    readiness_forget(t->ready, c);
    udt_conn_not_due(t, c);
    udt_conn_owes_nothing(t, c);
    if (c->aging)
        DL_DELETE2(t->aging, c, aging_prev, aging_next);
    if (c->resuming)
        DL_DELETE2(t->resume, c, resume_prev, resume_next);
    c->aging = c->resuming = false;
}

static int64_t lifetime_ms(enum udt_conn_state state)
{
    switch (state) {
    case UDT_CONN_PENDING_ACCEPT:
        return UDT_CONN_PENDING_ACCEPT_MS;
    case UDT_CONN_LINGERING:
        return UDT_CONN_LINGERING_MS;
    default:
        return INT64_MAX;
    }
}

void udt_conn_enter(struct conn_table *t, struct udt_conn *c, enum udt_conn_state state, int64_t now_ms)
{
    if (c->aging)
        DL_DELETE2(t->aging, c, aging_prev, aging_next);
    c->aging = false;
    c->state = state;
    if (state == UDT_CONN_LINGERING) { /* all that it still does is to repeat the end of the directions */
        unlist(t, c);
        kept_free_all(&c->stash);
        c->ack_poll_ms = 0;
        udt_conn_due(t, c);
    }
    if (lifetime_ms(state) == INT64_MAX)
        return;
    c->entered_ms = now_ms;
    DL_APPEND2(t->aging, c, aging_prev, aging_next);
    c->aging = true;
}

void udt_conn_forget(struct conn_table *t, struct udt_conn *c)
{
    unlist(t, c);
    kept_free_all(&c->stash);
    free(c->flight);
    free(c->early);
    free(c->told);
    flow_release(c->flow);
    if (c->by_peer)
        HASH_DELETE(hh_peer, t->by_peer, c);
    HASH_DELETE(hh, t->by_id, c);
    free(c);
}

void udt_conn_forget_all(struct conn_table *t)
{
    struct udt_conn *c, *next;

    HASH_ITER(hh, t->by_id, c, next)
    {
        udt_conn_forget(t, c);
    }
}

void udt_conn_due(struct conn_table *t, struct udt_conn *c)
{
    if (c->due)
        return;
    DL_APPEND2(t->due, c, due_prev, due_next);
    c->due = true;
}

void udt_conn_not_due(struct conn_table *t, struct udt_conn *c)
{
    if (c->due)
        DL_DELETE2(t->due, c, due_prev, due_next);
    c->due = false;
}

void udt_conn_owes(struct conn_table *t, struct udt_conn *c)
{
    if (c->owes)
        return;
    DL_APPEND2(t->owing, c, owing_prev, owing_next);
    c->owes = true;
}

void udt_conn_owes_nothing(struct conn_table *t, struct udt_conn *c)
{
    if (c->owes)
        DL_DELETE2(t->owing, c, owing_prev, owing_next);
    c->owes = false;
}

void udt_conn_age(struct conn_table *t, int64_t now_ms)
{
    struct udt_conn *c;

    while ((c = t->aging) && now_ms - c->entered_ms > lifetime_ms(c->state))
        udt_conn_forget(t, c);
}

int udt_conn_lingering(const struct conn_table *t)
{
    struct udt_conn *c;
    int n = 0;

    DL_FOREACH2(t->aging, c, aging_next)
    {
        /* Who closed without hearing that all has arrived does not wait for it any more. */
        n += c->state == UDT_CONN_LINGERING && half_close_done(&c->half_close) && !c->half_close.peer_done &&
             c->half_close.due_ms != INT64_MAX;
    }
    return n;
}
/* NOLINTEND(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */
