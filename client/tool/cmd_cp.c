/* hx cp SRC... DST: the sources or DST are NAME:PATH, in the directory that hx bind NAME --share offers;
 * if both are, what one peer gives goes to the other one. */
#include "base/clock.h"
#include "client/files/between.h"
#include "client/files/expand.h"
#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/copying.h"
#include "client/tool/cp_json.h"
#include "client/tool/cp_pipe.h"
#include "client/tool/cp_stream.h"
#include "client/tool/keyfile.h"
#include "client/tool/left_links.h"
#include "client/tool/program.h"
#include "client/tool/ui.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cp_side {
    struct cp *cp;
    struct reconnector *reconnector;
};

struct cp {
    struct ev_loop *loop;
    const struct args *args;
    char **sources;        /* as given, without "NAME:" */
    struct expand *expand; /* of patterns among them; NULL: there are none */
    struct copies_config config;
    struct copies *copies;               /* NULL: it is not known yet of what */
    struct between *between;             /* instead, if there are two peers, or one is both */
    struct cp_side sides[BETWEEN_SIDES]; /* BETWEEN_TO alone, if there is one peer */
    int connected;                       /* reconnectors that are not over */
    struct copying copying;
    ev_io interrupt;
    bool finishing;
    bool nothing;  /* the patterns are expanded, and there is nothing to copy, or it cannot be begun */
    size_t failed; /* patterns that match nothing, and the like */
    int64_t json_ms;
    struct left_links links;
};

static void give_up(void *user)
{
    struct cp *c = user;
    c->finishing = true;
    ev_break(c->loop, EVBREAK_ALL);
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    give_up(w->data);
}

static void on_state(void *user, struct files_state *out)
{
    struct cp *c = user;
    *out = (struct files_state){.over = c->nothing};
    if (c->between)
        between_state(c->between, out);
    else if (c->copies)
        copies_state(c->copies, out);
    out->failed += c->failed;
}

static void on_look(void *user, const struct files_state *s)
{
    struct cp *c = user;
    cp_json_now_and_then(&c->copying, s, &c->json_ms);
}

static void on_told(void *user, enum files_event event, const char *path, int64_t size, const char *reason)
{
    static const char *const events[] = {[FILES_BEGUN] = "begin",
                                         [FILES_DONE] = "done",
                                         [FILES_LEFT] = "left",
                                         [FILES_SKIPPED] = "skipped",
                                         [FILES_FAILED] = "failed"};
    (void)user;
    cp_json_file(events[event], path, size, reason);
}

static void on_report(void *user, const char *path, const char *reason)
{
    copying_report(&((struct cp *)user)->copying, path, reason);
}

static void on_link(void *user, const char *path)
{
    left_links_add(&((struct cp *)user)->links, path);
}

static void on_would(void *user, const char *path, bool directory)
{
    char name[SAY_NAME_MAX];
    if (((struct cp *)user)->args->json) {
        char shown[PATH_TEXT_MAX + 1];
        snprintf(shown, sizeof shown, "%s%s", path, directory ? "/" : "");
        cp_json_file("would", shown, -1, NULL);
        return;
    }
    printable_name(name, sizeof name, path);
    printf("%s%s\n", name, directory ? "/" : "");
}

static void on_done(void *user)
{
    struct cp *c = user;
    c->finishing = true;
    for (int i = 0; i < BETWEEN_SIDES; i++)
        if (c->sides[i].reconnector)
            reconnector_leave(c->sides[i].reconnector);
}

/* The peer of this side is that of the other one, too. */
static bool is_both(const struct cp_side *side)
{
    return !side->cp->sides[BETWEEN_FROM].reconnector;
}

static void attach(struct cp_side *side, struct link *l)
{
    struct cp *c = side->cp;
    if (c->copies)
        copies_attach(c->copies, link_mux(l));
    for (int i = 0; c->between && i < BETWEEN_SIDES; i++)
        if (side == &c->sides[i] || is_both(side))
            between_attach(c->between, (enum between_side)i, link_mux(l));
}

/* Patterns are yet to be expanded, by the peer of this side. */
static bool is_expanding(const struct cp_side *side)
{
    const struct cp *c = side->cp;
    return !c->copies && !c->between && (side == &c->sides[BETWEEN_FROM] || is_both(side));
}

