#include "client/files/part.h"
#include "client/files/beneath.h"
#include "client/files/disk.h"
#include "client/files/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OWNER_RW 0600U
/* So many are on their way to the disk at most: the last fsync() is short. */
#define SYNC_BYTES (INT64_C(8) * 1024 * 1024)

/* The target must be free, or a file that may be replaced. */
static int examine_target(const struct part *p)
{
    struct stat st;
    if (fstatat(p->dir, p->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? HX_OK : HX_ESYS;
    if (S_ISREG(st.st_mode) && !p->keep)
        return HX_OK;
    errno = S_ISREG(st.st_mode) ? ENOTUNIQ : S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
    return HX_ESYS;
}

/* The file that we have open still is what has the part's name. */
static bool is_ours(const struct part *p, const struct stat *st)
{
    struct stat named;
    return fstatat(p->dir, p->name, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == st->st_ino &&
           named.st_dev == st->st_dev;
}

/* Locks the part, then looks again: its former owner may have renamed it. */
static int lock(struct part *p)
{
    struct stat st;
    if (flock(p->fd, LOCK_EX | LOCK_NB) < 0 || fstat(p->fd, &st) < 0)
        return HX_ESYS;
    if (!S_ISREG(st.st_mode) || st.st_nlink > 1) { /* put there by somebody else */
        errno = EEXIST;
        return HX_ESYS;
    }
    if (!is_ours(p, &st)) {
        errno = EWOULDBLOCK;
        return HX_ESYS;
    }
    p->size = st.st_size;
    return p->size > p->expected ? part_begin(p, 0) : HX_OK;
}

/* Opens the target's directory. */
static int locate(struct part *p, int root, const struct file_entry *e)
{
    char directory[PATH_TEXT_MAX];
    memset(p, 0, sizeof *p);
    p->dir = p->fd = -1;
    p->expected = e->size;
    p->mtime_ns = e->mtime_ns;
    p->mode = e->mode & FILE_MODE_MASK;
    p->keep = e->keep;
    if (path_check(e->path) < 0 || e->path[0] == '\0' || path_is_part(path_leaf(e->path))) {
        errno = EINVAL;
        return HX_ESYS;
    }
    const char *leaf = path_split(directory, e->path);
    memcpy(p->leaf, leaf, strlen(leaf) + 1);
    int err = path_part_name(p->name, leaf, e->size, e->mtime_ns);
    if (err < 0)
        return err;
    p->dir = beneath_directory(root, directory, O_PATH);
    return p->dir < 0 ? HX_ESYS : HX_OK;
}

static void close_fds(struct part *p)
{
    int saved = errno;
    file_sum_free(&p->digest);
    if (p->fd >= 0)
        close(p->fd); /* and with it the lock */
    if (p->dir >= 0)
        close(p->dir);
    p->dir = p->fd = -1;
    errno = saved;
}

static int open_file(struct part *p)
{
    int err = examine_target(p);
    if (err < 0)
        return err;
    /* Created with the target's permissions, so that the kernel applies the umask. */
    p->fd = openat(p->dir, p->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                   p->mode | OWNER_RW);
    if (p->fd < 0)
        return HX_ESYS;
    err = lock(p);
    return err < 0 ? err : file_sum_init(&p->digest);
}

int part_open(struct part *p, int root, const struct file_entry *e)
{
    int err = locate(p, root, e);
    if (err == HX_OK)
        err = open_file(p);
    if (err < 0)
        close_fds(p);
    return err;
}

int64_t part_held(int root, const struct file_entry *e)
{
    struct part p;
    struct stat st;
    int64_t held = 0;
    if (locate(&p, root, e) == HX_OK)
        p.fd = openat(p.dir, p.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (p.fd >= 0 && flock(p.fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        held = HX_ESYS;
    else if (p.fd >= 0 && fstat(p.fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= e->size)
        held = st.st_size;
    close_fds(&p);
    return held;
}

int part_stat(int root, const struct file_entry *e, struct stat *st)
{
    struct part p;
    int err = locate(&p, root, e);
    if (err == HX_OK && fstatat(p.dir, p.name, st, AT_SYMLINK_NOFOLLOW) < 0)
        err = HX_ESYS;
    close_fds(&p);
    return err;
}

void part_drop(int root, const struct file_entry *e)
{
    struct part p;
    if (locate(&p, root, e) == HX_OK)
        p.fd = openat(p.dir, p.name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (p.fd >= 0 && lock(&p) == HX_OK)
        (void)unlinkat(p.dir, p.name, 0);
    close_fds(&p);
}

int part_begin(struct part *p, int64_t offset)
{
    if (offset == p->size)
        return HX_OK;
    if (offset != 0) {
        errno = ERANGE;
        return HX_ESYS;
    }
    if (ftruncate(p->fd, 0) < 0)
        return HX_ESYS;
    p->size = 0;
    return HX_OK;
}

int part_hash(struct part *p, uint8_t buffer[PART_BUFFER])
{
    int err = file_sum_read(&p->digest, p->fd, &p->hashed, p->size, buffer);
    if (err != HX_EEOF)
        return err;
    errno = EBADMSG; /* somebody cut it */
    return HX_ESYS;
}

/* Begins to write the latest piece to the disk, and waits for the one before it. Only a help for fsync(),
 * which tells of what has failed. */
static void write_back(struct part *p)
{
    if (p->size - p->started < SYNC_BYTES)
        return;
    if (p->started > 0)
        (void)sync_file_range(p->fd, 0, p->started, SYNC_FILE_RANGE_WAIT_BEFORE);
    (void)sync_file_range(p->fd, p->started, p->size - p->started, SYNC_FILE_RANGE_WRITE);
    p->started = p->size;
}

int part_write(struct part *p, const void *data, size_t len)
{
    const uint8_t *at = data;
    bool hashing = p->hashed == p->size; /* else part_hash() comes to it */
    if ((int64_t)len > p->expected - p->size) {
        errno = ERANGE;
        return HX_ESYS;
    }
    while (len > 0) {
        ssize_t put = pwrite(p->fd, at, len, p->size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put < 0 ? errno : ENOSPC;
            return HX_ESYS;
        }
        if (hashing)
            file_sum_update(&p->digest, at, (size_t)put);
        p->size += put;
        p->hashed += hashing ? put : 0;
        at += put;
        len -= (size_t)put;
    }
    write_back(p);
    return HX_OK;
}

int part_skip(struct part *p, int64_t len)
{
    bool hashing = p->hashed == p->size;
    if (len > p->expected - p->size) {
        errno = ERANGE;
        return HX_ESYS;
    }
    if (ftruncate(p->fd, p->size + len) < 0)
        return HX_ESYS;
    if (hashing)
        file_sum_skip(&p->digest, len);
    p->size += len;
    p->hashed += hashing ? len : 0;
    return HX_OK;
}

int part_verify(struct part *p, const uint8_t sum[DIGEST_BYTES])
{
    uint8_t ours[DIGEST_BYTES];
    if (p->size != p->expected || p->hashed != p->size) {
        errno = ERANGE;
        return HX_ESYS;
    }
    int err = file_sum_final(&p->digest, ours);
    if (err < 0 || memcmp(ours, sum, DIGEST_BYTES) == 0)
        return err;
    (void)unlinkat(p->dir, p->name, 0);
    errno = EBADMSG;
    return HX_ESYS;
}

static int settle(const struct part *p, struct stat *st)
{
    struct timespec times[2];
    file_times(times, p->mtime_ns);
    bool done =
        fstat(p->fd, st) == 0 && fchmod(p->fd, st->st_mode & p->mode) == 0 && futimens(p->fd, times) == 0;
    return done ? HX_OK : HX_ESYS;
}

/* The directory's own disk must know the name, too. One that may not be read cannot be synced: nobody can. */
static int sync_directory(const struct part *p)
{
    int fd = openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? HX_OK : HX_ESYS;
    int err = disk_sync(fd);
    disk_close(fd);
    return err;
}

/* The target was examined; but what has come there since then is not replaced either. */
static int rename_part(const struct part *p)
{
    if (p->keep && renameat2(p->dir, p->name, p->dir, p->leaf, RENAME_NOREPLACE) == 0)
        return HX_OK;
    if (p->keep && errno != EINVAL && errno != ENOSYS) { /* these: this file system does not know the flag */
        errno = errno == EEXIST ? ENOTUNIQ : errno;
        return HX_ESYS;
    }
    return renameat(p->dir, p->name, p->dir, p->leaf) < 0 ? HX_ESYS : HX_OK;
}

/* In this order: a name never leads to what a crash could take away. */
static int give_name(const struct part *p, bool sync)
{
    if ((sync && disk_sync(p->fd) < 0) || examine_target(p) < 0 || rename_part(p) < 0)
        return HX_ESYS;
    return sync ? sync_directory(p) : HX_OK;
}

int part_commit(struct part *p, const uint8_t sum[DIGEST_BYTES])
{
    struct stat st;
    int err = part_verify(p, sum);
    if (err == HX_OK)
        err = settle(p, &st);
    return err == HX_OK ? give_name(p, true) : err;
}

int part_set_aside(struct part *p, struct part_aside *a)
{
    struct stat st;
    int err = settle(p, &st);
    if (err == HX_OK && fstat(p->fd, &st) < 0)
        err = HX_ESYS;
    (void)sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* what fails is told when it is taken up */
    close_fds(p);
    *a = (struct part_aside){st.st_dev, st.st_ino, st.st_ctim};
    return err;
}

/* Nobody has written to it, and nobody can while it is locked. */
static int recognize(struct part *p, const struct part_aside *a)
{
    struct stat st;
    p->fd = openat(p->dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (p->fd < 0 || flock(p->fd, LOCK_EX | LOCK_NB) < 0 || fstat(p->fd, &st) < 0)
        return HX_ESYS;
    if (st.st_dev == a->dev && st.st_ino == a->ino && st.st_size == p->expected &&
        st.st_ctim.tv_sec == a->changed.tv_sec && st.st_ctim.tv_nsec == a->changed.tv_nsec && is_ours(p, &st))
        return HX_OK;
    errno = EWOULDBLOCK;
    return HX_ESYS;
}

/* A write that has failed meanwhile is told here, whoever waited for it; other errors only say that this file
 * system does not know the call. */
static int was_written(const struct part *p)
{
    bool failed =
        sync_file_range(p->fd, 0, 0,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) < 0;
    return failed && (errno == EIO || errno == ENOSPC || errno == EDQUOT) ? HX_ESYS : HX_OK;
}

int part_take_up(int root, const struct file_entry *e, const struct part_aside *a, bool sync)
{
    struct part p;
    int err = locate(&p, root, e);
    if (err == HX_OK)
        err = recognize(&p, a);
    if (err == HX_OK && !sync)
        err = was_written(&p);
    if (err == HX_OK)
        err = give_name(&p, sync);
    close_fds(&p);
    return err;
}

void part_discard(struct part *p)
{
    struct stat st;
    int system = errno;
    if (p->fd >= 0 && fstat(p->fd, &st) == 0 && is_ours(p, &st))
        (void)unlinkat(p->dir, p->name, 0);
    errno = system;
    close_fds(p);
}

void part_close(struct part *p)
{
    if (p->size == 0)
        part_discard(p);
    else
        close_fds(p);
}
