#include "client/files/beneath.h"
#include "client/files/disk.h"
#include "client/files/path.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* As O_PATH with O_NOFOLLOW opens the link itself: the caller never wants that. */
static int refuse_link(int fd, int flags)
{
    struct stat st;
    if (fd < 0 || !(flags & O_PATH))
        return fd;
    if (fstat(fd, &st) == 0) {
        if (!S_ISLNK(st.st_mode))
            return fd;
        errno = ELOOP;
    }
    disk_close(fd);
    return -1;
}

int beneath_walk(int root, const char *path, int flags)
{
    char name[PATH_NAME_MAX + 1];
    int fd = root;
    if (path_check(path) < 0) {
        errno = EINVAL;
        return -1;
    }
    if (path[0] == '\0')
        return openat(root, ".", flags | O_NOFOLLOW | O_CLOEXEC);
    for (;;) {
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0';
        memcpy(name, path, len);
        name[len] = '\0';
        int next = openat(fd, name, last ? flags | O_NOFOLLOW | O_CLOEXEC : STEP_FLAGS);
        if (fd != root)
            disk_close(fd);
        if (next < 0 || last)
            return refuse_link(next, flags);
        fd = next;
        path += len + 1;
    }
}

int beneath_open(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    if (path_check(path) < 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* EPERM: of sandboxes that do not know the call */
        return beneath_walk(root, path, flags);
    return refuse_link(fd, flags);
}

int beneath_reach(int root, const char *path, int flags, enum reach reach)
{
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    if (reach == REACH_PLAIN)
        return beneath_open(root, path, flags);
    if (path_check(path) < 0) {
        errno = EINVAL;
        return -1;
    }
    if (reach == REACH_ANY)
        return openat(root, path[0] ? path : ".", flags | O_CLOEXEC);
    int fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return beneath_walk(root, path, flags); /* follows none */
    return fd;
}

int beneath_stat(int root, const char *path, struct stat *st, enum reach reach)
{
    int fd = beneath_reach(root, path, O_PATH, reach);
    if (fd < 0)
        return -1;
    int err = fstat(fd, st);
    disk_close(fd);
    return err;
}

/* Looks before it opens: opening a device may do something, and a FIFO may wait. */
static int look(int root, const char *path, enum reach reach)
{
    struct stat st;
    if (beneath_stat(root, path, &st, reach) < 0)
        return -1;
    if (S_ISREG(st.st_mode))
        return 0;
    errno = S_ISDIR(st.st_mode) ? EISDIR : ENXIO;
    return -1;
}

int beneath_file_in_reach(int root, const char *path, struct stat *st, enum reach reach)
{
    if (look(root, path, reach) < 0)
        return -1;
    int fd = beneath_reach(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, reach);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0) {
        if (S_ISREG(st->st_mode))
            return fd;
        errno = ENXIO; /* it was replaced meanwhile */
    }
    disk_close(fd);
    return -1;
}

int beneath_file(int root, const char *path, struct stat *st)
{
    return beneath_file_in_reach(root, path, st, REACH_PLAIN);
}

int beneath_directory(int root, const char *path, int flags)
{
    return beneath_open(root, path, flags | O_DIRECTORY);
}
