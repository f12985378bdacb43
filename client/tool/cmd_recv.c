/* hx recv CODE [DIR]: what hx send on another host gave the code for. client/tool/visit.h has the words. */
#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/args_code.h"
#include "client/tool/coming.h"
#include "client/tool/copying.h"
#include "client/tool/program.h"
#include "client/tool/question.h"
#include "client/tool/sender.h"
#include "client/tool/ui.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_S    20. /* for the sender to answer, or to hear that all is here */
#define REPORTS_MAX 20  /* of what a sender's files may cause */
#define FROM_MAX    (HX_ADDRESS_MAX + 32)

enum recv_phase {
    RECV_MEETING, /* what is offered is not known yet */
    RECV_LISTING, /* files are; which? */
    RECV_ASKING,  /* shall they come? */
    RECV_COPYING,
    RECV_TELLING, /* all is here; the sender is told */
    RECV_OVER
};

struct receiving {
    const struct args *args;
    struct ev_loop *loop;
    struct reconnector *reconnector;
    ev_io interrupt;
    ev_timer patience; /* with the sender's words, of RECV_MEETING and RECV_TELLING */
    enum recv_phase phase;
    int status;  /* STATUS_OK: all is here */
    bool stream; /* that is what is offered */
    struct sender sender;
    char from[FROM_MAX]; /* it, as it is told */
    struct coming coming;
    struct question question;
    struct files *files; /* NULL: none are offered yet */
    struct copying copying;
};

/* ---- how it ends ---- */

static void over(struct receiving *r, int status)
{
    if (r->phase == RECV_OVER)
        return;
    r->phase = RECV_OVER;
    r->status = status;
    question_end(&r->question);
    ev_timer_stop(r->loop, &r->patience);
    sender_leave(&r->sender);
    reconnector_leave(r->reconnector);
}

static void say_interrupted(struct receiving *r)
{
    if (r->phase == RECV_ASKING)
        (void)!write(STDERR_FILENO, "\n", 1);
    if (r->phase == RECV_COPYING && r->files)
        (void)copying_conclude(&r->copying);
    else
        say_error("interrupted%s",
                  r->phase == RECV_TELLING ? " before the sender was told that all is here" : "");
}

/* In the midst of it: what is under way breaks. */
static void stop(struct receiving *r)
{
    if (interrupted() && r->phase != RECV_OVER)
        say_interrupted(r);
    r->phase = RECV_OVER;
    r->status = STATUS_FAILED;
    ev_break(r->loop, EVBREAK_ALL);
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct receiving *r = w->data;
    (void)loop;
    (void)revents;
    if (r->phase == RECV_TELLING)
        say_error("all is here, but the sender could not be told: it may go on waiting");
    else
        say_error("the sender says nothing more: look there");
    over(r, r->status);
}

static void be_patient(void *user)
{
    struct receiving *r = user;
    ev_timer_stop(r->loop, &r->patience);
    ev_timer_set(&r->patience, ANSWER_S, 0.);
    ev_timer_start(r->loop, &r->patience);
}

static void tell(struct receiving *r)
{
    r->phase = RECV_TELLING;
    r->status = STATUS_OK;
    sender_say(&r->sender, "whole\n");
    be_patient(r);
}

static void on_counted(void *user)
{
    struct receiving *r = user;
    if (r->phase != RECV_TELLING)
        return;
    if (!r->args->quiet)
        say_always("the sender has been told that all of it is here");
    over(r, r->status);
}

static void on_sender_over(void *user, const char *reason)
{
    struct receiving *r = user;
    if (r->phase == RECV_OVER)
        return;
    say_error("the sender has ended: %s", reason);
    over(r, r->phase == RECV_TELLING ? r->status : STATUS_FAILED);
}

static void on_streamed(void *user, int error, int system)
{
    struct receiving *r = user;
    if (r->phase == RECV_OVER)
        return;
    if (error == HX_OK) {
        tell(r);
        return;
    }
    if (!interrupted())
        ui_pipe_failure(error, system);
    stop(r);
}

/* ---- the question ---- */

