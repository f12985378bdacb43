#include "client/tool/lister.h"
#include "base/percent.h"
#include "base/printable.h"
#include "client/tool/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S    INT64_C(1000000000)
#define SIZE_TEXT   24 /* bytes of a size with its NUL */
#define SIZE_COLUMN 12 /* its width, where those that follow are not known */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file_entry *)a)->path, ((const struct file_entry *)b)->path);
}

static int size_text(char out[SIZE_TEXT], const struct file_entry *e)
{
    return e->type == 's' ? snprintf(out, SIZE_TEXT, "?") : snprintf(out, SIZE_TEXT, "%" PRId64, e->size);
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
        size_text(size, e);
        time_text(when, e);
        len = (size_t)snprintf(line, sizeof line, "%s %*s %s ", mode, column, size, when);
    }
    len += printable_name(line + len, sizeof line - len - 1, e->path);
    line[len++] = '\n';
    return l->line(l->user, line, len);
}

/* Seconds since 1970. What is there in bytes that are no text has them percent-encoded beside its name. */
static int json_line(const struct lister *l, const struct file_entry *e)
{
    char line[LISTER_LINE_MAX];
    bool exact;
    size_t len = (size_t)snprintf(line, sizeof line, "%s{\"name\":", l->written > 0 ? ",\n" : "[\n");
    len += json_string(line + len, e->path, &exact);
    if (!exact) {
        len += (size_t)snprintf(line + len, sizeof line - len, ",\"bytes\":\"");
        ssize_t put = percent_encode(line + len, sizeof line - len, e->path, "/");
        len += put > 0 ? (size_t)put : 0;
        line[len++] = '"';
    }
    len += (size_t)snprintf(line + len, sizeof line - len, ",\"type\":\"%s\"",
                            e->type == 'd'   ? "directory"
                            : e->type == 'f' ? "file"
                                             : "other");
    if (e->type != 's') {
        int64_t s = e->mtime_ns / NS_PER_S;
        int64_t ns = e->mtime_ns % NS_PER_S;
        len +=
            (size_t)snprintf(line + len, sizeof line - len,
                             ",\"mode\":\"%03o\",\"size\":%" PRId64 ",\"mtime\":%s%" PRId64 ".%09" PRId64,
                             e->mode, e->size, e->mtime_ns < 0 ? "-" : "", s < 0 ? -s : s, ns < 0 ? -ns : ns);
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
        qsort(l->kept, l->count, sizeof *l->kept, by_name);
    for (size_t i = 0; i < l->count; i++) {
        char size[SIZE_TEXT];
        int len = size_text(size, &l->kept[i]);
        column = len > column ? len : column;
    }
    for (size_t i = 0; i < l->count && err == HX_OK; i++)
        err = write_entry(l, &l->kept[i], column);
    lister_free(l);
    return err;
}

int lister_add(struct lister *l, const struct file_entry *e)
{
    if (strchr(e->path, '/'))
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
    if (!path)
        return HX_ENOMEM;
    l->kept[l->count] = *e;
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
    for (size_t i = 0; i < l->count; i++)
        free((char *)l->kept[i].path);
    free(l->kept);
    l->kept = NULL;
    l->count = 0;
}
