/* What is copied from one peer to another one, and where to: the rules of cp. */
#include "client/files/between_parts.h"
#include "client/files/repeats.h"
#include <stdlib.h>
#include <string.h>

#define NO_LINKS "the other peer's version takes no symbolic links"

void between_source_fails(struct between *b, struct between_source *s, enum between_side side,
                          const char *reason)
{
    const char *path = side == BETWEEN_FROM ? s->from : s->to ? s->to : b->target;
    s->out = true;
    b->state.failed++;
    between_report(b, side, path, reason);
    between_tell(b, FILES_FAILED, path, reason);
}

/* As it was written: no path here is what the user calls it. */
static int refuse(struct between *b, const char *written, int error)
{
    const struct files_config *c = &b->config.copies.each;
    c->report(c->user, written, files_path_reason(error));
    between_tell(b, FILES_FAILED, written, "is no path there");
    b->state.failed++;
    return error;
}

/* Each one's `before`. */
static int compare_leaves(struct between *b)
{
    const char **names = calloc(b->count, sizeof *names);
    size_t *before = calloc(b->count, sizeof *before);
    for (size_t i = 0; names && i < b->count; i++)
        names[i] = b->sources[i].out || !b->sources[i].leaf[0] ? NULL : b->sources[i].leaf;
    int err = names && before ? repeats_find(before, names, b->count) : HX_ENOMEM;
    for (size_t i = 0; err == HX_OK && i < b->count; i++)
        b->sources[i].before = before[i] == REPEATS_NONE ? NULL : &b->sources[before[i]];
    free(names);
    free(before);
    return err;
}

/* HX_ENOMEM; what is wrong with its path was reported. */
static int add_source(struct between *b, struct between_source *s, const char *written)
{
    char from[PATH_TEXT_MAX], leaf[PATH_NAME_MAX + 1];
    int err = path_clean(from, written, &s->slash);
    if (err == HX_OK)
        err = path_written_leaf(leaf, written);
    s->out = err < 0;
    if (s->out) {
        (void)refuse(b, written, err);
        return HX_OK;
    }
    s->from = strdup(from);
    s->leaf = strdup(leaf);
    return s->from && s->leaf ? HX_OK : HX_ENOMEM;
}

void between_sources_free(struct between *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct between_source *s = &b->sources[i];
        free(s->from);
        free(s->to);
        free(s->leaf);
        free(s->target);
    }
    free(b->sources);
}

int between_sources(struct between *b)
{
    const struct copies_config *c = &b->config.copies;
    int err = path_clean(b->target, c->each.remote, &b->to.slash);
    if (err < 0)
        return refuse(b, c->each.remote, err);
    b->to.slash = b->to.slash && b->target[0];
    b->sources = calloc(c->count, sizeof *b->sources);
    if (!b->sources)
        return HX_ENOMEM;
    b->count = c->count;
    for (size_t i = 0; i < c->count && err == HX_OK; i++)
        err = add_source(b, &b->sources[i], c->sources[i]);
    return err == HX_OK ? compare_leaves(b) : err;
}

void between_looked(struct between *b, const struct between_job *j, int status, const struct file_entry *e)
{
    if (j->entry != BETWEEN_TARGET) {
        b->sources[j->entry].base = *e;
        return;
    }
    b->to.exists = status == 200;
    b->to.into = b->to.exists && e->type == 'd';
}

/* NULL: nothing is wrong with it. */
static const char *refusal(const struct between *b, const struct between_source *s)
{
    bool directory = s->base.type == 'd';
    bool same = strcmp(b->config.names[BETWEEN_FROM], b->config.names[BETWEEN_TO]) == 0;
    size_t len = strlen(s->from);
    if ((s->slash || !s->from[0]) && !directory)
        return "is no directory";
    if (same && strcmp(s->from, s->to) == 0)
        return "is the same file";
    if (same && directory && strncmp(s->from, s->to, len) == 0 && (len == 0 || s->to[len] == '/'))
        return "a directory is not copied into itself";
    if (s->base.type == 'l' && !b->ends[BETWEEN_TO].offers.links)
        return NO_LINKS;
    return NULL;
}

/* In the order of the sources: so one step back leads to one that is copied. */
static void skip_what_is_out(struct between_source *s)
{
    if (s->before && s->before->out)
        s->before = s->before->before;
}

static void choose(struct between *b, struct between_source *s)
{
    const char *why = files_target_refusal(&b->to, s->base.type == 'd');
    char to[PATH_TEXT_MAX];
    int err = path_join(to, b->target, b->to.into ? s->leaf : "");
    s->fresh = !b->to.exists;
    s->to = strdup(err == HX_OK ? to : "");
    if (!s->to || why) {
        between_source_fails(b, s, BETWEEN_TO, why ? why : hx_error_text(HX_ENOMEM));
        return;
    }
    if (err < 0)
        why = "the path is too long";
    if (!why)
        why = s->before ? "not copied: an earlier one has the same name" : refusal(b, s);
    if (why)
        between_source_fails(b, s, BETWEEN_FROM, why);
}

void between_choose(struct between *b)
{
    b->to.must = b->config.copies.each.into || b->count > 1;
    const char *why = b->to.must ? files_target_refusal(&b->to, false) : NULL;
    for (size_t i = 0; i < b->count; i++) {
        skip_what_is_out(&b->sources[i]);
        if (b->sources[i].out)
            continue;
        b->sources[i].out = why;
        b->state.failed += why != NULL;
        if (!why)
            choose(b, &b->sources[i]);
    }
    if (!why)
        return;
    between_report(b, BETWEEN_TO, b->target, why);
    between_tell(b, FILES_FAILED, b->target, why);
}

int between_listed(void *between, const struct file_entry *e)
{
    struct between *b = between;
    const struct files_config *c = &b->config.copies.each;
    const struct between_source *s = &b->sources[b->listing];
    char from[PATH_TEXT_MAX], name[PATH_TEXT_MAX];
    b->state.steps++;
    enum files_fate fate = files_fate(c, e, b->ends[BETWEEN_TO].offers.links, &b->uncounted);
    if (path_join(from, s->from, e->path) < 0 || path_join(name, s->leaf, e->path) < 0)
        return fate == FATE_EXCLUDED ? HX_OK : HX_ETOOBIG;
    switch (fate) {
    case FATE_COPIED:
        return plan_add(&b->plan, e);
    case FATE_EXCLUDED:
        between_tell(b, FILES_SKIPPED, name, "excluded");
        break;
    case FATE_LINK:
        if (c->link)
            c->link(c->user, from);
        between_tell(b, FILES_SKIPPED, name, "a symbolic link");
        break;
    case FATE_SKIPPED:
        between_report(b, BETWEEN_FROM, from, files_skip_reason(e->why));
        between_tell(b, FILES_SKIPPED, name, files_skip_reason(e->why));
        break;
    case FATE_REFUSED:
        b->state.failed++;
        between_report(b, BETWEEN_FROM, from, NO_LINKS);
        break;
    }
    return HX_OK;
}
