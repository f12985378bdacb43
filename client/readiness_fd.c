#include "client/readiness_fd.h"
#include "base/error.h"
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void readiness_fd_init(struct readiness_fd *f, bool set)
{
    f->fd = -1;
    f->set = set;
}

void readiness_fd_set(struct readiness_fd *f, bool set)
{
    uint64_t count = 1;
    if (f->set == set)
        return;
    f->set = set;
    if (f->fd < 0)
        return;
    if (set)
        (void)!write(f->fd, &count, sizeof count);
    else
        (void)!read(f->fd, &count, sizeof count);
}

int readiness_fd_get(struct readiness_fd *f)
{
    if (f->fd < 0)
        f->fd = eventfd(f->set, EFD_CLOEXEC | EFD_NONBLOCK);
    return f->fd < 0 ? HX_ESYS : f->fd;
}

void readiness_fd_close(struct readiness_fd *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
