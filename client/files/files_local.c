/* This side's directory of hx cp. The user's own path may lead over symbolic links; below it none is
 * followed. */
#include "client/files/beneath.h"
#include "client/files/files_parts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WALK_BATCH 512 /* entries in one turn of the loop */

static int fail(struct files *f, const char *reason)
{
    files_fail(f, f->config.local, reason);
    return HX_ESYS;
}

/* The directory that `path` is in, as f->root. */
static int open_parent(struct files *f, const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    while (end > 0 && path[end - 1] != '/')
        end--;
    char *parent = end > 0 ? strndup(path, end) : strdup(".");
    if (!parent)
        return HX_ENOMEM;
    f->root = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    return f->root < 0 ? HX_ESYS : HX_OK;
}

static int open_source(struct files *f, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return HX_ESYS;
    file_entry_from(&f->base, &st);
    f->base.path = "";
    f->directory = f->base.type == 'd';
    if (f->base.type == 's') {
        errno = ENXIO;
        return HX_ESYS;
    }
    if (!f->directory) {
        memcpy(f->local, path_leaf(path), strlen(path_leaf(path)) + 1);
        return open_parent(f, path);
    }
    f->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return f->root < 0 ? HX_ESYS : HX_OK;
}

/* A source that is a link itself, and stays one. */
static bool is_link_source(const struct files *f)
{
    struct stat st;
    return f->config.links == LINKS_COPY && lstat(f->config.local, &st) == 0 && S_ISLNK(st.st_mode);
}

static int open_link(struct files *f)
{
    struct stat st;
    int err = path_written_leaf(f->leaf, f->config.local);
    if (err == HX_OK)
        err = open_parent(f, f->config.local);
    if (err == HX_OK)
        err = link_read(f->root, f->leaf, f->base_target, &st);
    if (err < 0)
        return err;
    memcpy(f->local, f->leaf, strlen(f->leaf) + 1);
    file_entry_from(&f->base, &st);
    f->base.type = 'l';
    f->base.path = "";
    f->base.target = f->base_target;
    return HX_OK;
}

static int open_resolved(struct files *f)
{
    char *real = realpath(f->config.local, NULL);
    int err = real ? path_written_leaf(f->leaf, f->config.local) : HX_ESYS;
    if (err == HX_OK)
        err = open_source(f, real);
    int system = errno;
    free(real);
    errno = system;
    return err;
}

int files_source(struct files *f)
{
    int err = is_link_source(f) ? open_link(f) : open_resolved(f);
    int system = errno;
    if (err == HX_OK)
        return HX_OK;
    return fail(f, err != HX_ESYS    ? hx_error_text(err)
                   : system == ENXIO ? "is neither a file nor a directory"
                                     : strerror(system));
}

int files_destination(struct files *f, bool directory)
{
    struct stat st;
    const char *local = f->config.local;
    size_t len = strlen(local);
    char leaf[PATH_NAME_MAX + 1] = "";
    bool exists = stat(local, &st) == 0;
    if (!exists && errno != ENOENT)
        return fail(f, strerror(errno));
    bool into = exists && S_ISDIR(st.st_mode);
    f->state.no_target = f->config.into && !into;
    if (exists && !into && (directory || f->config.into))
        return fail(f, "is no directory");
    if (!exists && (f->config.into || (!directory && len > 0 && local[len - 1] == '/')))
        return fail(f, "there is no such directory");
    if (path_written_leaf(leaf, into ? f->config.remote : local) < 0) /* of "src/." what is in it, as cp(1) */
        errno = ENAMETOOLONG;
    else if (into)
        f->root = open(local, O_PATH | O_DIRECTORY | O_CLOEXEC);
    else
        (void)open_parent(f, local);
    if (f->root < 0)
        return fail(f, strerror(errno));
    memcpy(f->local, leaf, strlen(leaf) + 1);
    f->make_base = directory && leaf[0];
    return HX_OK;
}

/* Opens the tree; the walk owns the descriptor. */
static int begin_walk(struct files *f)
{
    int fd = beneath_directory(f->root, f->local, O_RDONLY);
    int err = fd < 0 ? HX_ESYS : walk_create(&f->walk, fd);
    if (err < 0)
        return fail(f, err == HX_ESYS ? strerror(errno) : hx_error_text(err));
    if (f->config.links == LINKS_COPY)
        walk_copies_links(f->walk);
    if (f->config.links == LINKS_FOLLOW)
        walk_follows_links(f->walk, f->root, f->local, f->reach);
    return HX_OK;
}

int files_walk(struct files *f)
{
    struct file_entry e;
    int err = f->walk ? HX_OK : begin_walk(f);
    for (int i = 0; i < WALK_BATCH && err == HX_OK; i++) {
        err = walk_next(f->walk, &e);
        if (err != HX_OK)
            break;
        f->skipped += e.type == 's' && e.why != SKIP_PART;
        err = files_listed(f, &e);
    }
    if (err != HX_EEOF)
        return err == HX_OK ? HX_EAGAIN : err;
    walk_destroy(f->walk);
    f->walk = NULL;
    files_list_end(f, f->skipped);
    return HX_OK;
}

bool files_seems_same(struct files *f, const struct file_entry *e, int *fd, struct stat *st)
{
    struct file_entry there;
    int found = beneath_file(f->root, e->path, st);
    if (found < 0)
        return false;
    file_entry_from(&there, st);
    if (there.type == 'f' && there.size == e->size && there.mtime_ns == e->mtime_ns) {
        *fd = found;
        return true;
    }
    close(found);
    return false;
}
