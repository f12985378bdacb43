#include "client/files/share_job.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A peer's requests are all made in one thread. */
static _Thread_local int jobs_open;
static _Thread_local int scarce_open[SHARE_SCARCE_COUNT];
static const int scarce_max[SHARE_SCARCE_COUNT] = {
    [SHARE_PLAIN] = SHARE_JOBS_MAX, [SHARE_WALK] = SHARE_WALKS, [SHARE_BATCH] = SHARE_BATCHES};

static void job_free(struct share_job *j)
{
    ev_timer_stop(j->call.peer->loop, &j->timer);
    if (!j->over)
        j->kind->close(j);
    jobs_open--;
    scarce_open[j->kind->scarce]--;
    free((char *)j->call.path);
    free(j);
}

/* Nothing is left to do but to see the stream closed. */
static void job_over(struct share_job *j)
{
    j->kind->close(j);
    j->over = true;
}

static void job_fail(struct share_job *j, int error)
{
    int system = errno;
    struct mux_stream *s = j->call.stream;
    bool answered = j->kind->answered;
    bool changed = error == HX_ESYS && system == ESTALE;
    if (answered)
        share_failed(&j->call, error, system);
    else
        share_refuse_error(&j->call, error, system);
    job_free(j);
    if (answered)
        mux_stream_reset(s, changed ? SHARE_CHANGED : MUX_INTERNAL_ERROR);
}

/* Until the next turn of the loop, or as long as the peer may be silent. */
static void rest(struct share_job *j, bool turn)
{
    j->turn = turn;
    ev_timer_stop(j->call.peer->loop, &j->timer);
    ev_timer_set(&j->timer, turn ? 0. : SHARE_IDLE_S, 0.);
    ev_timer_start(j->call.peer->loop, &j->timer);
}

static void on_ready(void *job)
{
    struct share_job *j = job;
    if (j->over) {
        char rubbish[512]; /* a body that is longer than it should be */
        while (mux_stream_read(j->call.stream, rubbish, sizeof rubbish) > 0)
            ;
        return;
    }
    int err = j->kind->step(j);
    if (err < 0 && err != HX_EAGAIN) {
        job_fail(j, err);
        return;
    }
    if (err == HX_OK)
        job_over(j);
    rest(j, err == SHARE_TURN);
}

static void on_closed(void *job, int error, uint32_t code)
{
    struct share_job *j = job;
    if (error < 0 && !j->over)
        share_failed_for(&j->call, code == MUX_NO_ERROR ? "the connection has ended"
                                   : code == MUX_CANCEL ? "canceled by the peer"
                                                        : "the peer has broken it off");
    j->changed = code == SHARE_CHANGED;
    job_free(j);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct share_job *j = (struct share_job *)w;
    (void)loop;
    (void)revents;
    if (j->turn) {
        on_ready(j);
        return;
    }
    struct mux_stream *s = j->call.stream;
    if (!j->over)
        share_failed_for(&j->call, "nothing has moved for too long");
    job_free(j);
    mux_stream_reset(s, MUX_CANCEL);
}

static const struct mux_stream_events job_events = {
    .readable = on_ready, .writable = on_ready, .closed = on_closed};

void *share_job_create(const struct share_job_kind *kind, const struct share_call *c)
{
    if (jobs_open >= SHARE_JOBS_MAX || scarce_open[kind->scarce] >= scarce_max[kind->scarce]) {
        share_refuse_error(c, HX_ELIMIT, 0);
        return NULL;
    }
    struct share_job *j = calloc(1, kind->size);
    char *path = strdup(c->path);
    if (!j || !path) {
        free(j);
        free(path);
        share_refuse_error(c, HX_ENOMEM, 0);
        return NULL;
    }
    j->call = (struct share_call){.peer = c->peer, .stream = c->stream, .what = c->what, .path = path};
    j->kind = kind;
    ev_timer_init(&j->timer, on_timer, 0., 0.);
    jobs_open++;
    scarce_open[kind->scarce]++;
    return j;
}

void share_job_begin(struct share_job *j)
{
    mux_stream_own(j->call.stream, &job_events, j);
    rest(j, true);
}

void share_job_turn(struct share_job *j)
{
    rest(j, true);
}

int share_job_created(struct share_job *j)
{
    static const struct mux_field fields[] = {{":status", "201"}};
    static const struct mux_message created = {.fields = fields, .count = 1, .ended = true};
    return mux_respond(j->call.stream, &created);
}

void share_job_cancel(struct share_job *j)
{
    j->over = true; /* nothing was opened */
    job_free(j);
}
