/* client/rejoin.h: a connection whose paths have all ended asks the nameserver for the peer once more, in the
 * same session: so each side learns where the other one is now. One that is relayed asks, too, now and then:
 * there may be a direct path by now. Everything with the engine's lock held.
 *
 *           needed             not reached, or no answer helped
 *   IDLE ───────────► ASKING ──────────────────────────────────► WAITING
 *    ▲                  ▲  │                                        │
 *    └── not needed ────┼──┴────────────────────────────────────────┤
 *                       └──────────── a retry is due ───────────────┘
 *
 * The answer stays open while it is needed: the nameserver tells when the peer binds its name anew. */
#ifndef HX_CLIENT_REJOIN_H
#define HX_CLIENT_REJOIN_H

#include "client/agent.h"
#include "client/settings.h"

struct rejoin;

/* `settings`: whom to ask for what, copied but for the keys that peers prove; `where`: the nameserver of
 * them that knew the peer. HX_OK, HX_ENOMEM. */
int rejoin_create(struct rejoin **out, const struct settings *settings, int where, struct agent *agent);
/* AGENT_RELAYED again: sooner than is due. */
void rejoin_need(struct rejoin *r, enum agent_reach reach);
void rejoin_destroy(struct rejoin *r); /* before its agent ends; NULL is fine */

#endif
