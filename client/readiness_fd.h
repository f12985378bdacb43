/* client/readiness_fd.h: a condition that can be polled on. Made on first use: who never polls pays no
 * descriptor. Its owner's lock guards it. */
#ifndef HX_CLIENT_READINESS_FD_H
#define HX_CLIENT_READINESS_FD_H

#include <stdbool.h>

struct readiness_fd {
    int fd; /* -1 until it is asked for */
    bool set;
};

void readiness_fd_init(struct readiness_fd *f, bool set);
/* Readable while `set`. */
void readiness_fd_set(struct readiness_fd *f, bool set);
/* The descriptor, or HX_ESYS. */
int readiness_fd_get(struct readiness_fd *f);
void readiness_fd_close(struct readiness_fd *f);

#endif
