/* What of a tree is left out, and why; what is left as it is; what would be copied. */
#include "client/files/files_parts.h"
#include <sys/stat.h>

static const char *const skip_reasons[] = {
    [SKIP_UNSAID] = "skipped: a symbolic link, a device, too deep, or not readable",
    [SKIP_LINK] = "skipped: a symbolic link that leads to nothing",
    [SKIP_DEVICE] = "skipped: neither file nor directory",
    [SKIP_DEEP] = "skipped: the path is too long, or more than 64 names deep",
    [SKIP_UNREADABLE] = "skipped: not readable",
    [SKIP_OUTSIDE] = "skipped: a symbolic link that leads out of the shared directory",
    [SKIP_LOOP] = "skipped: a symbolic link that leads to where it is",
    [SKIP_PART] = "left out: the name is that of a part, of what hx cp has not finished"};

const char *files_skip_reason(enum skip why)
{
    return skip_reasons[why];
}

const char *files_path_reason(int error)
{
    return error == HX_ETOOBIG ? "is too long: 4095 bytes in 64 names of 255 bytes at most"
                               : "paths begin in the peer's shared directory, and have no ..";
}

const char *files_target_refusal(const struct files_target *t, bool directory)
{
    if (t->exists && !t->into && (directory || t->slash || t->must))
        return "is no directory";
    return !t->exists && ((t->slash && !directory) || t->must) ? "there is no such directory" : NULL;
}

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

enum files_fate files_fate(const struct files_config *c, const struct file_entry *e, bool takes_links,
                           uint64_t *uncounted)
{
    bool counted = e->type == 's' && e->why != SKIP_PART;
    bool left = e->type == 's' && e->why == SKIP_LINK && c->links != LINKS_FOLLOW;
    bool excluded = choice_excludes(&c->choice, e->path);
    *uncounted += counted && (excluded || left);
    if (excluded)
        return FATE_EXCLUDED;
    if (left || (e->type == 'l' && (c->links != LINKS_COPY || !link_is_safe(e->path, e->target))))
        return FATE_LINK;
    if (e->type == 's')
        return FATE_SKIPPED;
    return e->type == 'l' && !takes_links ? FATE_REFUSED : FATE_COPIED;
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