static void on_up(void *user, struct link *l)
{
    struct cp_side *side = user;
    struct cp *c = side->cp;
    if (!c->finishing && is_expanding(side))
        expand_attach(c->expand, link_mux(l));
    else if (!c->finishing)
        attach(side, l);
}

static void on_lost(void *user, int error)
{
    struct cp_side *side = user;
    struct cp *c = side->cp;
    if (is_expanding(side))
        expand_detach(c->expand);
    if (c->copies)
        copies_detach(c->copies);
    for (int i = 0; c->between && i < BETWEEN_SIDES; i++)
        if (side == &c->sides[i] || is_both(side))
            between_detach(c->between, (enum between_side)i);
    if (!c->finishing)
        say_note("the path is broken (%s), connecting again", hx_strerror(error));
}

/* One that gave up is the end of all. */
static void on_over(void *user, int error)
{
    struct cp *c = ((struct cp_side *)user)->cp;
    c->connected--;
    if (c->connected == 0 || error < 0 || !c->finishing)
        ev_break(c->loop, EVBREAK_ALL);
}

static int conclude(struct cp *c)
{
    const struct files_state *s = &c->copying.end;
    bool good = copying_conclude(&c->copying);
    if (c->args->json) {
        good = good && s->skipped == 0;
        return cp_json_summary(&c->copying, good, c->links.count) && good ? STATUS_OK : STATUS_FAILED;
    }
    if (!s->over || (c->nothing && s->failed > 0))
        return STATUS_FAILED;
    if (!c->args->quiet)
        left_links_tell(&c->links, c->args->links == 'P'
                                       ? ", leading out of what is copied"
                                       : " (-P copies them as links, -L what they lead to)");
    if (s->left > 0 && !c->args->quiet)
        say_always("%zu file%s left as %s there", s->left, s->left == 1 ? "" : "s",
                   s->left == 1 ? "it is" : "they are");
    if (!c->args->dry_run)
        copying_summarize(&c->copying);
    else if (!ui_printed())
        return STATUS_FAILED;
    return good && s->skipped == 0 ? STATUS_OK : STATUS_FAILED;
}

/* `keys`: NULL, or as reconnector_config has them. */
static int connect_side(struct cp *c, enum between_side side, const struct args *args, const char *keys)
{
    static const struct reconnector_events events = {.up = on_up, .lost = on_lost, .over = on_over};
    struct cp_side *s = &c->sides[side];
    const struct reconnector_config config = {
        .args = args, .keys = keys, .retry_ms = c->args->retry_for_s * 1000LL, .events = &events, .user = s};
    s->cp = c;
    int err = reconnector_create(&s->reconnector, c->loop, &config);
    c->connected += err == HX_OK;
    return err;
}

/* Keys that no option names are the same for both, and $HX_KEY can be read once. */
static int connect_both(struct cp *c)
{
    const struct args *from = c->args->from;
    char error[KEYFILE_ERROR_MAX];
    bool same = !from->key_file && !c->args->key_file;
    char *keys = same ? keyfile_load(c->args, error) : NULL;
    if (same && !keys) {
        say_error("%s", error);
        return HX_EAUTH;
    }
    int err = connect_side(c, BETWEEN_TO, c->args, keys);
    if (err == HX_OK)
        err = connect_side(c, BETWEEN_FROM, from, keys);
    keyfile_wipe(keys);
    return err;
}

