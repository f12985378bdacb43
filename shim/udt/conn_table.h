/* shim/udt/conn_table.h: the connections of one port, by UDT's socket id and by peer, and the lists that time
 * works through. The tap's lock guards it. */
#ifndef HX_SHIM_UDT_CONN_TABLE_H
#define HX_SHIM_UDT_CONN_TABLE_H

#include "shim/udt/readiness.h"
#include "shim/udt/udt_conn.h"

#define UDT_CONN_PENDING_ACCEPT_MS 10000 /* UDT drops a connection that nobody accepts; so do we */
#define UDT_CONN_LINGERING_MS      3000  /* a removed connection answers its peer's questions for this long */

struct conn_table {
    struct udt_conn *by_id, *by_peer;
    struct udt_conn *due;    /* those with something to do at a tick (due.h) */
    struct udt_conn *owing;  /* those that owe their peer a receipt, or a report of losses (worker.c) */
    struct udt_conn *aging;  /* those whose state runs out, oldest first */
    struct udt_conn *resume; /* those that UDT's worker shall visit again (idle_suspension.h) */
    struct readiness *ready; /* whose queue a connection leaves when it is forgotten */
};

/* NULL: unknown. */
struct udt_conn *udt_conn_find(const struct conn_table *t, int32_t id);
struct udt_conn *udt_conn_find_peer(const struct conn_table *t, const struct net_address *at,
                                    int32_t peer_id);
/* The rendezvous with this address that is not connected yet, and that one who says this about himself
 * can be of. */
struct udt_conn *udt_conn_find_rendezvous(const struct conn_table *t, const struct net_address *at,
                                          enum udt_party peer);

/* The next one after `c` (NULL: the first) of this session that is not connected yet, likewise. */
struct udt_conn *udt_conn_next_labelled(const struct conn_table *t, const struct udt_conn *c,
                                        const uint8_t label[HANDSHAKE_LABEL_BYTES], enum udt_party peer);

/* NULL: there is no memory. */
struct udt_conn *udt_conn_add(struct conn_table *t, int32_t id, const struct udt_conn_peer *peer,
                              enum udt_conn_state state, uint32_t window, int64_t now_ms);
/* Now the peer's id is known. False: there is no memory, and it is as unknown as before. */
bool udt_conn_set_peer_id(struct conn_table *t, struct udt_conn *c, int32_t peer_id);
/* The only way from one state to another. */
void udt_conn_enter(struct conn_table *t, struct udt_conn *c, enum udt_conn_state state, int64_t now_ms);
/* Out of every list and index, and freed. */
void udt_conn_forget(struct conn_table *t, struct udt_conn *c);
void udt_conn_forget_all(struct conn_table *t);

/* From now on the worker looks at `c` at each tick, until udt_conn_not_due(). */
void udt_conn_due(struct conn_table *t, struct udt_conn *c);
void udt_conn_not_due(struct conn_table *t, struct udt_conn *c);
/* A receipt will be due. */
void udt_conn_owes(struct conn_table *t, struct udt_conn *c);
void udt_conn_owes_nothing(struct conn_table *t, struct udt_conn *c);
/* Forgets those whose state has run out. */
void udt_conn_age(struct conn_table *t, int64_t now_ms);
/* Those that linger, and whose peers may still ask. */
int udt_conn_lingering(const struct conn_table *t);

#endif
