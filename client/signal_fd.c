#include "client/signal_fd.h"
#include "proto/error.h"
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void signal_fd_init(struct signal_fd *f, bool set)
{
    f->fd = -1;
    f->set = set;
}

void signal_fd_set(struct signal_fd *f, bool set)
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

int signal_fd_get(struct signal_fd *f)
{
    if (f->fd < 0)
        f->fd = eventfd(f->set, EFD_CLOEXEC | EFD_NONBLOCK);
    return f->fd < 0 ? HX_ESYS : f->fd;
}

void signal_fd_close(struct signal_fd *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
