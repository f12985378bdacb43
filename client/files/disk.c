#include "client/files/disk.h"
#include "base/error.h"
#include <errno.h>
#include <unistd.h>

int disk_sync(int fd)
{
    return fsync(fd) < 0 && errno != EINVAL ? HX_ESYS : HX_OK; /* EINVAL: a file system that syncs nothing */
}

void disk_close(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}
