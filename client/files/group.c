#include "client/files/group.h"
#include "client/files/beneath.h"
#include "client/files/directory.h"
#include "client/files/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEW 4 /* are synced one by one: syncfs(2) waits for what others have written, too */

void group_note(struct group_member *m, int error)
{
    if (error >= 0 || m->error < 0)
        return;
    m->error = error;
    m->system = errno;
}

static void keep_entry(struct group_member *m, const struct file_entry *e)
{
    m->e = *e;
    m->e.path = m->path;
}

void group_put(struct group_member *m, int root, const struct file_entry *e, const uint8_t *data,
               const uint8_t sum[DIGEST_BYTES])
{
    struct part p;
    int err = part_open(&p, root, e);
    if (err < 0) {
        group_note(m, err);
        return;
    }
    err = part_begin(&p, 0);
    if (err == HX_OK)
        err = part_write(&p, data, (size_t)e->size);
    if (err == HX_OK)
        err = part_verify(&p, sum);
    if (err == HX_OK)
        err = part_set_aside(&p, &m->part);
    group_note(m, err);
    part_close(&p);
    keep_entry(m, e);
    m->kind = err < 0 ? MEMBER_NOTHING : MEMBER_FILE;
}

void group_settle(struct group_member *m, const struct file_entry *e)
{
    keep_entry(m, e);
    m->kind = MEMBER_DIRECTORY;
}

/* --- in the thread --- */

/* False: the members have to be synced one by one. */
static bool sync_all(const struct group *g)
{
    return g->sync_root >= 0 && syncfs(g->sync_root) == 0;
}

static int settle_directory(const struct group *g, const struct group_member *m, bool together, dev_t disk)
{
    struct stat st;
    int fd = directory_settle(g->root, m->path, m->e.mode, m->e.mtime_ns);
    if (fd < 0)
        return fd;
    bool reached = together && fstat(fd, &st) == 0 && st.st_dev == disk;
    int err = reached ? HX_OK : disk_sync(fd);
    disk_close(fd);
    return err;
}

/* In this order: a name never leads to what a crash could take away. */
static void commit(struct group *g)
{
    struct stat st = {0}; /* of the disk that sync_all() reaches */
    size_t files = 0;
    size_t directories = 0;
    for (size_t i = 0; i < g->count; i++) {
        files += g->members[i].kind == MEMBER_FILE;
        directories += g->members[i].kind == MEMBER_DIRECTORY;
    }
    bool together = files + directories > FEW && g->sync_root >= 0 && fstat(g->sync_root, &st) == 0 &&
                    (files == 0 || sync_all(g));
    for (size_t i = 0; i < g->count; i++) {
        struct group_member *m = &g->members[i];
        bool alone = !together || m->part.dev != st.st_dev;
        if (m->kind == MEMBER_FILE)
            group_note(m, part_take_up(g->root, &m->e, &m->part, alone));
    }
    for (size_t i = 0; i < g->count; i++) {
        struct group_member *m = &g->members[i];
        if (m->kind == MEMBER_DIRECTORY)
            group_note(m, settle_directory(g, m, together, st.st_dev));
    }
    if (!together || sync_all(g))
        return;
    errno = EIO;
    for (size_t i = 0; i < g->count; i++)
        if (g->members[i].kind != MEMBER_NOTHING)
            group_note(&g->members[i], HX_ESYS);
}

/* --- in the loop --- */

static void group_free(void *group)
{
    struct group *g = group;
    for (size_t i = 0; i < g->count; i++)
        free(g->members[i].path);
    if (g->sync_root >= 0)
        close(g->sync_root);
    if (g->root >= 0)
        close(g->root);
    free(g);
}

/* A descriptor of its own: the share may be closed while the thread is at work. */
static struct group *group_create(int root)
{
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->root = fcntl(root, F_DUPFD_CLOEXEC, 0);
    g->sync_root = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (g->root >= 0)
        return g;
    int saved = errno;
    group_free(g);
    errno = saved;
    return NULL;
}

static void run(void *group)
{
    commit(group);
}

/* The task is at its end: group_free() comes next. */
static void on_committed(void *group)
{
    struct group *g = group;
    struct committer *c = g->owner;
    c->running = NULL;
    c->task = NULL;
    c->done(c->user, g);
    committer_flush(c); /* what has come meanwhile */
}

static const struct task_ops ops = {.run = run, .done = on_committed, .drop = group_free};

void committer_init(struct committer *c, struct ev_loop *loop, int root,
                    void (*done)(void *user, const struct group *g), void *user)
{
    *c = (struct committer){.loop = loop, .root = root, .done = done, .user = user};
}

int committer_add(struct committer *c, struct group_member **out, const char *path)
{
    if (c->filling && c->filling->count == GROUP_MAX)
        committer_flush(c);
    if (c->filling && c->filling->count == GROUP_MAX)
        return HX_EAGAIN;
    if (!c->filling)
        c->filling = group_create(c->root);
    char *copy = c->filling ? strdup(path) : NULL;
    if (!copy)
        return HX_ENOMEM;
    struct group_member *m = &c->filling->members[c->filling->count++];
    *m = (struct group_member){.kind = MEMBER_NOTHING, .path = copy};
    *out = m;
    return HX_OK;
}

static bool has_work(const struct group *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->members[i].kind != MEMBER_NOTHING)
            return true;
    return false;
}

void committer_flush(struct committer *c)
{
    struct group *g = c->filling;
    if (!g || c->running || g->count == 0)
        return;
    c->filling = NULL;
    c->running = g;
    g->owner = c;
    if (has_work(g) && task_start(&c->task, c->loop, &ops, g) == HX_OK)
        return;
    commit(g); /* without a thread: here */
    on_committed(g);
    group_free(g);
}

bool committer_idle(const struct committer *c)
{
    return !c->running && (!c->filling || c->filling->count == 0);
}

void committer_end(struct committer *c)
{
    if (c->task)
        task_abandon(c->task);
    c->task = NULL;
    c->running = NULL;
    c->done = NULL;
    if (c->filling && has_work(c->filling) && task_start(&c->task, c->loop, &ops, c->filling) == HX_OK)
        task_abandon(c->task);
    else if (c->filling)
        group_free(c->filling);
    c->filling = NULL;
    c->task = NULL;
}
