/* client/binding.h: a name that is kept bound at a nameserver, over each address family that both have; or a
 * membership in a session that is kept, over one. Everything is called and calls back with the engine's lock
 * held.
 *
 *            retry is due        its turn          agreed
 *     WAITING ------------> QUEUED -------> ASKING -------> BOUND      a leg's states; OFF: it is not wanted now
 *        ^                                    | refused,      | lost, or the way there has changed
 *        '------------------------------------+---------------'  not reached
 *
 * What peers are told of us may change while it is bound: then it is asked anew, while the one that holds the
 * name (`former`) goes on to, until the new one agrees, or for good if that is refused.
 *
 * The main leg asks over whatever family answers first. Once it is bound, a second leg binds the same
 * name over the other family; what becomes of that one is nobody's concern but its own, until the main
 * one is lost: then it is the main one. Both carry the same Bind-Session, by which the nameserver knows
 * them for one holder. */
#ifndef HX_CLIENT_BINDING_H
#define HX_CLIENT_BINDING_H

#include "base/backoff.h"
#include "base/token_bucket.h"
#include "client/detour.h"
#include "client/local_candidates.h"
#include "client/nameserver.h"
#include "client/settings.h"
#include "client/turns.h"
#include "client/udp_return.h"
#include "proto/peer_fields.h"

#define RETRY_AFTER_MAX_MS 120000 /* a nameserver may ask for more, which is a slip, or malice */

struct binding;

enum leg_state { LEG_OFF, LEG_WAITING, LEG_QUEUED, LEG_ASKING, LEG_BOUND };

struct leg { /* private */
    struct binding *b;
    enum leg_state state; /* changed by enter() alone */
    int families;         /* FAMILY_* that it asks over */
    struct nameserver *nameserver;
    /* ASKING: the one that holds the name until the new one has agreed, since what we tell peers has changed;
     * else NULL */
    struct nameserver *former;
    bool renewing;                 /* ASKING: and it may be gone already */
    bool renewed;                  /* at least once */
    bool returning;                /* ASKING: from a tunnel, since UDP answers again */
    struct udp_return *udp_return; /* BOUND through a tunnel */
    struct turn turn;              /* QUEUED: waited for; ASKING: had */
    struct timer timer;            /* WAITING: the next try; BOUND: the next look at the way there */
    struct backoff backoff;
    int64_t asked_ms, bound_ms;
    int64_t gather_ms, gather_due_ms; /* what is new about us is told then; binding_gather.c */
    int unanswered;                   /* tries, and a silence, in a row */
    struct endpoint external;
    struct peer_fields told, former_told; /* with the request */
};

struct binding_callbacks {
    void (*changed)(void *user); /* bound for the first time, or failed: see `ever_bound` and `error` */
    /* A peer wants to be reached, from nameserver_port(n); or what a part of /join tells. */
    void (*part)(void *user, struct nameserver *n, const struct multipart_part *part);
    void *user;
};

struct binding {
    const struct settings *settings;
    struct binding_callbacks callbacks;
    bool ever_bound;
    int error;      /* HX_OK, or why it has failed for good, which it does only before it is bound */
    int last_error; /* of the last try that failed */
    /* The rest is private. */
    struct leg legs[2];
    struct leg *main;
    int where;                         /* the nameserver that is asked, of settings->nameservers ... */
    struct detour detour;              /* ... or that one names instead */
    int64_t again_ms[NAMESERVERS_MAX]; /* before that one wants to hear nothing (Retry-After) */
    struct token_bucket awaited;       /* renewals for the sake of a peer that is not reached */
    bool news;                         /* what we tell peers has changed, and they are not told yet */
    char session[SESSION_ID_TEXT_MAX];
    struct local_candidates *candidates; /* of candidates_port; NULL: none yet */
    const struct udt_port *candidates_port;
};

/* Begins. `settings`, which say what is asked for (client/binding_question.h), must outlive it. HX_OK;
 * HX_ENOMEM, HX_ESYS (no randomness) and no callback. */
int binding_begin(struct binding *b, const struct settings *settings,
                  const struct binding_callbacks *callbacks);
/* After that, with the engine's lock held: until the name is bound for the first time, has failed, *canceled,
 * or settings->timeout_ms is over. callbacks.changed() broadcasts `cond`. HX_OK; HX_ECANCELED; why not. */
int binding_await(const struct binding *b, pthread_cond_t *cond, const bool *canceled);
/* Gives the name back. Again, and on one that was not begun but zeroed, is fine. */
void binding_end(struct binding *b);
/* Our address of that family (AF_UNSPEC: whichever) as the nameserver saw it last. */
const struct endpoint *binding_external(const struct binding *b, sa_family_t family);
/* What this nameserver was told of us. */
const struct peer_fields *binding_told(const struct binding *b, const struct nameserver *n);
/* The main leg's, while it tells us of peers; NULL: there is none. */
struct nameserver *binding_nameserver(const struct binding *b);
/* To the nameserver, by its connection over that family: nameserver_report(). */
void binding_report(struct binding *b, sa_family_t family, const struct attempt_report *r);
/* This host's addresses or routes have changed. */
void binding_network_changed(struct binding *b);
/* What we tell peers may have changed (client/own_fields.h): if so, the name is bound anew with it, without a
 * moment in which nobody holds it. */
void binding_fields_changed(struct binding *b);
/* A peer is there that was told of us only now: what is new is told soon again, as after a first join. */
void binding_hurry(struct binding *b);
/* The way to this host may be lost: does the nameserver still reach it? `lost`: some peer does not, and may
 * ask the nameserver for us already. */
void binding_check(struct binding *b, bool lost);

/* For binding.c. The main leg was asked and has ended so: true: it is to be asked elsewhere at once. */
bool binding_is_sent_elsewhere(struct binding *b, const struct nameserver_end *end);
/* Number b->where has ended so, itself and not one that it has named: it may want to be left alone. */
void binding_heed(struct binding *b, const struct nameserver_end *end);
int64_t binding_heeded_ms(const struct binding *b); /* how long number b->where still wants that */
/* What a join tells all members is gathered: from when it was agreed to, ... */
void binding_gather_begin(struct leg *leg);
/* ... may what is new be told by now? */
bool binding_gather_due(const struct leg *leg);
void binding_gather_told(struct leg *leg); /* it is */

#endif
