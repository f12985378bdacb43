#include "client/files/disk.h"
#include "base/error.h"
#include <errno.h>
#include <unistd.h>

int disk_sync(int fd)
{
    return fsync(fd) < 0 && errno != EINVAL ? HX_ESYS : HX_OK; /* EINVAL: a file system that syncs nothing */
}

int64_t disk_hole(int fd, int64_t at, int64_t end)
{
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? end - at : 0;
    return (data < end ? data : end) - at;
}

void disk_close(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}
