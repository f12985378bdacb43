/* hx cp SRC... DST: the sources or DST are NAME:PATH, in the directory that hx bind NAME --share offers. */
#include "base/clock.h"
#include "client/files/copies.h"
#include "client/forward/say.h"
#include "client/tool/left_links.h"
#include "client/tool/program.h"
#include "client/tool/progress.h"
#include "client/tool/reconnector.h"
#include "client/tool/ui.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH 80 /* of a terminal that does not say */

struct cp {
    struct ev_loop *loop;
    const struct args *args;
    struct copies *copies;
    struct reconnector *reconnector;
    ev_io interrupt;
    ev_timer tick; /* shows the progress, and notices that there is none */
    struct progress progress;
    int64_t begun_ms, step_ms; /* the latter: of the last sign of progress */
    uint64_t steps;
    bool bar;   /* a line is shown and redrawn */
    bool shown; /* it stands there now */
    bool finishing, stalled;
    bool waits; /* it was told that nothing goes on for now, and why */
    struct left_links links;
    int error; /* of the reconnector, once it is over */
};

static void erase(struct cp *c)
{
    if (c->shown)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    c->shown = false;
}

/* What the line ends with. */
static void say_what(const struct cp *c, const struct files_state *s, char out[SAY_NAME_MAX])
{
    const char *instead = s->over                             ? ""
                          : !reconnector_link(c->reconnector) ? "(connecting)"
                          : s->busy                           ? "(waiting)"
                                                              : NULL;
    if (instead)
        strcpy(out, instead);
    else if (s->name[0])
        printable_name(out, SAY_NAME_MAX, s->name);
    else
        out[0] = '\0';
}

static void show(struct cp *c, const struct files_state *s)
{
    char line[PROGRESS_LINE_MAX + 8] = "\r";
    char name[SAY_NAME_MAX];
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH;
    say_what(c, s, name);
    int len = 1 + progress_line(&c->progress, line + 1, columns, s->done, s->listed ? s->total : -1, name);
    len += snprintf(line + len, sizeof line - (size_t)len, "\033[K");
    (void)!write(STDERR_FILENO, line, (size_t)len);
    c->shown = true;
}

static void give_up(struct cp *c)
{
    c->finishing = true;
    ev_break(c->loop, EVBREAK_ALL);
}

/* A peer that lives and has all may have to hash what it held before. */
static int64_t patience_s(const struct cp *c, const struct files_state *s)
{
    bool works =
        s->peer_works && reconnector_link(c->reconnector) && c->args->retry_for_s < FILES_PEER_WORKS_S;
    return works ? FILES_PEER_WORKS_S : c->args->retry_for_s;
}

/* Once for each time that it waits; what lasts less than two looks is not worth a line. */
static void tell_of_waiting(struct cp *c, const struct files_state *s)
{
    bool waits = s->busy && s->steps == c->steps;
    if (waits && !c->waits) {
        erase(c);
        say_note("waiting, for at most %" PRId64 " s: %s", patience_s(c, s), s->busy_with);
    }
    c->waits = waits;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct cp *c = w->data;
    struct files_state s;
    (void)loop;
    (void)revents;
    copies_state(c->copies, &s);
    tell_of_waiting(c, &s);
    progress_update(&c->progress, clock_now_ms(), s.moved);
    if (c->bar)
        show(c, &s);
    if (s.steps != c->steps) {
        c->steps = s.steps;
        c->step_ms = clock_now_ms();
    } else if (clock_now_ms() - c->step_ms > patience_s(c, &s) * 1000 && !c->finishing) {
        c->stalled = true;
        give_up(c);
    }
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    give_up(w->data);
}

static void on_report(void *user, const char *path, const char *reason)
{
    char name[SAY_NAME_MAX];
    erase(user);
    printable_name(name, sizeof name, path);
    say_error("%s: %s", name, reason);
}

static void on_link(void *user, const char *path)
{
    left_links_add(&((struct cp *)user)->links, path);
}

static void on_would(void *user, const char *path, bool directory)
{
    char name[SAY_NAME_MAX];
    (void)user;
    printable_name(name, sizeof name, path);
    printf("%s%s\n", name, directory ? "/" : "");
}

static void on_done(void *user)
{
    struct cp *c = user;
    c->finishing = true;
    reconnector_leave(c->reconnector);
}

static void on_up(void *user, struct link *l)
{
    struct cp *c = user;
    if (!c->finishing)
        copies_attach(c->copies, link_mux(l));
}

static void on_lost(void *user, int error)
{
    struct cp *c = user;
    copies_detach(c->copies);
    erase(c);
    if (!c->finishing)
        say_note("the path is broken (%s), connecting again", hx_strerror(error));
}

static void on_over(void *user, int error)
{
    struct cp *c = user;
    c->error = error;
    ev_break(c->loop, EVBREAK_ALL);
}