static void begin_copy(struct receiving *r)
{
    r->phase = RECV_COPYING;
    if (r->stream) {
        sender_ask_stream(&r->sender, reconnector_link(r->reconnector));
        return;
    }
    sender_say(&r->sender, "begun\n");
    copying_go(&r->copying);
    files_go(r->files);
}

static bool replaces(const struct receiving *r)
{
    return r->coming.replaced > 0 && !r->args->overwrite;
}

static void on_answer(void *user, bool yes)
{
    struct receiving *r = user;
    if (yes) {
        begin_copy(r);
        return;
    }
    say_error("nothing was received; the code still leads to it");
    over(r, STATUS_FAILED);
}

static void ask(struct receiving *r)
{
    if (r->args->yes && !replaces(r)) {
        begin_copy(r);
    } else if (!question_possible()) {
        say_error("nothing was received: --overwrite replaces what is here, or name another directory");
        over(r, STATUS_FAILED);
    } else {
        r->phase = RECV_ASKING;
        r->question =
            (struct question){.loop = r->loop, .by_default = !replaces(r), .answered = on_answer, .user = r};
        question_ask(&r->question, replaces(r) ? "Receive, and replace them?" : "Receive?");
    }
}

static bool on_listed(void *user, const struct file_entry *e) /* what is told may be replaced, if agreed to */
{
    struct receiving *r = user;
    return coming_add(&r->coming, e) || r->args->overwrite;
}

static void on_link(void *user, const char *path)
{
    left_links_add(&((struct receiving *)user)->coming.links, path);
}

static void on_planned(void *user)
{
    struct receiving *r = user;
    copying_pause(&r->copying);
    if (!r->args->quiet || !r->args->yes || replaces(r))
        coming_say(&r->coming, r->from);
    ask(r);
}

/* ---- files ---- */

static void on_report(void *user, const char *path, const char *reason)
{
    copying_report(&((struct receiving *)user)->copying, path, reason);
}

static void on_copied(void *user)
{
    struct receiving *r = user;
    if (r->phase == RECV_OVER)
        return;
    bool good = copying_conclude(&r->copying);
    copying_summarize(&r->copying);
    copying_end(&r->copying);
    if (good)
        tell(r);
    else
        over(r, STATUS_FAILED);
}

static void on_state(void *user, struct files_state *out)
{
    files_state(((struct receiving *)user)->files, out);
}

/* What was agreed to is all that may come. */
static void on_look(void *user, const struct files_state *s)
{
    struct receiving *r = user;
    if (r->phase != RECV_COPYING || s->total <= r->coming.bytes)
        return;
    say_error(
        "the sender sends more than it has offered: its files may have grown; the same command asks anew");
    stop(r);
}

static void on_stuck(void *user)
{
    struct receiving *r = user;
    (void)copying_conclude(&r->copying);
    stop(r);
}

