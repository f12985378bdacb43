/* What of a tree is copied, and where to: the rules of cp. */
#include "client/files/files_shared.h"

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
