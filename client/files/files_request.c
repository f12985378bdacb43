/* Requests and answers of hx cp: the words of client/files/share.h. */
#include "base/clock.h"
#include "client/files/files_parts.h"
#include "client/files/share.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 32 /* bytes of "bytes=N-" with NUL */
#define FIELDS_MAX 16

int files_entry(struct files *f, const struct plan_entry *p, const char *base, char path[PATH_TEXT_MAX],
                struct file_entry *out)
{
    out->type = p->type;
    out->mode = p->mode;
    out->size = p->size;
    out->mtime_ns = p->mtime_ns;
    out->path = path;
    out->keep = p->keep;
    out->target = p->type == 'l' ? plan_target(&f->plan, p) : NULL;
    out->why = SKIP_UNSAID;
    return path_join(path, base, plan_path(&f->plan, p));
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

static void describe(struct words *w, enum files_task task, const struct file_entry *e, int64_t offset,
                     bool holes)
{
    snprintf(w->mode, sizeof w->mode, "%03o", e->mode);
    snprintf(w->size, sizeof w->size, "%" PRId64, e->size);
    snprintf(w->mtime, sizeof w->mtime, "%" PRId64, e->mtime_ns);
    snprintf(w->offset, sizeof w->offset, "%" PRId64, offset);
    snprintf(w->range, sizeof w->range, "bytes=%" PRId64 "-", offset);
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
    if (task == TASK_COMPARE || (task == TASK_GET && offset > 0))
        add(w, "range", w->range);
    if (task == TASK_GET || holes)
        add(w, "hx-holes", SHARE_HOLES);
}

static void add_links(struct words *w, const struct files *f, enum files_task task)
{
    bool tree = task == TASK_LIST || task == TASK_LOOK;
    if (task == TASK_LIST)
        add(w, "hx-listing", LISTING_VERSION);
    if (f->config.upload || f->config.links == LINKS_LEAVE)
        return;
    if (f->config.links == LINKS_FOLLOW)
        add(w, "hx-links", SHARE_LINKS_FOLLOW);
    else if (tree)
        add(w, "hx-links", SHARE_LINKS_COPY);
}

int files_request(struct files_job *j, int64_t offset, const struct mux_stream_events *events)
{
    struct words w = {.count = 0};
    struct files *f = j->files;
    bool whole = files_tasks[j->task].whole;
    char path[PATH_TEXT_MAX];
    struct file_entry e = {.path = f->remote};
    if (!whole && files_entry(f, &f->plan.entries[j->entry], f->remote, path, &e) < 0)
        return HX_ETOOBIG;
    memcpy(w.path, SHARE_PREFIX, sizeof SHARE_PREFIX);
    int err = path_encode(w.path + sizeof SHARE_PREFIX - 1, e.path);
    if (err < 0)
        return err;
    add(&w, ":method", files_tasks[j->task].method);
    add(&w, ":scheme", "hx");
    add(&w, ":authority", "hx");
    add(&w, ":path", w.path);
    if (e.target)
        err = path_encode(w.target, e.target);
    if (err < 0)
        return err;
    add_links(&w, f, j->task);
    if (!whole)
        describe(&w, j->task, &e, offset, j->outgoing && j->out.holes);
    if (j->task == TASK_PUT && f->config.copy.id[0]) {
        copy_name_format(w.copy, &f->config.copy, clock_now_ms());
        add(&w, COPY_NAME_FIELD, w.copy);
    }
    if (j->kind.keyed) {
        file_sum_format(w.sum, &j->kind);
        add(&w, FILE_SUM_FIELD, w.sum);
    }
    struct mux_message m = {.fields = w.fields, .count = w.count, .ended = j->task != TASK_PUT};
    return mux_request(f->mux, &j->stream, &m, events, j);
}

static const char *default_reason(int status)
{
    if (status == 404)
        return "does not exist there, or nothing is shared";
    return status == 413 || status == 414 || status == 431 ? "the path is too long for the peer"
                                                           : "the peer refuses it";
}

void files_answer(struct files_job *j, const struct mux_message *m)
{
    int64_t status = 0;
    const char *text = mux_field(m, ":status");
    const char *reason = mux_field(m, "hx-reason");
    if (!text || listing_number(&status, text, 100, 599) < 0)
        status = 500;
    j->status = (int)status;
    snprintf(j->reason, sizeof j->reason, "%s", reason ? reason : default_reason(j->status));
}

enum files_outcome files_verdict(int status, bool put)
{
    switch (status) {
    case 200:
    case 201:
    case 206:
        return OUTCOME_DONE;
    case 422:
        return OUTCOME_AGAIN;
    case 409: /* the part has another length than it had when we asked */
        return put ? OUTCOME_AGAIN : OUTCOME_FAILED;
    case 410:
        return put ? OUTCOME_OVER : OUTCOME_FAILED;
    case 423:
    case 429:
    case 503:
        return OUTCOME_BUSY;
    default:
        return OUTCOME_FAILED;
    }
}