/* One line about all of it. */
static void summarize(struct cp *c, const struct files_state *s)
{
    char bytes[16];
    char moved[16];
    char rate[16];
    char time[24];
    int64_t ms = clock_now_ms() - c->begun_ms;
    progress_bytes(bytes, (double)s->done);
    progress_bytes(moved, (double)s->moved);
    progress_bytes(rate, ms > 0 ? (double)s->moved * 1000 / (double)ms : 0);
    snprintf(time, sizeof time, "%.1f", (double)ms / 1000);
    if (s->moved < s->done)
        fprintf(stderr, "%zu file%s, %s whole and verified; %s of it moved in %s s, %s/s\n", s->files_done,
                s->files_done == 1 ? "" : "s", bytes, moved, time, rate);
    else
        fprintf(stderr, "%zu file%s, %s whole and verified in %s s, %s/s\n", s->files_done,
                s->files_done == 1 ? "" : "s", bytes, time, rate);
}

static int conclude(struct cp *c)
{
    struct files_state s;
    copies_state(c->copies, &s);
    erase(c);
    if (interrupted())
        say_error("interrupted; the same command goes on where it was");
    else if (c->stalled && s.busy)
        say_error("gave up after %" PRId64 " s: %s; the same command goes on where it was",
                  (clock_now_ms() - c->step_ms) / 1000, s.busy_with);
    else if (c->stalled)
        say_error("nothing has moved for %" PRId64 " s; the same command goes on where it was",
                  (clock_now_ms() - c->step_ms) / 1000);
    if (!s.over)
        return STATUS_FAILED;
    if (s.failed > 0)
        say_error("%zu could not be copied", s.failed);
    if (s.skipped > 0)
        say_error("%" PRIu64 " skipped: neither file nor directory, or not readable", s.skipped);
    if (!c->args->quiet)
        left_links_tell(&c->links, c->args->links == 'P'
                                       ? ", leading out of what is copied"
                                       : " (-P copies them as links, -L what they lead to)");
    if (s.left > 0 && !c->args->quiet)
        say_always("%zu file%s left as %s there", s.left, s.left == 1 ? "" : "s",
                   s.left == 1 ? "it is" : "they are");
    if (!c->args->quiet && !c->args->dry_run)
        summarize(c, &s);
    if (c->args->dry_run && !ui_printed())
        return STATUS_FAILED;
    return s.failed == 0 && s.skipped == 0 ? STATUS_OK : STATUS_FAILED;
}

static int run(struct cp *c)
{
    static const struct reconnector_events events = {.up = on_up, .lost = on_lost, .over = on_over};
    struct reconnector_config config = {
        .args = c->args, .retry_ms = c->args->retry_for_s * 1000LL, .events = &events, .user = c};
    ev_io_init(&c->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    ev_timer_init(&c->tick, on_tick, PROGRESS_EVERY_MS / 1000., PROGRESS_EVERY_MS / 1000.);
    c->interrupt.data = c->tick.data = c;
    c->begun_ms = c->step_ms = clock_now_ms();
    progress_begin(&c->progress, c->begun_ms, 0);
    int status = STATUS_FAILED;
    if (reconnector_create(&c->reconnector, c->loop, &config) == HX_OK) {
        ev_io_start(c->loop, &c->interrupt);
        ev_timer_start(c->loop, &c->tick);
        ev_run(c->loop, 0);
        status = conclude(c);
        ev_timer_stop(c->loop, &c->tick);
        ev_io_stop(c->loop, &c->interrupt);
    }
    return status;
}

/* `to`: the path in the peer's directory, or NULL for a download. */
static int copy(struct cp *c, const char *to, const char **sources)
{
    const struct args *args = c->args;
    for (int i = 0; i < args->source_count; i++)
        sources[i] = to ? args->sources[i] : args_remote_path(args->sources[i]);
    struct copies_config config = {.each = {.loop = c->loop,
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
                                            .report = on_report,
                                            .done = on_done,
                                            .user = c},
                                   .sources = sources,
                                   .count = (size_t)args->source_count};
    int status = STATUS_FAILED;
    if (copies_create(&c->copies, &config) == HX_OK)
        status = run(c);
    reconnector_destroy(c->reconnector); /* tells the streams of what was given up */
    copies_destroy(c->copies);
    return status;
}

int cmd_cp(const struct args *args)
{
    const char *to = args_remote_path(args->target);
    struct cp c = {
        .args = args, .loop = ev_loop_new(LINK_LOOP), .bar = !args->quiet && isatty(STDERR_FILENO)};
    const char **sources = calloc((size_t)args->source_count, sizeof *sources);
    int status = STATUS_FAILED;
    if (c.loop && sources)
        status = copy(&c, to, sources);
    else
        ui_cannot_begin(c.loop ? HX_ENOMEM : HX_ESYS);
    free(sources);
    if (c.loop)
        ev_loop_destroy(c.loop);
    return interrupted() ? interrupt_status() : status;
}
