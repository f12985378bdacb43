#include "client/tool/copying.h"
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/tool/bar.h"
#include "client/tool/program.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the line ends with. */
static void say_what(const struct copying *c, const struct files_state *s, char out[SAY_NAME_MAX])
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

void copying_path(const struct copying *c, struct hx_path *out)
{
    if (link_path(reconnector_link(c->reconnector), out) < 0)
        out->kind[0] = '\0';
}

/* `how`: bar_draw() or bar_tell(). */
static void show(const struct copying *c, const struct files_state *s,
                 void (*how)(const struct progress *p, const struct progress_shown *shown))
{
    char name[SAY_NAME_MAX];
    struct hx_path path;
    copying_path(c, &path);
    say_what(c, s, name);
    const struct progress_shown shown = {
        .done = s->done, .total = s->listed ? s->total : -1, .path = path.kind, .name = name};
    how(&c->progress, &shown);
}

static void tell(struct copying *c, const struct files_state *s)
{
    show(c, s, bar_tell);
    c->told_ms = clock_now_ms();
}

/* A peer that lives and has all may have to hash what it held before. */
static int64_t patience_s(const struct copying *c, const struct files_state *s)
{
    bool works =
        s->peer_works && reconnector_link(c->reconnector) && c->args->retry_for_s < FILES_PEER_WORKS_S;
    return works ? FILES_PEER_WORKS_S : c->args->retry_for_s;
}

/* Once for each time that it waits; what lasts less than two looks is not worth a line. */
static void tell_of_waiting(struct copying *c, const struct files_state *s)
{
    bool waits = s->busy && s->steps == c->steps;
    if (waits && !c->waits && !c->args->quiet)
        say_always("waiting, for at most %" PRId64 " s: %s", patience_s(c, s), s->busy_with);
    c->waits = waits;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct copying *c = w->data;
    struct files_state s;
    (void)loop;
    (void)revents;
    if (c->paused)
        return;
    c->state(c->user, &s);
    tell_of_waiting(c, &s);
    progress_update(&c->progress, clock_now_ms(), s.moved);
    if (c->bar)
        show(c, &s, bar_draw);
    else if (c->plain && clock_now_ms() - c->told_ms >= PROGRESS_PLAIN_MS)
        tell(c, &s);
    if (s.steps != c->steps) {
        c->steps = s.steps;
        c->step_ms = clock_now_ms();
    } else if (c->stuck && clock_now_ms() - c->step_ms > patience_s(c, &s) * 1000 && !s.over && !c->stalled) {
        c->stalled = true;
        c->stuck(c->user);
    }
    if (c->look)
        c->look(c->user, &s);
}

static void on_asked(struct ev_loop *loop, ev_io *w, int revents)
{
    struct copying *c = w->data;
    struct files_state s;
    (void)loop;
    (void)revents;
    if (!progress_asked())
        return;
    c->state(c->user, &s);
    tell(c, &s);
}

void copying_pause(struct copying *c)
{
    say_erase();
    c->paused = true;
}

void copying_go(struct copying *c)
{
    c->begun_ms = c->step_ms = c->told_ms = clock_now_ms();
    progress_begin(&c->progress, c->begun_ms, 0);
    c->paused = false;
}

void copying_begin(struct copying *c)
{
    bool terminal = isatty(STDERR_FILENO);
    c->bar = terminal && !c->args->quiet && !c->hidden;
    c->plain = !terminal && !c->args->quiet && !c->hidden;
    copying_go(c);
    ev_timer_init(&c->tick, on_tick, PROGRESS_EVERY_MS / 1000., PROGRESS_EVERY_MS / 1000.);
    c->tick.data = c;
    ev_timer_start(c->loop, &c->tick);
    ev_io_init(&c->asked, on_asked, progress_asked_fd(), EV_READ);
    c->asked.data = c;
    ev_io_start(c->loop, &c->asked);
}

void copying_end(struct copying *c)
{
    ev_timer_stop(c->loop, &c->tick);
    ev_io_stop(c->loop, &c->asked);
    say_erase();
}

void copying_report(struct copying *c, const char *path, const char *reason)
{
    char name[SAY_NAME_MAX];
    if (++c->reports > c->reports_max)
        return;
    printable_name(name, sizeof name, path);
    say_error("%s: %s", name, reason);
}

bool copying_conclude(struct copying *c)
{
    const struct files_state *s = &c->end;
    int64_t silent_s = (clock_now_ms() - c->step_ms) / 1000;
    c->state(c->user, &c->end);
    say_erase();
    if (c->reports > c->reports_max)
        say_error("and %" PRIu64 " more such lines", c->reports - c->reports_max);
    if (interrupted())
        say_error(c->once ? "interrupted before all had arrived"
                          : "interrupted; the same command goes on where it was");
    else if (c->stalled && s->busy)
        say_error("gave up after %" PRId64 " s: %s; the same command goes on where it was", silent_s,
                  s->busy_with);
    else if (c->stalled)
        say_error("nothing has moved for %" PRId64 " s; the same command goes on where it was", silent_s);
    if (s->over && s->failed > 0)
        say_error("%zu could not be copied", s->failed);
    if (s->over && s->skipped > 0)
        say_error("%" PRIu64 " skipped: neither file nor directory, or not readable", s->skipped);
    return s->over && s->failed == 0;
}

void copying_summarize(const struct copying *c)
{
    const struct files_state *s = &c->end;
    char bytes[16], moved[16], rate[16], part[48] = "";
    int64_t ms = clock_now_ms() - c->begun_ms;
    if (c->args->quiet)
        return;
    progress_bytes(bytes, (double)s->done);
    progress_bytes(moved, (double)s->moved);
    progress_bytes(rate, ms > 0 ? (double)s->moved * 1000 / (double)ms : 0);
    if (s->moved < s->done)
        snprintf(part, sizeof part, "; %s of it moved", moved);
    say_always("%zu file%s, %s whole and verified%s in %.1f s, %s/s", s->files_done,
               s->files_done == 1 ? "" : "s", bytes, part, (double)ms / 1000, rate);
}
