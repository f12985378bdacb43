/* client/tool/copying.h: what is shown of a copy under way, and when it is given up: the bar, what it waits for,
 * what could not be copied, the summary. */
#ifndef HX_CLIENT_TOOL_COPYING_H
#define HX_CLIENT_TOOL_COPYING_H

#include "client/files/files.h"
#include "client/tool/args.h"
#include "client/tool/progress.h"
#include "client/tool/reconnector.h"

#define COPYING_REPORTS 20 /* lines of what could not be copied; the rest is counted */

struct copying {
    struct ev_loop *loop;
    const struct args *args;
    struct files *files;
    struct reconnector *reconnector;
    void (*look)(void *user, const struct files_state *s); /* a few times a second */
    void (*stuck)(void *user);                             /* nothing has moved for too long */
    void *user;
    ev_timer tick;
    struct progress progress;
    int64_t begun_ms, step_ms; /* the latter: of the last sign of progress */
    uint64_t steps;
    uint64_t reports;
    bool bar;    /* a line is shown and redrawn */
    bool shown;  /* it stands there now */
    bool waits;  /* it was told that nothing goes on for now, and why */
    bool paused; /* somebody is asked something */
    bool stalled;
};

/* The fields up to `user` are set. */
void copying_begin(struct copying *c);
void copying_pause(struct copying *c);
void copying_go(struct copying *c); /* now it is what takes the time */
void copying_end(struct copying *c);
void copying_erase(struct copying *c); /* before anything else is said */
/* As files_config.report(). */
void copying_report(struct copying *c, const char *path, const char *reason);
/* Says how it ended. True: all that can be copied is whole. */
bool copying_conclude(struct copying *c);

#endif
