#include "client/tool/lister.h"
#include "base/printable.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S    INT64_C(1000000000)
#define SIZE_TEXT   24 /* bytes of a size with its NUL */
#define SIZE_COLUMN 12 /* its width, where those that follow are not known */

/* A link has as many bytes as its text. */
static int64_t size_of(const struct file_entry *e)
{
    return e->type == 'l' && e->target ? (int64_t)strlen(e->target) : e->size;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* As ls(1): the newest or largest first, what is equal by name. */
static int in_order(const void *one, const void *other, void *lister)
{
    const struct file_entry *a = one, *b = other;
    const struct lister *l = lister;
    int order = l->order == 't'   ? compare(b->mtime_ns, a->mtime_ns)
                : l->order == 'S' ? compare(size_of(b), size_of(a))
                                  : 0;
    if (order == 0)
        order = strcmp(a->path, b->path);
    return l->reverse ? -order : order;
}

/* As ls -h: rounded up, with a decimal below 10. */
static int human_text(char out[SIZE_TEXT], int64_t size)
{
    static const char units[] = "KMGTPE";
    int64_t unit = 1024;
    if (size < unit)
        return snprintf(out, SIZE_TEXT, "%" PRId64, size);
    const char *u = units;
    while (u[1] && size > 1023 * unit) {
        unit *= 1024;
        u++;
    }
    int64_t whole = size / unit, rest = size % unit;
    uint64_t tenths = (uint64_t)whole * 10 + ((uint64_t)rest * 10 + (uint64_t)unit - 1) / (uint64_t)unit;
    if (tenths < 100)
        return snprintf(out, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, *u);
    return snprintf(out, SIZE_TEXT, "%" PRId64 "%c", whole + (rest > 0), *u);
}

static int size_text(const struct lister *l, char out[SIZE_TEXT], const struct file_entry *e)
{
    if (e->type == 's')
        return snprintf(out, SIZE_TEXT, "?");
    return l->human ? human_text(out, size_of(e)) : snprintf(out, SIZE_TEXT, "%" PRId64, size_of(e));
}

/* As ls(1) writes it: "drwxr-x---". */
static void mode_text(char out[11], const struct file_entry *e)
{
    out[0] = e->type;
    if (e->type == 'f')
        out[0] = '-';
    else if (e->type == 's')
        out[0] = '?';
    for (int i = 0; i < 9; i++)
        out[1 + i] = '-';
    out[10] = '\0';
    for (int i = 0; i < 9; i++) {
        if (e->mode & 0400U >> i)
            out[1 + i] = "rwx"[i % 3];
    }
}

/* In local time, without what changes with age: ls --time-style=long-iso. */
static void time_text(char out[32], const struct file_entry *e)
{
    time_t seconds = (time_t)(e->mtime_ns / NS_PER_S) - (e->mtime_ns % NS_PER_S < 0);
    struct tm tm;
    if (e->type == 's' || !localtime_r(&seconds, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M", &tm) == 0)
        snprintf(out, 32, "%16s", "?");
}

static int text_line(const struct lister *l, const struct file_entry *e, int column)
{
    char line[LISTER_LINE_MAX];
    size_t len = 0;
    if (l->details) {
        char mode[11];
        char size[SIZE_TEXT];
        char when[32];
        mode_text(mode, e);
        size_text(l, size, e);
        time_text(when, e);
        len = (size_t)snprintf(line, sizeof line, "%s %*s %s ", mode, column, size, when);
    }
    len += printable_name(line + len, sizeof line - len - 8, e->path);
    if (l->details && e->type == 'l' && e->target) {
        len += (size_t)sprintf(line + len, " -> ");
        len += printable_name(line + len, sizeof line - len - 1, e->target);
    }
    line[len++] = '\n';
    return l->line(l->user, line, len);
}

/* Seconds since 1970. */
static int json_line(const struct lister *l, const struct file_entry *e)
{
    char line[LISTER_LINE_MAX];
    size_t len = (size_t)snprintf(line, sizeof line, "%s{", l->written > 0 ? ",\n" : "[\n");
    len += json_name(line + len, "name", e->path, "bytes");
    len += (size_t)snprintf(line + len, sizeof line - len, ",\"type\":\"%s\"",
                            e->type == 'd'   ? "directory"
                            : e->type == 'f' ? "file"
                            : e->type == 'l' ? "link"
                                             : "other");
    if (e->type == 'l' && e->target) {
        line[len++] = ',';
        len += json_name(line + len, "target", e->target, "target_bytes");
    }
    if (e->type != 's') {
        int64_t s = e->mtime_ns / NS_PER_S;
        int64_t ns = e->mtime_ns % NS_PER_S;
        len += (size_t)snprintf(line + len, sizeof line - len,
                                ",\"mode\":\"%03o\",\"size\":%" PRId64 ",\"mtime\":%s%" PRId64 ".%09" PRId64,
                                e->mode, size_of(e), e->mtime_ns < 0 ? "-" : "", s < 0 ? -s : s,
                                ns < 0 ? -ns : ns);
    }
    line[len++] = '}';
    return l->line(l->user, line, len);
}

static int write_entry(struct lister *l, const struct file_entry *e, int column)
{
    int err = l->json ? json_line(l, e) : text_line(l, e, column);
    l->written++;
    return err;
}

static int flush(struct lister *l)
{
    int column = l->unsorted ? SIZE_COLUMN : 1;
    int err = HX_OK;
    if (l->count > 0)
        qsort_r(l->kept, l->count, sizeof *l->kept, in_order, l);
    for (size_t i = 0; i < l->count; i++) {
        char size[SIZE_TEXT];
        int len = size_text(l, size, &l->kept[i]);
        column = len > column ? len : column;
    }
    for (size_t i = 0; i < l->count && err == HX_OK; i++)
        err = write_entry(l, &l->kept[i], column);
    lister_free(l);
    return err;
}

int lister_add(struct lister *l, const struct file_entry *e)
{
    if (!l->recursive && strchr(e->path, '/'))
        return HX_OK;
    if (!l->unsorted && l->count == LISTER_SORTED_MAX) {
        l->unsorted = true;
        int err = flush(l);
        if (err < 0)
            return err;
    }
    if (l->unsorted)
        return write_entry(l, e, SIZE_COLUMN);
    if (!l->kept)
        l->kept = calloc(LISTER_SORTED_MAX, sizeof *l->kept); /* whose pages are taken as they are used */
    char *path = l->kept ? strdup(e->path) : NULL;
    char *target = e->target ? strdup(e->target) : NULL;
    if (!path || (e->target && !target)) {
        free(path);
        free(target);
        return HX_ENOMEM;
    }
    l->kept[l->count] = *e;
    l->kept[l->count].target = target;
    l->kept[l->count++].path = path;
    return HX_OK;
}

int lister_end(struct lister *l)
{
    int err = flush(l);
    if (err < 0 || !l->json)
        return err;
    const char *end = l->written > 0 ? "\n]\n" : "[]\n";
    return l->line(l->user, end, strlen(end));
}

void lister_free(struct lister *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free((char *)l->kept[i].path);
        free((char *)l->kept[i].target);
    }
    free(l->kept);
    l->kept = NULL;
    l->count = 0;
}