static void begin_files(struct receiving *r)
{
    const struct files_config config = {.loop = r->loop,
                                        .local = r->args->target,
                                        .remote = ".",
                                        .changes_ms = r->args->retry_for_s * INT64_C(1000),
                                        .link = on_link,
                                        .report = on_report,
                                        .done = on_copied,
                                        .listed = on_listed,
                                        .planned = on_planned,
                                        .user = r};
    r->phase = RECV_LISTING;
    r->coming.root = open(r->args->target, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (files_create(&r->files, &config) < 0)
        over(r, STATUS_FAILED);
    else
        copying_begin(&r->copying);
}

/* ---- the sender ---- */

static void offered(struct receiving *r, const char *what)
{
    bool to_stdout = strcmp(r->args->target, "-") == 0;
    r->stream = strcmp(what, "stream") == 0;
    ev_timer_stop(r->loop, &r->patience);
    if (r->stream && !to_stdout) {
        say_error("a stream is sent: hx recv CODE - writes it to standard output");
        over(r, STATUS_FAILED);
    } else if (!r->stream && to_stdout) {
        say_error("files are sent, not a stream: leave out the '-', or name a directory");
        over(r, STATUS_FAILED);
    } else if (r->stream) {
        if (!r->args->quiet || !r->args->yes)
            say_always("%s offers a stream, for standard output", r->from);
        ask(r);
    } else {
        begin_files(r);
    }
}

/* What the sender should know already, on a new path. */
static void say_again(struct receiving *r)
{
    if (r->phase >= RECV_COPYING)
        sender_say(&r->sender, r->phase == RECV_TELLING ? "begun\nwhole\n" : "begun\n");
}

static void on_offered(void *user, const char *what)
{
    struct receiving *r = user;
    if (r->phase == RECV_OVER)
        return;
    if (!what)
        over(r, STATUS_FAILED);
    else if (r->phase == RECV_MEETING)
        offered(r, what);
    else
        say_again(r);
    if (r->phase != RECV_OVER && r->files)
        files_attach(r->files, link_mux(reconnector_link(r->reconnector)));
}

static void on_up(void *user, struct link *l)
{
    struct receiving *r = user;
    coming_from(r->from, sizeof r->from, l);
    if (r->phase != RECV_OVER && sender_visit(&r->sender, l) < 0) {
        ui_cannot_begin(HX_ENOMEM);
        over(r, STATUS_FAILED);
    }
    if (r->phase == RECV_MEETING)
        be_patient(r);
}

static void on_lost(void *user, int error)
{
    struct receiving *r = user;
    if (r->files)
        files_detach(r->files);
    if (r->phase != RECV_OVER && !r->stream && !interrupted())
        say_note("the path is broken (%s), connecting again", hx_strerror(error));
}

static void on_over(void *user, int error)
{
    struct receiving *r = user;
    if (interrupted() && r->phase != RECV_OVER)
        stop(r);
    else if (r->phase == RECV_TELLING && error < 0)
        say_error("all is here, but the sender could not be told");
    ev_break(r->loop, EVBREAK_ALL);
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    stop(w->data);
}

static int receive(struct receiving *r, const char *keys)
{
    static const struct reconnector_events events = {.up = on_up, .lost = on_lost, .over = on_over};
    const struct reconnector_config config = {.args = r->args,
                                              .keys = keys,
                                              .once = true,
                                              .retry_ms = r->args->retry_for_s * 1000LL,
                                              .events = &events,
                                              .user = r};
    ev_io_init(&r->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    ev_timer_init(&r->patience, on_patience, ANSWER_S, 0.);
    r->interrupt.data = r->patience.data = r;
    if (reconnector_create(&r->reconnector, r->loop, &config) < 0)
        return STATUS_FAILED;
    r->copying.reconnector = r->reconnector;
    ev_io_start(r->loop, &r->interrupt);
    ev_run(r->loop, 0);
    question_end(&r->question);
    copying_end(&r->copying);
    reconnector_destroy(r->reconnector); /* tells the streams of what was given up */
    files_destroy(r->files);
    if (r->coming.root >= 0)
        close(r->coming.root);
    return r->status;
}

int cmd_recv(const struct args *args)
{
    static struct receiving r;
    char keys[HX_KEY_TEXT_MAX];
    if (!args->yes && !question_possible()) {
        say_error("standard input is no terminal on which it could be asked whether to receive: give -y");
        return STATUS_USAGE;
    }
    r = (struct receiving){
        .args = args, .loop = link_loop_create(), .status = STATUS_FAILED, .coming.root = -1};
    r.copying = (struct copying){.loop = r.loop,
                                 .args = args,
                                 .reports_max = REPORTS_MAX,
                                 .state = on_state,
                                 .look = on_look,
                                 .stuck = on_stuck,
                                 .user = &r};
    r.sender = (struct sender){.loop = r.loop,
                               .offered = on_offered,
                               .counted = on_counted,
                               .over = on_sender_over,
                               .refused = be_patient,
                               .streamed = on_streamed,
                               .user = &r};
    if (!r.loop) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    int err = args_code_key(args, keys);
    if (err < 0)
        ui_cannot_begin(err);
    int status = err < 0 ? STATUS_FAILED : receive(&r, keys);
    explicit_bzero(keys, sizeof keys);
    ev_loop_destroy(r.loop);
    return status;
}