static int run(struct cp *c)
{
    const struct args *from = c->args->from;
    bool two = from && strcmp(from->name, c->args->name) != 0;
    if ((two ? connect_both(c) : connect_side(c, BETWEEN_TO, c->args, NULL)) < 0)
        return STATUS_FAILED;
    c->copying.reconnector = c->sides[BETWEEN_TO].reconnector;
    ev_io_init(&c->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    c->interrupt.data = c;
    ev_io_start(c->loop, &c->interrupt);
    copying_begin(&c->copying);
    ev_run(c->loop, 0);
    int status = conclude(c);
    copying_end(&c->copying);
    ev_io_stop(c->loop, &c->interrupt);
    return status;
}

/* What is to be copied is known. */
static int begin(struct cp *c)
{
    const struct args *args = c->args;
    const struct between_config between = {.copies = c->config,
                                           .names = {args->from ? args->from->name : NULL, args->name}};
    return args->from ? between_create(&c->between, &between) : copies_create(&c->copies, &c->config);
}

/* The patterns are names now. */
static void on_expanded(void *user)
{
    struct cp *c = user;
    c->config.sources = expand_paths(c->expand, &c->config.count, &c->failed);
    c->config.each.into = c->config.each.into || c->config.count > 1;
    bool begun = c->config.count > 0 && begin(c) == HX_OK;
    if (!begun) {
        c->nothing = true;
        c->failed += c->config.count; /* why was told */
        on_done(c);
        return;
    }
    for (int i = 0; i < BETWEEN_SIDES; i++) {
        struct link *l = c->sides[i].reconnector ? reconnector_link(c->sides[i].reconnector) : NULL;
        if (l)
            attach(&c->sides[i], l);
    }
}

static void on_old_peer(void *user)
{
    struct cp *c = user;
    say_always("%s has a version of hx that knows no patterns: they are taken for names",
               c->args->from ? c->args->from->name : c->args->name);
}

static void on_unmatched(void *user, const char *path, const char *reason)
{
    struct cp *c = user;
    on_report(user, path, reason);
    if (c->args->json)
        cp_json_file("failed", path, -1, reason);
}

/* With patterns among the sources, what there is to copy is known once their peer has been asked. */
static int plan(struct cp *c, bool remote)
{
    const struct expand_config config = {.sources = c->sources,
                                         .count = c->config.count,
                                         .links = c->config.each.links,
                                         .link = on_link,
                                         .report = on_unmatched,
                                         .old = on_old_peer,
                                         .done = on_expanded,
                                         .user = c};
    if (remote && expand_is_needed(c->sources, c->config.count))
        return expand_create(&c->expand, &config);
    return begin(c);
}

/* `to`: the path in the peer's directory, or NULL for a download. */
static int copy(struct cp *c, const char *to)
{
    const struct args *args = c->args;
    bool remote = !to || args->from; /* the sources */
    for (int i = 0; i < args->source_count; i++)
        c->sources[i] = remote ? (char *)args_remote_path(args->sources[i]) : args->sources[i];
    c->config = (struct copies_config){.each = {.loop = c->loop,
                                                .upload = to,
                                                .local = args->target,
                                                .remote = to,
                                                .into = args->source_count > 1,
                                                .links = args->links == 'P'   ? LINKS_COPY
                                                         : args->links == 'L' ? LINKS_FOLLOW
                                                                              : LINKS_LEAVE,
                                                .link = on_link,
                                                .choice = {args->excludes, (size_t)args->exclude_count},
                                                .no_clobber = args->no_clobber,
                                                .update = args->update,
                                                .changes_ms = args->retry_for_s * INT64_C(1000),
                                                .would = args->dry_run ? on_would : NULL,
                                                .told = args->json ? on_told : NULL,
                                                .report = on_report,
                                                .done = on_done,
                                                .user = c},
                                       .sources = (const char *const *)c->sources,
                                       .count = (size_t)args->source_count};
    copy_name_make(&c->config.each.copy, clock_now_ms());
    int status = plan(c, remote) == HX_OK ? run(c) : STATUS_FAILED;
    for (int i = 0; i < BETWEEN_SIDES; i++) /* tells the streams of what was given up */
        reconnector_destroy(c->sides[i].reconnector);
    copies_destroy(c->copies);
    between_destroy(c->between);
    expand_destroy(c->expand);
    return status;
}

static int copy_files(const struct args *args)
{
    struct cp c = {.args = args,
                   .loop = link_loop_create(),
                   .sources = calloc((size_t)args->source_count, sizeof *c.sources)};
    int status = STATUS_FAILED;
    c.copying = (struct copying){.loop = c.loop,
                                 .args = args,
                                 .reports_max = UINT64_MAX, /* of what the user alone asks for */
                                 .state = on_state,
                                 .look = args->json ? on_look : NULL,
                                 .hidden = args->json,
                                 .stuck = give_up,
                                 .user = &c};
    if (c.loop && c.sources)
        status = copy(&c, args_remote_path(args->target));
    else
        ui_cannot_begin(c.loop ? HX_ENOMEM : HX_ESYS);
    free(c.sources);
    if (c.loop)
        ev_loop_destroy(c.loop);
    return status;
}

int cmd_cp(const struct args *args)
{
    int status = !cp_pipe_open(args)   ? STATUS_FAILED
                 : args->stream == 'i' ? cp_from_stdin(args)
                 : args->stream == 'o' ? cp_to_stdout(args)
                                       : copy_files(args);
    return interrupted() ? interrupt_status() : status;
}
