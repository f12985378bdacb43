#include "base/write_aside.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool write_aside_parents(const char *path, char failed[PATH_MAX])
{
    if (snprintf(failed, PATH_MAX, "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(failed + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(failed, S_IRWXU) < 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

static bool write_all(int fd, const struct iovec *piece)
{
    const char *at = piece->iov_base;
    size_t len = piece->iov_len;

    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            at += put;
            len -= (size_t)put;
        }
    }
    return true;
}

bool write_aside(char made[PATH_MAX], const char *path, const struct iovec *pieces, int count, bool sync)
{
    bool good = true;

    errno = ENAMETOOLONG;
    if (snprintf(made, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
        return false;
    int fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0)
        return false;
    for (int i = 0; i < count && good; i++)
        good = write_all(fd, &pieces[i]);
    if (good && sync)
        good = fsync(fd) == 0;
    int error = errno;
    if (close(fd) < 0 && good) { /* NFS tells only now that there is no room */
        good = false;
        error = errno;
    }
    if (!good)
        unlink(made);
    errno = error;
    return good;
}
