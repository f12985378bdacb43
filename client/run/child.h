/* client/run/child.h: one command as a process of its own, with pipes or a terminal. */
#ifndef HX_CLIENT_RUN_CHILD_H
#define HX_CLIENT_RUN_CHILD_H

#include "client/run/frames.h"
#include <stdbool.h>

#define CHILD_END_S 5 /* after SIGHUP; what is still there then is killed */

struct child {
    int pid, pid_fd; /* the latter is readable once it has ended */
    int in, out;     /* of ours, non-blocking; the same with a terminal */
    int errors;      /* -1 with a terminal, and when they are our own */
};

struct child_config {
    const char *command; /* for /bin/sh -c */
    const char *label;   /* HX_PEER_LABEL of its environment */
    const char *name;    /* HX_PEER_NAME, of up to 255 bytes; NULL: as it is */
    const char *term;    /* TERM, with a terminal; NULL: as it is */
    bool terminal;
    bool own_errors; /* its standard error is this process's; not with a terminal */
    struct window window;
};

/* It leads a session and a process group, has this process's environment, directory and limits, no other
 * descriptor than its three, and the signals as they are by default. HX_ESYS (errno): it could not be begun.
 */
int child_start(struct child *out, const struct child_config *config);
void child_resize(const struct child *c, const struct window *w);
/* How it has ended, as a shell says it; HX_EAGAIN: it has not. Until child_reap() or child_hang_up() its
 * process ID stays its own. */
int child_status(const struct child *c);
/* Closes what is open of its descriptors (the terminal's end hangs its session up), and reaps it, which has
 * ended. */
void child_reap(struct child *c);
/* The same, ended or not: hangs up its process group, which is killed if it has not ended CHILD_END_S later.
 * Does not wait for that; `gone` is called in another thread, or within this. */
void child_hang_up(struct child *c, void (*gone)(void *user), void *user);

#endif
