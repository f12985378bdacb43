#include "client/files/walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

struct walk {
    DIR *open[PATH_DEPTH_MAX];   /* from where it began to where it is */
    size_t ends[PATH_DEPTH_MAX]; /* length of the path of each */
    int depth;
    bool flat;
    enum links links;
    int root; /* of LINKS_FOLLOW */
    enum reach reach;
    char base[PATH_TEXT_MAX];
    char path[PATH_TEXT_MAX];
    char target[PATH_TEXT_MAX];
};

static int64_t nanoseconds(const struct timespec *t)
{
    if (t->tv_sec > INT64_MAX / NS_PER_S - 1 || t->tv_sec < -(INT64_MAX / NS_PER_S - 1))
        return 0; /* more than 292 years from 1970: not a time that anybody meant */
    return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

void file_times(struct timespec times[2], int64_t mtime_ns)
{
    int64_t s = mtime_ns / NS_PER_S;
    int64_t ns = mtime_ns % NS_PER_S;
    times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
    times[1].tv_sec = ns < 0 ? s - 1 : s;
    times[1].tv_nsec = ns < 0 ? ns + NS_PER_S : ns;
}

void file_entry_from(struct file_entry *e, const struct stat *st)
{
    e->type = 's';
    e->mode = 0;
    e->size = 0;
    e->mtime_ns = nanoseconds(&st->st_mtim);
    e->why = S_ISLNK(st->st_mode) ? SKIP_LINK : SKIP_DEVICE;
    if (S_ISREG(st->st_mode) && st->st_size <= FILE_SIZE_MAX) {
        e->type = 'f';
        e->size = st->st_size;
    } else if (S_ISDIR(st->st_mode)) {
        e->type = 'd';
    } else {
        return;
    }
    e->mode = st->st_mode & FILE_MODE_MASK;
}

static int push(struct walk *w, int fd)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return HX_ESYS;
    }
    w->ends[w->depth] = strlen(w->path);
    w->open[w->depth++] = dir;
    return HX_OK;
}

int walk_create(struct walk **out, int fd)
{
    struct walk *w = calloc(1, sizeof *w);
    int err = HX_ENOMEM;
    if (!w)
        close(fd);
    else
        err = push(w, fd);
    if (err < 0)
        free(w);
    else
        *out = w;
    return err;
}

void walk_flat(struct walk *w)
{
    w->flat = true;
}

void walk_destroy(struct walk *w)
{
    if (!w)
        return;
    while (w->depth > 0)
        closedir(w->open[--w->depth]);
    free(w);
}

static void leave_out(struct file_entry *e, enum skip why)
{
    e->type = 's';
    e->why = why;
}

/* Goes down into the directory that was just found, which `fd` is, if it can. */
static void descend(struct walk *w, int fd, struct file_entry *e)
{
    if (w->depth >= PATH_DEPTH_MAX) {
        leave_out(e, SKIP_DEEP);
        if (fd >= 0)
            close(fd);
    } else if (fd < 0 || push(w, fd) < 0) {
        leave_out(e, SKIP_UNREADABLE);
    }
}

/* A directory that it is in itself has no end. */
static bool is_loop(struct walk *w, const struct stat *st)
{
    struct stat above;
    for (int i = 0; i < w->depth; i++)
        if (fstat(dirfd(w->open[i]), &above) == 0 && above.st_ino == st->st_ino && above.st_dev == st->st_dev)
            return true;
    return false;
}

static void follow(struct walk *w, struct file_entry *e)
{
    char whole[PATH_TEXT_MAX];
    struct stat st;
    if (path_join(whole, w->base, w->path) < 0) {
        leave_out(e, SKIP_DEEP);
    } else if (beneath_stat(w->root, whole, &st, w->reach) < 0) {
        leave_out(e, errno == EXDEV ? SKIP_OUTSIDE : errno == ELOOP ? SKIP_LOOP : SKIP_LINK);
    } else {
        file_entry_from(e, &st);
        if (e->type == 'd' && is_loop(w, &st))
            leave_out(e, SKIP_LOOP);
    }
    if (e->type == 'd' && !w->flat)
        descend(w, beneath_reach(w->root, whole, O_RDONLY | O_DIRECTORY | O_NONBLOCK, w->reach), e);
}

static void examine_link(struct walk *w, int parent, const char *name, struct file_entry *e)
{
    if (w->links == LINKS_FOLLOW)
        follow(w, e);
    if (w->links != LINKS_COPY)
        return;
    ssize_t len = readlinkat(parent, name, w->target, sizeof w->target - 1);
    if (len <= 0)
        return;
    w->target[len] = '\0';
    e->type = 'l';
    e->mode = FILE_MODE_MASK;
    e->target = w->target;
}

static void examine(struct walk *w, int parent, const char *name, struct file_entry *e)
{
    struct stat st;
    e->path = w->path;
    leave_out(e, path_is_part(name) ? SKIP_PART : SKIP_UNREADABLE);
    if (e->why == SKIP_PART || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    file_entry_from(e, &st);
    if (e->type == 'd' && w->links == LINKS_FOLLOW && is_loop(w, &st))
        leave_out(e, SKIP_LOOP); /* come to over a link */
    if (e->type == 'd' && !w->flat)
        descend(w, openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), e);
    if (e->type == 's' && e->why == SKIP_LINK)
        examine_link(w, parent, name, e);
}

void walk_copies_links(struct walk *w)
{
    w->links = LINKS_COPY;
}

void walk_follows_links(struct walk *w, int root, const char *base, enum reach reach)
{
    w->links = LINKS_FOLLOW;
    w->root = root;
    w->reach = reach;
    snprintf(w->base, sizeof w->base, "%s", base);
}

static bool is_passed_over(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int walk_next(struct walk *w, struct file_entry *e)
{
    memset(e, 0, sizeof *e);
    while (w->depth > 0) {
        DIR *dir = w->open[w->depth - 1];
        w->path[w->ends[w->depth - 1]] = '\0';
        errno = 0;
        const struct dirent *found = readdir(dir);
        if (!found) {
            bool broken = errno != 0;
            closedir(dir);
            w->depth--;
            if (broken) { /* what it has beyond that cannot be said */
                leave_out(e, SKIP_UNREADABLE);
                e->path = w->path;
                return HX_OK;
            }
        } else if (!is_passed_over(found->d_name)) {
            if (path_join(w->path, w->path, found->d_name) == HX_OK) {
                examine(w, dirfd(dir), found->d_name, e);
            } else { /* named by its directory: nothing longer can be said */
                leave_out(e, SKIP_DEEP);
                e->path = w->path;
            }
            return HX_OK;
        }
    }
    return HX_EEOF;
}
