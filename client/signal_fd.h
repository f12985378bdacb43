/* client/signal_fd.h: a condition that can be polled on. Made on first use: who never polls pays no
 * descriptor. Its owner's lock guards it. */
#ifndef HX_CLIENT_SIGNAL_FD_H
#define HX_CLIENT_SIGNAL_FD_H

#include <stdbool.h>

struct signal_fd {
    int fd; /* -1 until it is asked for */
    bool set;
};

void signal_fd_init(struct signal_fd *f, bool set);
/* Readable while `set`. */
void signal_fd_set(struct signal_fd *f, bool set);
/* The descriptor, or HX_ESYS. */
int signal_fd_get(struct signal_fd *f);
void signal_fd_close(struct signal_fd *f);

#endif
