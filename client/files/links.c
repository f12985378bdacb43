#include "client/files/links.h"
#include "client/files/beneath.h"
#include "client/files/disk.h"
#include "client/files/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool link_is_safe(const char *path, const char *target)
{
    int room = 0; /* levels above the link */
    bool up = true;
    for (const char *at = path; *at; at++)
        room += *at == '/';
    if (target[0] == '/' || target[0] == '\0')
        return false;
    while (*target) {
        size_t len = strcspn(target, "/");
        bool parent = len == 2 && target[0] == '.' && target[1] == '.';
        bool here = len == 0 || (len == 1 && target[0] == '.');
        if (parent && (!up || --room < 0))
            return false;
        up = up && (parent || here);
        target += len + (target[len] == '/');
    }
    return true;
}

int link_read(int root, const char *path, char target[PATH_TEXT_MAX], struct stat *st)
{
    char parent[PATH_TEXT_MAX];
    errno = EINVAL;
    if (path_check(path) < 0 || path[0] == '\0')
        return HX_ESYS;
    const char *leaf = path_split(parent, path);
    int dir = beneath_directory(root, parent, O_PATH);
    if (dir < 0)
        return HX_ESYS;
    ssize_t len = readlinkat(dir, leaf, target, PATH_TEXT_MAX - 1);
    int err = len < 0 || fstatat(dir, leaf, st, AT_SYMLINK_NOFOLLOW) < 0 ? HX_ESYS : HX_OK;
    disk_close(dir);
    if (err == HX_OK)
        target[len] = '\0';
    return err;
}

/* HX_OK: the name is free, or may be taken. */
static int examine(int dir, const char *leaf)
{
    struct stat st;
    if (fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? HX_OK : HX_ESYS;
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        return HX_OK;
    errno = S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
    return HX_ESYS;
}

/* Under another name first: what had the name is there until the link is. */
static int replace(int dir, const char *leaf, const char *target, int64_t mtime_ns)
{
    char temporary[PATH_NAME_MAX + 1];
    struct timespec times[2];
    int err = path_part_name(temporary, leaf, (int64_t)strlen(target), mtime_ns);
    if (err < 0)
        return err;
    (void)unlinkat(dir, temporary, 0);
    file_times(times, mtime_ns);
    if (symlinkat(target, dir, temporary) < 0)
        return HX_ESYS;
    if (utimensat(dir, temporary, times, AT_SYMLINK_NOFOLLOW) == 0 &&
        renameat(dir, temporary, dir, leaf) == 0)
        return HX_OK;
    int saved = errno;
    (void)unlinkat(dir, temporary, 0);
    errno = saved;
    return HX_ESYS;
}

int link_make(int root, const char *path, const char *target, int64_t mtime_ns)
{
    char parent[PATH_TEXT_MAX];
    if (path_check(path) < 0 || path[0] == '\0' || path_is_part(path_leaf(path))) {
        errno = EINVAL;
        return HX_ESYS;
    }
    const char *leaf = path_split(parent, path);
    int dir = beneath_directory(root, parent, O_RDONLY);
    if (dir < 0)
        return HX_ESYS;
    int err = examine(dir, leaf);
    if (err == HX_OK)
        err = replace(dir, leaf, target, mtime_ns);
    if (err == HX_OK)
        err = disk_sync(dir);
    disk_close(dir);
    return err;
}
