/* server/introductions.h: the last introductions, and what came of them: for who looks at the nameserver. No
 * clock, no I/O. */
#ifndef HX_SERVER_INTRODUCTIONS_H
#define HX_SERVER_INTRODUCTIONS_H

#include "proto/attempt_report.h"
#include "proto/endpoint.h"
#include "proto/host_id.h"
#include "proto/session.h"
#include <stdbool.h>
#include <stdint.h>

#define INTRODUCTIONS_KEPT 256

enum introduction_side { INTRODUCTION_H1, INTRODUCTION_H2, INTRODUCTION_SIDES };

struct introduction {
    uint64_t number;  /* from 1 on */
    uint64_t changed; /* of all changes, the last one's number */
    int64_t at_ms;    /* of base/clock.h */
    char name[HOST_ID_MAX + 1], h2_name[HOST_ID_MAX + 1];
    struct endpoint at[INTRODUCTION_SIDES];
    struct endpoint source[INTRODUCTION_SIDES]; /* whoever has the tunnel, or the same */
    bool unheard;                               /* the holder was not told */
    bool has_session;
    char session[ATTEMPT_SESSION_MAX];
    struct {
        bool told;
        enum attempt_outcome outcome;
        enum attempt_reason reason;
        int64_t ms;
    } reports[INTRODUCTION_SIDES];
};

struct introductions {
    uint64_t added, changes; /* numbers of the last ones */
    struct introduction of[INTRODUCTIONS_KEPT];
};

struct introduction_made {
    const char *name, *h2_name;
    const struct endpoint *h1, *h2, *h1_source, *h2_source;
    const struct session *session; /* NULL: none */
    bool unheard;
};
/* All of these: `t` NULL is fine, and keeps nothing. */
void introductions_add(struct introductions *t, const struct introduction_made *made, int64_t now_ms);
/* Of the newest one with the report's session, if that is still kept. */
void introductions_report(struct introductions *t, enum introduction_side side,
                          const struct attempt_report *r);
/* The `back`th before the newest one; NULL: there is none. */
const struct introduction *introductions_back(const struct introductions *t, uint64_t back);
/* The one that has changed first after this change; NULL: none has. */
const struct introduction *introductions_after(const struct introductions *t, uint64_t change);

#endif
