#include "client/files/share_items.h"
#include "client/files/disk.h"
#include "client/files/share_job.h"
#include "client/files/source.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOP_MODE 0755 /* of the directory that is none */

struct share_item {
    char *name;   /* in the share */
    size_t place; /* of its path among those that were given */
    int fd;       /* O_PATH: of the directory itself, or of the one that the file is in */
    bool owns;    /* the item before has the same one otherwise */
    char *leaf;   /* of the file there; NULL: it is a directory */
};

struct share_items { /* by their names */
    size_t count;
    struct timespec opened;
    struct share_item items[];
};

void share_items_free(struct share_items *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].owns)
            close(all->items[i].fd);
        free(all->items[i].name);
        free(all->items[i].leaf);
    }
    free(all);
}

/* ---- making them ---- */

/* As it was written, or, of "." and "..", as the directory is called. */
static int name_of(char **out, const char *written, const char *real)
{
    char name[PATH_NAME_MAX + 1];
    int err = path_written_leaf(name, written);
    if (err == HX_OK && name[0] == '\0')
        err = path_written_leaf(name, real);
    if (err < 0 || name[0] == '\0' || path_is_part(name))
        return HX_EINVAL;
    *out = strdup(name);
    return *out ? HX_OK : HX_ENOMEM;
}

static int open_item(struct share_item *item, const char *real, const struct share_item *before)
{
    struct stat st, here, there;
    if (stat(real, &st) < 0)
        return HX_ESYS;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        errno = ENXIO;
        return HX_ESYS;
    }
    const char *slash = strrchr(real, '/'); /* an absolute path has one */
    char *directory = S_ISDIR(st.st_mode) ? strdup(real) : strndup(real, (size_t)(slash - real) + 1);
    item->leaf = S_ISDIR(st.st_mode) ? NULL : strdup(slash + 1);
    if (!directory || (!item->leaf && !S_ISDIR(st.st_mode))) {
        free(directory);
        return HX_ENOMEM;
    }
    item->fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (item->fd < 0)
        return HX_ESYS;
    /* Of thousands of files in one directory each does not need a descriptor of its own. */
    item->owns = !before || fstat(before->fd, &there) < 0 || fstat(item->fd, &here) < 0 ||
                 here.st_dev != there.st_dev || here.st_ino != there.st_ino;
    if (!item->owns) {
        close(item->fd);
        item->fd = before->fd;
    }
    return HX_OK;
}

static int add(struct share_items *all, const char *path)
{
    struct share_item item = {.fd = -1, .place = all->count};
    char *real = realpath(path, NULL);
    int err = real ? name_of(&item.name, path, real) : HX_ESYS;
    if (err == HX_OK)
        err = open_item(&item, real, all->count > 0 ? &all->items[all->count - 1] : NULL);
    int system = errno;
    free(real);
    if (err == HX_OK) {
        all->items[all->count++] = item;
    } else {
        free(item.name);
        free(item.leaf);
    }
    errno = system;
    return err;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct share_item *)a)->name, ((const struct share_item *)b)->name);
}

/* The later one of two paths with the same base name; all->count: there are none. */
static size_t twice(const struct share_items *all)
{
    for (size_t i = 1; i < all->count; i++) {
        const struct share_item *a = &all->items[i - 1], *b = &all->items[i];
        if (by_name(a, b) == 0)
            return a->place > b->place ? a->place : b->place;
    }
    return all->count;
}

int share_open_paths(struct share **out, char *const *paths, size_t count, size_t *bad)
{
    struct share *s = calloc(1, sizeof *s);
    struct share_items *all = calloc(1, sizeof *all + count * sizeof *all->items);
    int err = s && all ? HX_OK : HX_ENOMEM;
    *bad = 0;
    for (size_t i = 0; err == HX_OK && i < count; i++) {
        err = add(all, paths[i]);
        *bad = i;
    }
    int system = errno;
    if (err == HX_OK) {
        qsort(all->items, all->count, sizeof *all->items, by_name);
        *bad = twice(all);
        err = *bad < count ? HX_ECONFLICT : HX_OK;
    }
    if (err < 0) {
        share_items_free(all);
        free(s);
        errno = system;
        return err;
    }
    clock_gettime(CLOCK_REALTIME, &all->opened);
    s->root = -1;
    s->items = all;
    *out = s;
    return HX_OK;
}

/* ---- using them ---- */

/* The item that a path begins with, and the rest of the path. NULL: errno. */
static const struct share_item *find(const struct share_items *all, const char *path, const char **rest)
{
    char name[PATH_NAME_MAX + 1];
    struct share_item wanted = {.name = name};
    size_t len = strcspn(path, "/");
    errno = ENOENT;
    if (len >= sizeof name)
        return NULL;
    memcpy(name, path, len);
    name[len] = '\0';
    const struct share_item *found = bsearch(&wanted, all->items, all->count, sizeof *all->items, by_name);
    *rest = path + len + (path[len] == '/');
    if (found && found->leaf && **rest) {
        errno = ENOTDIR;
        return NULL;
    }
    return found;
}

/* The descriptor beneath which it is at *path, as that is written then. -1: errno. */
static int locate(const struct share *s, const char **path, enum reach *reach)
{
    if (!s->items)
        return s->root;
    const struct share_item *item = find(s->items, *path, path);
    if (item && item->leaf) {
        *path = item->leaf;
        *reach = REACH_PLAIN;
    }
    return item ? item->fd : -1;
}

