#include "server/store_files.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ERROR_MAX 512

/* Editors write another file and give it the name; so the directory is watched, and not the file, which would
 * be the old one for ever. A file that is being written is told of when it is closed. */
static bool watch_directory(struct store_files *f, const char *path)
{
    char copy[PATH_MAX];

    if (strlen(path) >= sizeof copy)
        return false;
    strcpy(copy, path);
    return inotify_add_watch(f->inotify, dirname(copy), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
}

/* Where a link leads may be another directory than before. The same one is watched only once. */
static void watch(struct store_files *f)
{
    char place[PATH_MAX];

    if (f->inotify < 0)
        return;
    if (f->beside)
        (void)watch_directory(f, f->beside); /* its other users are commands, which do without */
    if (f->auth)
        f->unwatched = watch_directory(f, f->auth) ? 0 : errno;
    if (f->auth && realpath(f->auth, place))
        (void)watch_directory(f, place);
}

void store_files_open(struct store_files *f, const char *config, const char *auth, const char *beside)
{
    *f = (struct store_files){
        .config = config, .auth = auth, .beside = beside, .inotify = -1, .first_ms = -1, .due_ms = -1};
    if (!auth && !beside)
        return;
    if (auth)
        (void)stat(auth, &f->auth_was);
    f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    f->unwatched = f->inotify < 0 && auth ? errno : 0;
    watch(f);
}

void store_files_note(struct store_files *f, int64_t now_ms)
{
    char events[4096];

    while (read(f->inotify, events, sizeof events) > 0) { /* which file it is, stat(2) will tell */
    }
    if (f->first_ms < 0)
        f->first_ms = now_ms;
    f->due_ms = now_ms + STORE_GATHER_MS;
    if (f->due_ms > f->first_ms + STORE_GATHER_MAX_MS)
        f->due_ms = f->first_ms + STORE_GATHER_MAX_MS;
}

int64_t store_files_due_ms(const struct store_files *f)
{
    return f->due_ms;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static int open_text(const char *path, struct stat *st, char error[ERROR_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO would be waited for */

    if (fd < 0 || fstat(fd, st) < 0) {
        snprintf(error, ERROR_MAX, "%.300s: cannot be opened: %s", path, strerror(errno));
    } else if (!S_ISREG(st->st_mode)) {
        snprintf(error, ERROR_MAX, "%.300s: is no regular file, and cannot be read again", path);
    } else if (st->st_size > STORE_TEXT_MAX) {
        snprintf(error, ERROR_MAX, "%.300s: is above %d bytes", path, STORE_TEXT_MAX);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return HX_ESYS;
}

/* `error` becomes "" unless it could not be read. */
static int send_text(const char *path, enum store_text which, struct stat *st, char error[ERROR_MAX],
                     store_files_send *send, void *user)
{
    int fd = open_text(path, st, error), err = HX_OK;
    char piece[STORE_VALUE_MAX];
    ssize_t n = 0;
    size_t all = 0;

    while (fd >= 0 && err == HX_OK && all <= STORE_TEXT_MAX && (n = read(fd, piece, sizeof piece)) > 0) {
        const struct store_message m = {.kind = STORE_PIECE, .code = which, .value = {piece, (size_t)n}};

        all += (size_t)n;
        err = send(user, &m);
    }
    if (n < 0)
        snprintf(error, ERROR_MAX, "%.300s: cannot be read: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

int store_files_read(struct store_files *f, int which, store_files_send *send, void *user)
{
    char error[ERROR_MAX] = "";
    struct stat st;
    int err = HX_OK;

    which &= (f->config ? STORE_TEXT_CONFIG : 0) | (f->auth ? STORE_TEXT_AUTH : 0);
    if (which & STORE_TEXT_CONFIG)
        err = send_text(f->config, STORE_TEXT_CONFIG, &st, error, send, user);
    if (err == HX_OK && (which & STORE_TEXT_AUTH) && !error[0]) {
        watch(f);
        err = send_text(f->auth, STORE_TEXT_AUTH, &st, error, send, user);
        if (!error[0])
            f->auth_was = st;
    }
    const struct store_message end = {.kind = STORE_READ_END, .code = which, .value = {error, strlen(error)}};
    return err == HX_OK ? send(user, &end) : err;
}

int store_files_look(struct store_files *f, store_files_send *send, void *user)
{
    struct stat now;

    f->first_ms = f->due_ms = -1;
    watch(f);
    /* Whoever has taken it away will bring it back; until then what was read last is what counts. */
    if (!f->auth || stat(f->auth, &now) < 0 || same_file(&now, &f->auth_was))
        return HX_OK;
    f->auth_was = now; /* one that cannot be read is told of once */
    return store_files_read(f, STORE_TEXT_AUTH, send, user);
}
