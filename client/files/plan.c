#include "client/files/plan.h"
#include <stdlib.h>
#include <string.h>

static int grow(struct plan *p)
{
    if (p->count < p->cap)
        return HX_OK;
    size_t cap = p->cap > 0 ? 2 * p->cap : 64;
    struct plan_entry *entries = realloc(p->entries, cap * sizeof *entries);
    if (!entries)
        return HX_ENOMEM;
    p->entries = entries;
    p->cap = cap;
    return HX_OK;
}

int plan_add(struct plan *p, const struct file_entry *e)
{
    if (p->count == 0)
        buf_init(&p->text, PLAN_TEXT_MAX);
    if (p->count == PLAN_ENTRIES_MAX || e->size > FILE_SIZE_MAX - p->bytes)
        return HX_ETOOBIG;
    int err = grow(p);
    size_t at = p->text.len;
    if (err == HX_OK)
        err = buf_append(&p->text, e->path, strlen(e->path) + 1);
    if (err == HX_OK && e->type == 'l')
        err = buf_append(&p->text, e->target, strlen(e->target) + 1);
    if (err < 0)
        return err;
    p->entries[p->count++] = (struct plan_entry){.path = at,
                                                 .size = e->size,
                                                 .mtime_ns = e->mtime_ns,
                                                 .mode = (uint16_t)e->mode,
                                                 .type = e->type,
                                                 .keep = e->keep};
    if (e->type == 'f') {
        p->files++;
        p->bytes += e->size;
    }
    return HX_OK;
}

const char *plan_path(const struct plan *p, const struct plan_entry *e)
{
    return buf_data(&p->text) + e->path;
}

const char *plan_target(const struct plan *p, const struct plan_entry *e)
{
    const char *path = plan_path(p, e);
    return path + strlen(path) + 1;
}

int plan_describe(const struct plan *p, const struct plan_entry *e, const char *base,
                  char path[PATH_TEXT_MAX], struct file_entry *out)
{
    *out = (struct file_entry){.type = e->type,
                               .mode = e->mode,
                               .size = e->size,
                               .mtime_ns = e->mtime_ns,
                               .path = path,
                               .target = e->type == 'l' ? plan_target(p, e) : NULL,
                               .keep = e->keep};
    return path_join(path, base, plan_path(p, e));
}

void plan_change(struct plan *p, struct plan_entry *e, int64_t size, int64_t mtime_ns)
{
    if (size - e->size > FILE_SIZE_MAX - p->bytes) /* only told to people: no need to be exact there */
        p->bytes = FILE_SIZE_MAX;
    else
        p->bytes += size - e->size;
    e->size = size;
    e->mtime_ns = mtime_ns;
}

void plan_cut(struct plan *p, size_t count)
{
    if (count == 0)
        plan_clear(p);
    if (count >= p->count)
        return;
    p->text.len = p->entries[count].path;
    for (size_t i = count; i < p->count; i++)
        if (p->entries[i].type == 'f') {
            p->files--;
            p->bytes -= p->entries[i].size;
        }
    p->count = count;
}

void plan_clear(struct plan *p)
{
    free(p->entries);
    buf_free(&p->text);
    memset(p, 0, sizeof *p);
}
