#include "base/descriptors.h"
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEPT_MAX   16
#define KEPT_SHARE 8 /* of all, where they are few */

/* A new one has the lowest number that is free: so one with a high number has all others below it. */
int descriptors_spare(int fd)
{
    struct rlimit limit;

    if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return fd;
    rlim_t kept = limit.rlim_cur / KEPT_SHARE < KEPT_MAX ? limit.rlim_cur / KEPT_SHARE : KEPT_MAX;
    if ((rlim_t)fd < limit.rlim_cur - kept)
        return fd;
    close(fd);
    errno = EMFILE;
    return -1;
}
