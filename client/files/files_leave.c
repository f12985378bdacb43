/* What of a tree is left out, and why; what is left as it is; what would be copied. */
#include "client/files/files_parts.h"
#include <sys/stat.h>

void files_tell(struct files *f, enum files_event event, const struct plan_entry *p, const char *reason)
{
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    if (f->config.told && p->type != 'd' && plan_describe(&f->plan, p, f->leaf, path, &e) == HX_OK)
        f->config.told(f->config.user, event, path, e.size, reason);
}

static void tell_skipped(struct files *f, const char *in_tree, const char *reason)
{
    char path[PATH_TEXT_MAX];
    if (f->config.told && path_join(path, f->leaf, in_tree) == HX_OK)
        f->config.told(f->config.user, FILES_SKIPPED, path, -1, reason);
}

static void leave_link(struct files *f, const struct file_entry *e)
{
    const char *source = f->config.upload ? f->config.local : f->config.remote;
    if (f->config.link)
        f->config.link(f->config.user, e->path[0] ? e->path : source);
    tell_skipped(f, e->path, "a symbolic link");
}

int files_listed(struct files *f, const struct file_entry *e)
{
    struct file_entry planned = *e;
    bool takes_links = !f->config.upload || f->offers.links;
    f->state.steps++;
    switch (files_fate(&f->config, e, takes_links, &f->uncounted)) {
    case FATE_COPIED:
        planned.keep = e->path[0] && f->config.listed && !f->config.listed(f->config.user, e);
        return plan_add(&f->plan, &planned);
    case FATE_EXCLUDED:
        tell_skipped(f, e->path, "excluded");
        break;
    case FATE_LINK:
        leave_link(f, e);
        break;
    case FATE_SKIPPED:
        files_report(f, e->path, files_skip_reason(e->why));
        tell_skipped(f, e->path, files_skip_reason(e->why));
        break;
    case FATE_REFUSED:
        f->state.failed++;
        files_report(f, e->path, "the peer's version takes no symbolic links");
        break;
    }
    return HX_OK;
}

void files_leave_here(struct files *f)
{
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    struct stat st;
    for (size_t i = 0; !f->config.upload && files_leaves(f) && i < f->plan.count; i++) {
        struct plan_entry *p = &f->plan.entries[i];
        if (p->type != 'f' || plan_describe(&f->plan, p, f->local, path, &e) < 0)
            continue;
        struct file_entry there;
        if (beneath_stat(f->root, path, &st, REACH_PLAIN) < 0)
            continue;
        file_entry_from(&there, &st);
        files_leave(f, p, &there);
    }
}

void files_tell_what_would_be(struct files *f)
{
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    for (size_t i = 0; i < f->plan.count; i++) {
        const struct plan_entry *p = &f->plan.entries[i];
        if (p->state == PLAN_WAITING && plan_describe(&f->plan, p, f->leaf, path, &e) == HX_OK)
            f->config.would(f->config.user, path, p->type == 'd');
    }
}

bool files_leaves(const struct files *f)
{
    return f->config.no_clobber || f->config.update;
}

bool files_leave(struct files *f, struct plan_entry *p, const struct file_entry *there)
{
    if (!files_is_left(&f->config, p, there))
        return false;
    files_note_left(&f->state, &f->plan, p);
    files_tell(f, FILES_LEFT, p, NULL);
    return true;
}
