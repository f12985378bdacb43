/* What a batch asks for: directories; files up to BATCH_FILE_MAX; of what may be there already the sum.
 * The rest it leaves to requests of their own (files_job.c). */
#include "client/files/files_parts.h"
#include "client/files/source.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void files_wait_again(struct files *f, size_t entry)
{
    size_t order = files_place(&f->plan, f->phase, entry);
    f->plan.entries[entry].state = PLAN_WAITING;
    if (order < f->batch.next)
        f->batch.next = order;
    if (order < f->next)
        f->next = order;
}

bool files_is_wanted(const struct files *f)
{
    const struct plan *p = &f->plan;
    enum files_phase phase = files_asks(f);
    size_t n = files_next_waiting(p, phase, f->batch.next);
    while (n < p->count && p->entries[files_place(p, phase, n)].alone)
        n = files_next_waiting(p, phase, n + 1);
    return n < p->count;
}

/* Whether a sum is to be compared before anything is moved. */
static bool may_be_there(struct files *f, const struct plan_entry *e)
{
    char path[PATH_TEXT_MAX];
    struct file_entry target;
    struct stat st;
    int fd;
    if (f->fresh || e->differs)
        return false;
    if (f->config.upload)
        return true;
    if (plan_describe(&f->plan, e, f->local, path, &target) < 0 || !files_seems_same(f, &target, &fd, &st))
        return false;
    close(fd);
    return true;
}

/* What is asked about an entry; 0: nothing, it takes a request of its own. */
static char question(struct files *f, const struct plan_entry *e)
{
    if (e->type == 'l' || (f->config.upload && e->type == 'f' && files_leaves(f) && !f->fresh))
        return 0;
    if (e->type == 'd')
        return f->phase == PHASE_MAKE ? 'd' : 'a';
    if (may_be_there(f, e))
        return e->size > BATCH_SUM_MAX ? 0 : 'h';
    if (e->size > BATCH_FILE_MAX)
        return 0;
    return f->config.upload ? 'p' : 'g';
}

/* The content of a file that is put. The plan follows it if it has changed; HX_EAGAIN: it is too big now. */
static int load(struct files *f, struct plan_entry *p)
{
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    struct stat st;
    int err = plan_describe(&f->plan, p, f->local, path, &e);
    if (err < 0)
        return err;
    int fd = source_open(f->root, path, &st, f->reach);
    if (fd < 0)
        return HX_ESYS;
    file_entry_from(&e, &st);
    if (e.size != p->size || e.mtime_ns != p->mtime_ns)
        plan_change(&f->plan, p, e.size, e.mtime_ns);
    p->mode = (uint16_t)e.mode;
    if (e.size <= BATCH_FILE_MAX)
        return outgoing_read_whole(fd, &st, f->batch.scratch);
    close(fd);
    return HX_EAGAIN;
}

/* Puts the question into words. As load(). */
static int word(struct files *f, struct plan_entry *p, char type)
{
    struct buf *out = &f->batch.io.out;
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    int err = type == 'p' ? load(f, p) : HX_OK;
    if (err == HX_OK)
        err = plan_describe(&f->plan, p, f->remote, path, &e);
    if (err < 0)
        return err;
    if (type == 'p' || type == 'g')
        files_tell(f, FILES_BEGUN, p, NULL);
    err = files_question(out, type, &e);
    if (err == HX_OK && type == 'p')
        err = buf_append(out, f->batch.scratch, (size_t)p->size + DIGEST_BYTES);
    if (err == HX_OK && type == 'p')
        f->state.moved += p->size;
    snprintf(f->state.name, sizeof f->state.name, "%s", plan_path(&f->plan, p));
    return err;
}

void files_leave_alone(struct files *f, size_t entry)
{
    f->plan.entries[entry].alone = true;
    files_wait_again(f, entry);
    files_kick(f, 0.);
}

static void ask_about(struct files *f, size_t entry)
{
    struct files_batch *b = &f->batch;
    struct plan_entry *p = &f->plan.entries[entry];
    char reason[FILES_REASON_MAX];
    char type = question(f, p);
    int err = type ? word(f, p, type) : HX_EAGAIN;
    int system = errno;
    size_t last = (b->first + b->count) % BATCH_ASKED_MAX;
    if (err == HX_EAGAIN) {
        files_leave_alone(f, entry);
    } else if (err < 0) {
        enum files_outcome outcome = files_local_error(reason, err, system);
        b->resting = files_waits(outcome);
        files_outcome(f, entry, outcome, reason);
    } else {
        p->state = PLAN_RUNNING;
        b->asked[last].entry = entry;
        b->asked[last].type = type;
        b->count++;
        b->sums += type == 'h';
    }
}

bool files_ask(struct files *f)
{
    struct files_batch *b = &f->batch;
    const struct plan *p = &f->plan;
    enum files_phase phase = files_asks(f);
    if (b->count == BATCH_ASKED_MAX || b->ended || b->resting || batch_io_write(&b->io, b->stream) != HX_OK)
        return false;
    while ((b->next = files_next_waiting(p, phase, b->next)) < p->count) {
        size_t i = files_place(p, phase, b->next++);
        if (p->entries[i].alone)
            continue;
        ask_about(f, i);
        return true;
    }
    return false;
}
