/* server/policy.h: who may what, and how often: limits and rates of addresses and names. Knows no connection
 * and no registry; it answers with the reason of the refusal, or REPLY_NOTHING. */
#ifndef HX_SERVER_POLICY_H
#define HX_SERVER_POLICY_H

#include "base/rate.h"
#include "server/reply.h"
#include <stddef.h>

#define POLICY_RETURNS_SHARE 4   /* a quarter */
#define POLICY_CLAIM_BURST   60  /* new names of one source at once; then --claims-per-source a minute */
#define POLICY_RETURN_MAX_S  110 /* with REPLY_RETRY_AFTER_S what hx heeds (client/binding.c) */

struct policy;
struct server_config;
struct tunnels;

/* HX_OK or HX_ENOMEM. *config stays the caller's and must live as long. */
int policy_create(struct policy **out, const struct server_config *config);
/* *config has changed. What somebody has spent already is counted. */
void policy_reconfigure(struct policy *p);
void policy_destroy(struct policy *p); /* NULL is fine */
/* Whoever comes by one of these is counted to who has it. They must live as long. */
void policy_use_tunnels(struct policy *p, const struct tunnels *tunnels);

/* A new connection of this peer; REPLY_NOTHING: it is counted until policy_left(). */
enum reply_reason policy_may_enter(struct policy *p, const struct endpoint *peer);
void policy_left(struct policy *p, const struct endpoint *peer);
size_t policy_entered(const struct policy *p); /* connections that are counted */

/* Refusals cost the server an answer and a line in the log. False: this source has been refused too often,
 * and is answered 429. */
bool policy_may_be_refused(struct policy *p, const struct endpoint *peer, int64_t now_ms);

/* Whether it may still be refused: asked before what is costly and may be in vain. Takes nothing. */
bool policy_may_try(struct policy *p, const struct endpoint *peer, int64_t now_ms);
/* A name that nobody owns shall be this peer's (--auth tofu). */
enum reply_reason policy_may_claim(struct policy *p, const struct endpoint *peer, int64_t now_ms);

/* Who is refused for a limit of its address comes back, and so do all others behind that address, whose
 * connections have a rate. Each is given a time of its own to return: together they take POLICY_RETURNS_SHARE
 * of that rate at most, and leave the rest to those that hear of the limit for the first time. Seconds on top
 * of REPLY_RETRY_AFTER_S, at most POLICY_RETURN_MAX_S. */
int policy_returns_later_s(struct policy *p, const struct endpoint *peer, int64_t now_ms);

/* Takes what it costs the holder of `name` to be told of `peer`: a part for a connect, a challenge for a
 * bind. `name_bucket` is kept with the name.
 *
 * The second half of a name's bucket is for sources that have not asked lately: one that asks often, for
 * whatever reason, never keeps the others out. */
enum reply_reason policy_may_reach(struct policy *p, const char *name, struct token_bucket *name_bucket,
                                   const struct endpoint *peer, int64_t now_ms);

/* The same for who joins a session, at `cost` introductions of the session's: each of its members is told. As
 * many as a session may have may come from one address at once. */
enum reply_reason policy_may_join(struct policy *p, const char *session, struct token_bucket *session_bucket,
                                  const struct endpoint *peer, int64_t cost, int64_t now_ms);

#endif
