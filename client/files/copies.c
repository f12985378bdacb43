#include "client/files/copies.h"
#include "client/files/repeats.h"
#include "client/files/turn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct copies {
    struct copies_config config;
    struct mux *mux;
    size_t *before; /* of each source, an earlier one of its name; NULL: there is one source (repeats.h) */
    size_t next;    /* source to be begun */
    size_t running; /* of these: */
    struct files *files[COPIES_AT_ONCE];
    struct files_state past; /* of those that are over, and of what could not be begun */
    bool known;              /* the destination is a directory */
    bool over;
    ev_timer turn; /* files are begun and destroyed in no callback of theirs */
};

static void wake(struct copies *c)
{
    turn_in(c->config.each.loop, &c->turn, 0.);
}

static void on_change(void *copies)
{
    wake(copies);
}

static void on_report(void *copies, const char *path, const char *reason)
{
    struct copies *c = copies;
    c->config.each.report(c->config.each.user, path, reason);
}

static void on_link(void *copies, const char *path)
{
    struct copies *c = copies;
    if (c->config.each.link)
        c->config.each.link(c->config.each.user, path);
}

static void on_would(void *copies, const char *path, bool directory)
{
    struct copies *c = copies;
    c->config.each.would(c->config.each.user, path, directory);
}

static void on_told(void *copies, enum files_event event, const char *path, int64_t size, const char *reason)
{
    struct copies *c = copies;
    c->config.each.told(c->config.each.user, event, path, size, reason);
}

static void add(struct files_state *sum, const struct files_state *s)
{
    sum->total += s->total;
    sum->done += s->done;
    sum->moved += s->moved;
    sum->files += s->files;
    sum->files_done += s->files_done;
    sum->left += s->left;
    sum->failed += s->failed;
    sum->skipped += s->skipped;
    sum->steps += s->steps;
    sum->listed = sum->listed && (s->listed || s->over);
    sum->peer_works = sum->peer_works || s->peer_works;
    if (s->busy && !s->over) {
        sum->busy = true;
        memcpy(sum->busy_with, s->busy_with, sizeof sum->busy_with);
    }
    if (s->name[0])
        memcpy(sum->name, s->name, sizeof sum->name);
}

/* The rest cannot be copied either. */
static void give_up(struct copies *c)
{
    c->past.failed += c->config.count - c->next;
    c->next = c->config.count;
}

static void refuse(struct copies *c, const char *source, const char *reason)
{
    on_report(c, source, reason);
    if (c->config.each.told)
        on_told(c, FILES_FAILED, source, -1, reason);
}

static void begin(struct copies *c)
{
    struct files_config config = c->config.each;
    const char *source = c->config.sources[c->next++];
    config.into_known = c->known;
    config.report = on_report;
    config.link = on_link;
    config.would = config.would ? on_would : NULL;
    config.told = config.told ? on_told : NULL;
    config.looked = config.done = on_change;
    config.user = c;
    if (config.upload)
        config.local = source;
    else
        config.remote = source;
    struct files *f = NULL;
    if (c->before && c->before[c->next - 1] != REPEATS_NONE)
        refuse(c, source, "not copied: an earlier one has the same name");
    else if (files_create(&f, &config) == HX_OK)
        c->files[c->running++] = f;
    else if (config.told)
        on_told(c, FILES_FAILED, source, -1, "cannot be copied");
    c->past.failed += !f;
    c->past.steps++;
    if (f && c->mux)
        files_attach(f, c->mux);
}

/* Those that are over leave. False: the next one has to wait for those that stay. */
static bool look(struct copies *c)
{
    struct files_state s;
    bool room = true;
    for (size_t i = 0; i < c->running;) {
        files_state(c->files[i], &s);
        c->known = c->known || (s.looked && !s.no_target);
        if (s.no_target || s.superseded)
            give_up(c);
        if (s.over) {
            add(&c->past, &s);
            files_destroy(c->files[i]);
            c->files[i] = c->files[--c->running];
            continue;
        }
        room = room && (s.single || !s.looked);
        i++;
    }
    return room && c->running < COPIES_AT_ONCE && (c->known || c->running == 0);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct copies *c = w->data;
    (void)loop;
    (void)revents;
    while (look(c) && c->next < c->config.count)
        begin(c);
    if (c->running > 0 || c->over)
        return;
    c->over = true;
    c->config.each.done(c->config.each.user);
}

static int compare_leaves(struct copies *c)
{
    size_t count = c->config.count;
    if (count < 2)
        return HX_OK;
    char(*leaves)[PATH_NAME_MAX + 1] = calloc(count, sizeof *leaves);
    const char **names = calloc(count, sizeof *names);
    c->before = calloc(count, sizeof *c->before);
    int err = leaves && names && c->before ? HX_OK : HX_ENOMEM;
    for (size_t i = 0; err == HX_OK && i < count; i++) /* what is wrong with a path files_create() says */
        if (path_written_leaf(leaves[i], c->config.sources[i]) == HX_OK && leaves[i][0])
            names[i] = leaves[i];
    if (err == HX_OK)
        err = repeats_find(c->before, names, count);
    free(names);
    free(leaves);
    return err;
}

/* So much can be told before anybody is connected to. */
static int check_target(struct copies *c)
{
    struct stat st;
    const struct files_config *each = &c->config.each;
    if (!each->into || each->upload)
        return HX_OK;
    int err = stat(each->local, &st);
    if (err == 0 && S_ISDIR(st.st_mode)) {
        c->known = true;
        return HX_OK;
    }
    each->report(each->user, each->local, err < 0 ? strerror(errno) : "is no directory");
    return HX_ESYS;
}

int copies_create(struct copies **out, const struct copies_config *config)
{
    struct copies *c = calloc(1, sizeof *c);
    int err = HX_ENOMEM;
    if (c) {
        c->config = *config;
        ev_timer_init(&c->turn, on_turn, 0., 0.);
        c->turn.data = c;
        err = compare_leaves(c);
    }
    if (err < 0)
        config->each.report(config->each.user, config->sources[0], hx_error_text(err));
    else
        err = check_target(c);
    if (err == HX_OK && config->count == 1) {
        begin(c);
        err = c->running == 1 ? HX_OK : HX_EINVAL;
    }
    if (err < 0) {
        copies_destroy(c);
        return err;
    }
    wake(c);
    *out = c;
    return HX_OK;
}

void copies_destroy(struct copies *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->running; i++)
        files_destroy(c->files[i]);
    ev_timer_stop(c->config.each.loop, &c->turn);
    free(c->before);
    free(c);
}

void copies_attach(struct copies *c, struct mux *m)
{
    c->mux = m;
    for (size_t i = 0; i < c->running; i++)
        files_attach(c->files[i], m);
}

void copies_detach(struct copies *c)
{
    c->mux = NULL;
    for (size_t i = 0; i < c->running; i++)
        files_detach(c->files[i]);
}

void copies_state(struct copies *c, struct files_state *out)
{
    struct files_state s;
    *out = c->past;
    out->busy = out->peer_works = false;
    out->listed = c->next == c->config.count;
    for (size_t i = 0; i < c->running; i++) {
        files_state(c->files[i], &s);
        add(out, &s);
    }
    out->over = c->over;
}
