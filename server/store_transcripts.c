#include "server/store_transcripts.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/keyed_table.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME_MAX 200

struct file { /* in the table of all, by its name; there the oldest comes first */
    char name[FILE_NAME_MAX + sizeof STORE_TRANSCRIPT_END];
    int64_t bytes;
    bool torn; /* a piece of it could not be written: no more comes behind that */
    UT_hash_handle hh;
};

struct store_transcripts {
    int directory; /* -1: it could not be opened */
    char path[256];
    int64_t max_bytes, bytes;
    size_t count;
    struct file *files;
    bool is_trouble;
    int64_t told_ms; /* -1: never */
    char trouble[512];
};

static void note_trouble(struct store_transcripts *t, const char *what, const char *why)
{
    t->is_trouble = true;
    snprintf(t->trouble, sizeof t->trouble, "%.200s%s%.200s: %.60s", t->path, what[0] ? "/" : "", what, why);
}

const char *store_transcripts_trouble(struct store_transcripts *t)
{
    int64_t now_ms;

    if (!t || !t->is_trouble ||
        ((now_ms = clock_now_ms()) - t->told_ms < STORE_TRANSCRIPTS_TELL_MS && t->told_ms >= 0))
        return NULL;
    t->is_trouble = false;
    t->told_ms = now_ms;
    return t->trouble;
}

static struct file *find(struct store_transcripts *t, const char *name)
{
    struct file *f;

    HASH_FIND_STR(t->files, name, f);
    return f;
}

static struct file *add(struct store_transcripts *t, const char *name, int64_t bytes)
{
    struct file *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    snprintf(f->name, sizeof f->name, "%s", name);
    HASH_ADD_STR(t->files, name, f);
    if (!f->hh.tbl) {
        free(f);
        return NULL;
    }
    f->bytes = bytes;
    t->count++;
    t->bytes += bytes;
    return f;
}

static void forget(struct store_transcripts *t, struct file *f)
{
    t->bytes -= f->bytes;
    t->count--;
    HASH_DEL(t->files, f);
    free(f);
}

/* The one that is written may be the oldest: a bound is a bound. */
static void make_room(struct store_transcripts *t, int64_t bytes)
{
    struct file *f, *next;

    for (f = t->files;
         f && (t->count >= STORE_TRANSCRIPTS_FILES || (t->max_bytes > 0 && t->bytes + bytes > t->max_bytes));
         f = next) {
        next = f->hh.next;
        if (unlinkat(t->directory, f->name, 0) < 0 && errno != ENOENT) {
            note_trouble(t, f->name, strerror(errno));
            if (t->count < 2 * STORE_TRANSCRIPTS_FILES)
                return; /* nothing is gained by the others, either */
        }
        forget(t, f);
    }
}

static bool is_ours(const char *name)
{
    size_t len = strlen(name), end = strlen(STORE_TRANSCRIPT_END);

    return len > end && len - end <= FILE_NAME_MAX && strcmp(name + len - end, STORE_TRANSCRIPT_END) == 0;
}

static int by_name(const struct file *a, const struct file *b)
{
    return strcmp(a->name, b->name);
}

static void count_files(struct store_transcripts *t)
{
    int fd = openat(t->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    struct stat st;

    while (d && (e = readdir(d)) != NULL)
        if (is_ours(e->d_name) && fstatat(t->directory, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            (void)add(t, e->d_name, st.st_size);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    HASH_SORT(t->files, by_name);
    make_room(t, 0);
}

int store_transcripts_open(struct store_transcripts **out, const char *directory, int64_t max_bytes)
{
    struct store_transcripts *t = calloc(1, sizeof *t);

    if (!t)
        return HX_ENOMEM;
    *out = t;
    t->max_bytes = max_bytes;
    t->told_ms = -1;
    snprintf(t->path, sizeof t->path, "%s", directory);
    (void)mkdir(directory, 0700); /* mostly it is there; open() says why there is none */
    t->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->directory < 0)
        note_trouble(t, "", strerror(errno));
    else
        count_files(t);
    return HX_OK;
}

void store_transcripts_close(struct store_transcripts *t)
{
    if (!t)
        return;
    struct file *f = t->files, *next;
    HASH_CLEAR(hh, t->files); /* frees the table; the files keep their `next` */
    for (; f; f = next) {
        next = f->hh.next;
        free(f);
    }
    if (t->directory >= 0)
        close(t->directory);
    free(t);
}

/* Letters that no shell and no file system makes anything of. */
static bool is_name(struct store_bytes name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
    const char *c = name.data;

    for (size_t i = 0; i < name.len; i++)
        if (c[i] == '\0' || !strchr(letters, c[i]))
            return false;
    return name.len > 0 && name.len <= FILE_NAME_MAX && c[0] != '.' && c[0] != '-';
}

/* Opened for each piece: there may be as many transcripts at once as there are connections. */
static void append(struct store_transcripts *t, struct file *f, const void *data, size_t len, int flags)
{
    int fd = openat(t->directory, f->name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, data, len);

    if (n > 0) {
        f->bytes += n;
        t->bytes += n;
    }
    f->torn = n < (ssize_t)len;
    if (f->torn)
        note_trouble(t, f->name, n < 0 ? strerror(errno) : "no space left");
    if (fd >= 0)
        close(fd);
}

int store_transcripts_take(struct store_transcripts *t, const struct store_message *m)
{
    char name[FILE_NAME_MAX + sizeof STORE_TRANSCRIPT_END];

    if (!t || !is_name(m->name) || m->code < STORE_WRITE_BEGIN || m->code > STORE_WRITE_MORE)
        return HX_EPROTO;
    snprintf(name, sizeof name, "%.*s%s", (int)m->name.len, (const char *)m->name.data, STORE_TRANSCRIPT_END);
    if (t->directory < 0)
        return HX_OK;
    struct file *f = find(t, name);
    bool begins = m->code == STORE_WRITE_BEGIN;
    if (begins == (f != NULL)) /* it was the oldest, and has given way; or one of that name is there */
        return HX_OK;
    if (f && (f->torn || f->bytes + (int64_t)m->value.len > STORE_TRANSCRIPT_MAX))
        return HX_OK;
    make_room(t, (int64_t)m->value.len);
    if (begins)
        f = add(t, name, 0);
    else
        f = find(t, name);
    if (f)
        append(t, f, m->value.data, m->value.len, begins ? O_CREAT | O_EXCL : 0);
    return HX_OK;
}
