#include "client/files/directory.h"
#include "client/files/beneath.h"
#include "client/files/disk.h"
#include "client/files/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define OWNER_RWX 0700U

int directory_make(int root, const char *path, unsigned mode, bool *made)
{
    char parent[PATH_TEXT_MAX];
    struct stat st;
    *made = false;
    if (path_check(path) < 0) {
        errno = EINVAL;
        return HX_ESYS;
    }
    if (path[0] == '\0')
        return HX_OK;
    const char *leaf = path_split(parent, path);
    int fd = beneath_directory(root, parent, O_PATH);
    if (fd < 0)
        return HX_ESYS;
    int err = mkdirat(fd, leaf, (mode & FILE_MODE_MASK) | OWNER_RWX);
    *made = err == 0;
    if (err < 0 && errno == EEXIST) {
        err = fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW);
        if (err == 0 && !S_ISDIR(st.st_mode)) {
            errno = EEXIST;
            err = -1;
        }
    }
    disk_close(fd);
    return err < 0 ? HX_ESYS : HX_OK;
}

int directory_settle(int root, const char *path, unsigned mode, int64_t mtime_ns)
{
    struct stat st;
    struct timespec times[2];
    int fd = beneath_directory(root, path, O_RDONLY);
    if (fd < 0)
        return HX_ESYS;
    file_times(times, mtime_ns);
    if (fstat(fd, &st) == 0 && fchmod(fd, st.st_mode & mode & FILE_MODE_MASK) == 0 &&
        futimens(fd, times) == 0)
        return fd;
    disk_close(fd);
    return HX_ESYS;
}

int directory_set_attributes(int root, const char *path, unsigned mode, int64_t mtime_ns)
{
    int fd = directory_settle(root, path, mode, mtime_ns);
    if (fd < 0)
        return fd;
    int err = disk_sync(fd);
    disk_close(fd);
    return err;
}
