/* Requests and answers of hx cp: the words of client/files/share.h. */
#include "base/clock.h"
#include "client/files/files_shared.h"
#include "client/files/share.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 32 /* bytes of "bytes=N-" with NUL */
#define FIELDS_MAX 16

static const struct {
    const char *method;
    bool whole;
} tasks[] = {[TASK_LOOK] = {"HEAD", true},       [TASK_LIST] = {"GET", true},  [TASK_MAKE] = {"PUT", false},
             [TASK_ATTRIBUTES] = {"PUT", false}, [TASK_LINK] = {"PUT", false}, [TASK_ASK] = {"HEAD", false},
             [TASK_COMPARE] = {"GET", false},    [TASK_GET] = {"GET", false},  [TASK_PUT] = {"PUT", false}};

bool files_is_whole(enum files_task task)
{
    return tasks[task].whole;
}

struct words { /* a request while it is put together */
    struct mux_field fields[FIELDS_MAX];
    size_t count;
    char path[sizeof SHARE_PREFIX + PATH_ENCODED_MAX];
    char target[PATH_ENCODED_MAX + 1];
    char mode[NUMBER_MAX], size[NUMBER_MAX], mtime[NUMBER_MAX], offset[NUMBER_MAX], range[NUMBER_MAX];
    char sum[FILE_SUM_TEXT];
    char copy[COPY_NAME_TEXT];
};

static void add(struct words *w, const char *name, const char *value)
{
    w->fields[w->count++] = (struct mux_field){name, value};
}

static void describe(struct words *w, const struct files_ask *a)
{
    const struct file_entry *e = a->e;
    enum files_task task = a->task;
    snprintf(w->mode, sizeof w->mode, "%03o", e->mode);
    snprintf(w->size, sizeof w->size, "%" PRId64, e->size);
    snprintf(w->mtime, sizeof w->mtime, "%" PRId64, e->mtime_ns);
    snprintf(w->offset, sizeof w->offset, "%" PRId64, a->offset);
    snprintf(w->range, sizeof w->range, "bytes=%" PRId64 "-", a->offset);
    if (task == TASK_MAKE || task == TASK_ATTRIBUTES)
        add(w, "hx-type", "directory");
    if (task == TASK_LINK)
        add(w, "hx-type", "link");
    if (task == TASK_LINK)
        add(w, "hx-target", w->target);
    if (task == TASK_MAKE || task == TASK_ATTRIBUTES || task == TASK_PUT || task == TASK_LINK)
        add(w, "hx-mode", w->mode);
    if (task == TASK_LINK || task == TASK_ATTRIBUTES || task == TASK_PUT || task == TASK_ASK)
        add(w, "hx-mtime", w->mtime);
    if (task == TASK_PUT || task == TASK_ASK)
        add(w, "hx-size", w->size);
    if (task == TASK_PUT)
        add(w, "hx-offset", w->offset);
    if (task == TASK_COMPARE || (task == TASK_GET && a->offset > 0))
        add(w, "range", w->range);
    if (a->holes)
        add(w, "hx-holes", SHARE_HOLES);
    if (task == TASK_PUT && a->copy && a->copy->id[0]) {
        copy_name_format(w->copy, a->copy, clock_now_ms());
        add(w, COPY_NAME_FIELD, w->copy);
    }
}

static void add_links(struct words *w, const struct files_ask *a)
{
    bool tree = a->task == TASK_LIST || a->task == TASK_LOOK;
    if (a->task == TASK_LIST)
        add(w, "hx-listing", LISTING_VERSION);
    if (a->links == LINKS_FOLLOW)
        add(w, "hx-links", SHARE_LINKS_FOLLOW);
    else if (a->links == LINKS_COPY && tree)
        add(w, "hx-links", SHARE_LINKS_COPY);
}

int files_ask_peer(struct mux *m, struct mux_stream **out, const struct files_ask *a,
                   const struct mux_stream_events *events, void *user)
{
    struct words w = {.count = 0};
    memcpy(w.path, SHARE_PREFIX, sizeof SHARE_PREFIX);
    int err = path_encode(w.path + sizeof SHARE_PREFIX - 1, a->e->path);
    if (err >= 0 && a->e->target)
        err = path_encode(w.target, a->e->target);
    if (err < 0)
        return err;
    add(&w, ":method", tasks[a->task].method);
    add(&w, ":scheme", "hx");
    add(&w, ":authority", "hx");
    add(&w, ":path", w.path);
    add_links(&w, a);
    if (!tasks[a->task].whole)
        describe(&w, a);
    if (a->kind && a->kind->keyed) {
        file_sum_format(w.sum, a->kind);
        add(&w, FILE_SUM_FIELD, w.sum);
    }
    const struct mux_message request = {.fields = w.fields, .count = w.count, .ended = a->task != TASK_PUT};
    return mux_request(m, out, &request, events, user);
}
