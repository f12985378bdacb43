/* client/tool/copying.h: what hx cp and hx recv show of a copy under way, and when they give it up: the bar,
 * what it waits for, what could not be copied, the summary. */
#ifndef HX_CLIENT_TOOL_COPYING_H
#define HX_CLIENT_TOOL_COPYING_H

#include "client/files/files.h"
#include "client/tool/args.h"
#include "client/tool/progress.h"
#include "client/tool/reconnector.h"

struct copying {
    struct ev_loop *loop;
    const struct args *args;
    struct reconnector *reconnector;
    bool hidden;          /* nothing is shown of how far it is, unless somebody asks */
    bool once;            /* it cannot be taken up again */
    uint64_t reports_max; /* lines of what could not be copied; the rest is counted */
    void (*state)(void *user, struct files_state *out);    /* as files_state() */
    void (*look)(void *user, const struct files_state *s); /* a few times a second; may be NULL */
    void (*stuck)(void *user); /* nothing has moved for too long; NULL: it may be as slow as its ends */
    void *user;
    ev_timer tick;
    ev_io asked;
    struct progress progress;
    int64_t begun_ms, step_ms; /* the latter: of the last sign of progress */
    uint64_t steps;
    uint64_t reports;
    int64_t told_ms; /* when a line was last shown that is not redrawn */
    bool bar;        /* a line is shown and redrawn */
    bool plain;      /* one is shown now and then */
    bool waits;      /* it was told that nothing goes on for now, and why */
    bool paused;     /* somebody is asked something */
    bool stalled;
    struct files_state end; /* of copying_conclude() */
};

/* The fields up to `user` are set. */
void copying_begin(struct copying *c);
void copying_pause(struct copying *c);
void copying_go(struct copying *c); /* now it is what takes the time */
void copying_end(struct copying *c);
/* What carries it now; its kind is "" if nothing does. */
void copying_path(const struct copying *c, struct hx_path *out);
/* As files_config.report(). */
void copying_report(struct copying *c, const char *path, const char *reason);
/* Says what went wrong. True: it is over, and nothing has failed. */
bool copying_conclude(struct copying *c);
/* After that, of a copy that is over: one line about all of it, unless --quiet. */
void copying_summarize(const struct copying *c);

#endif