int share_file(const struct share *s, const char *path, enum reach reach, struct stat *st)
{
    if (s->items && path[0] == '\0') {
        errno = EISDIR;
        return -1;
    }
    int root = locate(s, &path, &reach);
    return root < 0 ? -1 : source_open(root, path, st, reach);
}

int share_stat(const struct share *s, const char *path, enum reach reach, struct stat *st)
{
    if (s->items && path[0] == '\0') {
        *st = (struct stat){.st_mode = S_IFDIR | TOP_MODE, .st_mtim = s->items->opened};
        return HX_OK;
    }
    int root = locate(s, &path, &reach);
    return root < 0 || beneath_stat(root, path, st, reach) < 0 ? HX_ESYS : HX_OK;
}

int share_link(const struct share *s, const char *path, char target[PATH_TEXT_MAX], struct stat *st)
{
    enum reach reach = REACH_PLAIN;
    int root = locate(s, &path, &reach);
    return root < 0 ? HX_ESYS : link_read(root, path, target, st);
}

struct share_walk {
    struct walk *walk;               /* NULL: between two items */
    const struct share_items *items; /* NULL: one directory's */
    size_t next;
    struct share_walk_how how;
    char path[PATH_TEXT_MAX];
};

static int open_walk(struct share_walk *w, int root, const char *path, struct stat *st)
{
    enum reach reach = w->how.links == LINKS_FOLLOW ? REACH_INSIDE : REACH_PLAIN;
    int fd = beneath_reach(root, path, O_RDONLY | O_DIRECTORY, reach);
    if (fd >= 0 && fstat(fd, st) == 0) {
        int err = walk_create(&w->walk, fd);
        if (err == HX_OK && w->how.flat)
            walk_flat(w->walk);
        if (err == HX_OK && w->how.links == LINKS_COPY)
            walk_copies_links(w->walk);
        if (err == HX_OK && w->how.links == LINKS_FOLLOW)
            walk_follows_links(w->walk, root, path, reach);
        return err;
    }
    if (fd >= 0)
        disk_close(fd);
    return HX_ESYS;
}

static int begin_walk(struct share_walk *w, const struct share *s, const char *path, struct stat *st)
{
    const char *rest;
    if (!s->items)
        return open_walk(w, s->root, path, st);
    if (path[0] == '\0') {
        w->items = s->items;
        return share_stat(s, path, REACH_PLAIN, st);
    }
    const struct share_item *item = find(s->items, path, &rest);
    if (item && item->leaf)
        errno = ENOTDIR;
    return item && !item->leaf ? open_walk(w, item->fd, rest, st) : HX_ESYS;
}

int share_walk_create(struct share_walk **out, const struct share *s, const char *path,
                      const struct share_walk_how *how, struct stat *st)
{
    struct share_walk *w = calloc(1, sizeof *w);
    if (!w)
        return HX_ENOMEM;
    w->how = *how;
    int err = begin_walk(w, s, path, st);
    if (err < 0)
        free(w);
    else
        *out = w;
    return err;
}

/* The item itself; what is in it comes next. */
static void enter_item(struct share_walk *w, const struct share_item *item, struct file_entry *e)
{
    struct stat st;
    memset(e, 0, sizeof *e);
    e->type = 's';
    e->why = SKIP_UNREADABLE;
    e->path = item->name;
    int err = item->leaf || w->how.flat
                  ? beneath_stat(item->fd, item->leaf ? item->leaf : "", &st, REACH_PLAIN)
                  : open_walk(w, item->fd, "", &st);
    if (err >= 0)
        file_entry_from(e, &st);
    if (item->leaf && e->type != 'f')
        e->type = 's';
}

int share_walk_next(struct share_walk *w, struct file_entry *e)
{
    if (!w->items)
        return walk_next(w->walk, e);
    if (w->walk && walk_next(w->walk, e) == HX_OK) {
        const char *name = w->items->items[w->next - 1].name;
        if (path_join(w->path, name, e->path) < 0) {
            e->type = 's'; /* named by the item: nothing longer can be said */
            e->why = SKIP_DEEP;
            memcpy(w->path, name, strlen(name) + 1);
        }
        e->path = w->path;
        return HX_OK;
    }
    walk_destroy(w->walk);
    w->walk = NULL;
    if (w->next == w->items->count)
        return HX_EEOF;
    enter_item(w, &w->items->items[w->next++], e);
    return HX_OK;
}

void share_walk_destroy(struct share_walk *w)
{
    if (!w)
        return;
    walk_destroy(w->walk);
    free(w);
}

int64_t share_bytes(const struct share *s, uint64_t most)
{
    struct share_walk *w;
    struct stat st;
    struct file_entry e;
    int64_t bytes = 0;
    uint64_t entries = 0;
    const struct share_walk_how how = {.links = LINKS_LEAVE};
    if (share_walk_create(&w, s, "", &how, &st) < 0)
        return HX_ESYS;
    while (entries <= most && share_walk_next(w, &e) == HX_OK) {
        bytes += e.type == 'f' ? e.size : 0;
        entries++;
    }
    share_walk_destroy(w);
    return entries <= most ? bytes : HX_ELIMIT;
}
