/* client/nat.h: what this process knows of the NAT in front of its host, kept fresh while somebody needs it.
 * Everything is called and calls back with the engine's lock held.
 *
 * The port that is asked about is the engine's newest: what is learned are the mappings that will be
 * punched. */
#ifndef HX_CLIENT_NAT_H
#define HX_CLIENT_NAT_H

#include "client/engine.h"
#include "client/settings.h"
#include "proto/nat_mapping.h"
#include "shim/net/net_address.h"

/* A NAT stays what it is, but hosts are carried about, and not every network tells the kernel. */
#define NAT_FRESH_MS 600000
#define NAT_ASK_MS   5000  /* one survey takes so long at most */
#define NAT_AGAIN_MS 30000 /* nobody has answered: asked again after so long, then twice as long each time */

struct nat_user; /* one who needs it */

/* From now on it is asked for: at once, unless it is fresh; when this host's addresses or routes have
 * changed; when the engine has left a port; and every NAT_FRESH_MS. The nameservers and STUN servers of
 * *settings are asked. `on_news`: nat_known() may tell something else now; NULL: of no interest. HX_OK;
 * HX_ENOMEM. */
int nat_use(struct nat_user **out, const struct settings *settings, void (*on_news)(void *user), void *user);
void nat_use_end(struct nat_user *u); /* NULL is fine */

/* One who waits for what others ask: on_news() as above, which ends no watch. */
struct nat_watch { /* zeroed but for on_news */
    void (*on_news)(struct nat_watch *w);
    bool listed; /* private */
    struct nat_watch *prev, *next;
};

void nat_watch_begin(struct nat_watch *w);
void nat_watch_end(struct nat_watch *w); /* fine if it has not begun */

/* What is known now, without waiting, of a family (AF_INET, AF_INET6). False: nothing, and *out is zeroed. */
bool nat_known(sa_family_t family, struct nat_mapping *out);

/* If the engine has left the port that is known of: from now on the new one is asked about. nat_known()
 * does it, too. */
void nat_ask_anew(sa_family_t family);

/* What nat_known() tells may be another thing in a moment: it is being asked for. */
bool nat_asking(sa_family_t family);

/* Is there a NAT between us and who has told? False: none, or it is not known. */
bool nat_translates(sa_family_t family);
/* Who has told of our NAT, whatever port it was asked about. False: nobody. */
bool nat_server(struct endpoint *out);

/* ---- a further port, for those who have not reached us by this one (client/spare_port.h) ---- */

/* Peers are told of it from now on; AF_UNSPEC: no more. The users hear of it a little later, not from
 * within: they may end what the caller is in the middle of. */
void nat_set_spare(const struct endpoint *mapped);
bool nat_spare(struct endpoint *out); /* false: there is none */

/* ---- where is a NAT that counts by now? ---- */

#define NAT_COUNT_MS 500 /* it takes so long at most */

struct nat_count;

/* One question from a new port to who has told of our NAT. on_done() is called once, unless
 * nat_count_cancel() comes before; `port`: the newest mapping's, 0: not known. nat_known() has it by then,
 * and the users are told. HX_OK; HX_ENOTFOUND: our NAT is not known to give one port after the other;
 * HX_ELIMIT, HX_ENOMEM, HX_ESYS. Never calls back before it returns. */
int nat_count_begin(struct nat_count **out, void (*on_done)(void *user, uint16_t port), void *user);
void nat_count_cancel(struct nat_count *c); /* NULL is fine */
/* What was opened has moved our NAT, if it is one that counts: it is counted once more, so that the next
 * peers are told where it is by now. */
void nat_count_anew(void);

#endif
