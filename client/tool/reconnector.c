#include "client/tool/reconnector.h"
#include "base/clock.h"
#include "base/task.h"
#include "client/forward/say.h"
#include "client/tool/keyfile.h"
#include "client/tool/program.h"
#include "client/tool/reach.h"
#include "client/tool/ui.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_FIRST_MS  500
#define STEP_MAX_MS    15000 /* so long an address that changed back may stay unnoticed */
#define STEADY_MS      5000  /* a link that held for so long begins the steps anew */
#define AGAIN_WAIT_S   10    /* later tries: for the name, which its holder may just bind anew */
#define ONCE_WAIT_S    40    /* the same where it is final: longer than a holder takes */
#define PROOF_LEAST_MS 1000  /* for the proof of the keys when the punch took all the time there was */
#define LINGER_MS      5000  /* both sides have read everything when the stream is closed */

/*            ┌──────────── retry ◄────────────┐
 *            ▼                                │
 *         TRYING ──► PROVING ──► UP ──► (lost) WAITING
 *            │          │        │            │
 *            │          │        ▼            │
 *            │          │      ENDING         │
 *            └──────────┴────────┴────────────┴──► OVER */
enum reconnector_state {
    STATE_TRYING,  /* hx_connect() runs in a thread: `task` */
    STATE_PROVING, /* `link` proves the keys */
    STATE_UP,      /* requests may be made */
    STATE_ENDING,  /* reconnector_finish() or reconnector_leave(): the link ends */
    STATE_WAITING, /* for `retry` */
    STATE_OVER     /* events->over() was told, or is about to be */
};

struct reconnector {
    struct reconnector_config config;
    struct ev_loop *loop;
    struct pace pace;
    char *keys;
    enum reconnector_state state;
    bool ever_up;      /* before that, a failure is final */
    struct task *task; /* STATE_TRYING */
    struct link *link; /* STATE_PROVING to STATE_ENDING */
    ev_timer retry;
    int64_t step_ms;
    int64_t since_ms; /* without a path, or with this one */
};

/* One try, which outlives a reconnector that does not wait for it. */
struct attempt {
    struct reconnector *owner; /* only for the loop's thread */
    struct hx_config config;
    char *keys;
    const char *name;
    int64_t begun_ms;
    int timeout_ms;
    int result;
    struct hx_stream *stream;
};

/* The only writer of r->state; lets go of what the state had that is left. */
static void enter(struct reconnector *r, enum reconnector_state next)
{
    ev_timer_stop(r->loop, &r->retry);
    if (r->task && next != STATE_TRYING)
        task_abandon(r->task);
    if (next != STATE_TRYING)
        r->task = NULL;
    if (r->link && (next == STATE_TRYING || next == STATE_WAITING || next == STATE_OVER)) {
        struct link *l = r->link;
        r->link = NULL;
        link_destroy(l);
    }
    r->state = next;
}

static void over(struct reconnector *r, int error)
{
    enter(r, STATE_OVER);
    r->config.events->over(r->config.user, error);
}

static void explain(const struct reconnector *r, int error)
{
    const struct args *args = r->config.args;
    const struct hx_config config = {.nameserver = args->nameserver, .local_port = args->local_port};
    if (interrupted())
        return;
    if (r->config.once && error == HX_ENOTFOUND && r->ever_up)
        say_error("the sender has ended");
    else if (r->config.once && error == HX_ENOTFOUND)
        say_error("nobody sends under that code at %s: it has been received as often as it was offered, has "
                  "expired, or its sender has ended; or the sender has another nameserver",
                  args->nameserver);
    else
        ui_failure(error, args->name, &config);
}

/* The punch succeeded, the proof of the keys did not. */
static void explain_proof(const struct reconnector *r, int error)
{
    if (interrupted())
        return;
    if (error == HX_EAUTH && r->config.once)
        say_error("the name that follows from the code is held by somebody who does not have the code");
    else
        ui_proof_failure(error, r->config.args->name);
}

static void try_later(struct reconnector *r, int error)
{
    int64_t now_ms = clock_now_ms();
    if (r->config.retry_ms >= 0 && now_ms - r->since_ms >= r->config.retry_ms) {
        say_error("the path to '%s' is lost (%s)", r->config.args->name, hx_strerror(error));
        over(r, error);
        return;
    }
    r->step_ms = r->step_ms == 0 ? STEP_FIRST_MS : r->step_ms * 2;
    if (r->step_ms > STEP_MAX_MS)
        r->step_ms = STEP_MAX_MS;
    /* not all at once after a common failure; the whole is what is bounded */
    int64_t delay_ms = r->step_ms / 2 + arc4random_uniform((uint32_t)(r->step_ms / 2) + 1);
    say_note("no path to %s (%s), trying again in %" PRId64 " ms", r->config.args->name, hx_strerror(error),
             delay_ms);
    enter(r, STATE_WAITING);
    ev_timer_set(&r->retry, (double)delay_ms / 1000, 0);
    ev_timer_start(r->loop, &r->retry);
}

/* Of a try or of the proof of the keys. */
static void failed(struct reconnector *r, int error,
                   void (*explained)(const struct reconnector *r, int error))
{
    if (interrupted()) {
        over(r, HX_ECANCELED);
    } else if (r->ever_up && !(r->config.once && error == HX_ENOTFOUND)) {
        try_later(r, error);
    } else {
        explained(r, error);
        over(r, error);
    }
}

static void on_up(void *user)
{
    struct reconnector *r = user;
    enter(r, STATE_UP);
    r->ever_up = true;
    r->since_ms = clock_now_ms();
    r->config.events->up(r->config.user, r->link);
}

static void ended(struct reconnector *r, int error)
{
    if (error < 0 && !interrupted())
        say_error("the path to '%s' was lost (%s) before it was known that all has arrived",
                  r->config.args->name, hx_strerror(error));
    over(r, interrupted() ? HX_ECANCELED : error);
}

static void on_down(void *user, int error)
{
    struct reconnector *r = user;
    enum reconnector_state was = r->state;
    if (was == STATE_PROVING) {
        failed(r, error == HX_OK ? HX_ECLOSED : error, explain_proof);
        return;
    }
    if (clock_now_ms() - r->since_ms >= STEADY_MS)
        r->step_ms = 0;
    r->since_ms = clock_now_ms();
    enter(r, STATE_WAITING);
    if (r->config.events->lost && !(was == STATE_ENDING && error == HX_OK))
        r->config.events->lost(r->config.user, error);
    if (r->state == STATE_OVER) /* finished meanwhile */
        return;
    if (was == STATE_ENDING)
        ended(r, error);
    else if (interrupted())
        over(r, HX_ECANCELED);
    else
        try_later(r, error == HX_OK ? HX_ECLOSED : error);
}

static void on_pong(void *user, int64_t rtt_us)
{
    struct reconnector *r = user;
    if (r->config.events->pong)
        r->config.events->pong(r->config.user, rtt_us);
}

/* What the attempt has left of its time is the proof's; of what was meant for the waiting, no
 * more than --timeout. */
static int proof_ms(const struct reconnector *r, const struct attempt *a)
{
    int64_t rest_ms = a->begun_ms + a->timeout_ms - clock_now_ms();
    int64_t most_ms = (int64_t)r->config.args->timeout_s * 1000;
    if (rest_ms > most_ms)
        rest_ms = most_ms;
    return rest_ms > PROOF_LEAST_MS ? (int)rest_ms : PROOF_LEAST_MS;
}

static void begin_link(struct reconnector *r, struct hx_stream *s, int handshake_ms)
{
    static const struct link_events events = {.up = on_up, .pong = on_pong, .down = on_down};
    const struct link_config config = {.connecting = true,
                                       .keepalive_ms = r->config.args->keepalive_s * 1000,
                                       .handshake_ms = handshake_ms,
                                       .pace = r->pace.bytes_per_s > 0 ? &r->pace : NULL,
                                       .events = &events,
                                       .user = r};
    enter(r, STATE_PROVING);
    int err = link_create(&r->link, r->loop, s, &config);
    if (err < 0) {
        ui_cannot_begin(err);
        over(r, err);
    }
}

static void attempt_run(void *arg)
{
    struct attempt *a = arg;
    a->result = hx_connect(&a->stream, &a->config, a->name, a->timeout_ms);
}

static void attempt_done(void *arg)
{
    struct attempt *a = arg;
    struct reconnector *r = a->owner;
    struct hx_stream *s = a->stream;
    a->stream = NULL;
    r->task = NULL;
    if (a->result == HX_OK)
        begin_link(r, s, proof_ms(r, a));
    else
        failed(r, a->result, explain);
}

static void attempt_drop(void *arg)
{
    struct attempt *a = arg;
    (void)hx_close(a->stream);
    keyfile_wipe(a->keys);
    free(a);
}

static int attempt_start(struct reconnector *r)
{
    static const struct task_ops ops = {attempt_run, attempt_done, attempt_drop};
    const struct args *args = r->config.args;
    int again_s = r->config.once ? ONCE_WAIT_S : AGAIN_WAIT_S;
    int wait_s = r->ever_up && args->wait_s < again_s ? again_s : args->wait_s;
    struct attempt *a = calloc(1, sizeof *a);
    if (!a)
        return HX_ENOMEM;
    *a = (struct attempt){.owner = r,
                          .keys = strdup(r->keys),
                          .name = args->name,
                          .begun_ms = clock_now_ms(),
                          .timeout_ms = (args->timeout_s + wait_s) * 1000,
                          .config = reach_config(args)};
    a->config.name = args->own_name;
    a->config.wait_s = wait_s;
    a->config.linger_ms = LINGER_MS;
    a->config.on_event = ui_connect_event;
    a->config.keys = a->keys;
    int err = a->keys ? task_start(&r->task, r->loop, &ops, a) : HX_ENOMEM;
    if (err < 0) {
        r->task = NULL;
        attempt_drop(a);
    }
    return err;
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct reconnector *r = w->data;
    (void)loop;
    (void)revents;
    enter(r, STATE_TRYING);
    int err = attempt_start(r);
    if (err < 0)
        try_later(r, err);
}

int reconnector_create(struct reconnector **out, struct ev_loop *loop,
                       const struct reconnector_config *config)
{
    char error[KEYFILE_ERROR_MAX];
    struct reconnector *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->config = *config;
    r->loop = loop;
    pace_init(&r->pace, config->args->bytes_per_s);
    r->since_ms = clock_now_ms();
    ev_timer_init(&r->retry, on_retry, 0, 0);
    r->retry.data = r;
    snprintf(error, sizeof error, "%s", hx_strerror(HX_ENOMEM));
    r->keys = config->keys ? strdup(config->keys) : keyfile_load(config->args, error);
    r->config.keys = NULL;
    int err = r->keys ? attempt_start(r) : HX_EAUTH;
    if (err < 0) {
        say_error("%s", err == HX_EAUTH ? error : hx_strerror(err));
        reconnector_destroy(r);
        return err;
    }
    mux_warm_up(); /* meanwhile */
    *out = r;
    return HX_OK;
}

static void end(struct reconnector *r, void (*link_end)(struct link *l))
{
    if (r->state == STATE_OVER)
        return;
    if (r->state != STATE_UP) {
        over(r, HX_OK);
        return;
    }
    enter(r, STATE_ENDING);
    link_end(r->link);
}

void reconnector_finish(struct reconnector *r)
{
    end(r, link_finish);
}

void reconnector_leave(struct reconnector *r)
{
    end(r, link_leave);
}

void reconnector_destroy(struct reconnector *r)
{
    if (!r)
        return;
    enter(r, STATE_OVER);
    keyfile_wipe(r->keys);
    pace_free(&r->pace);
    free(r);
}

struct link *reconnector_link(struct reconnector *r)
{
    return r->state == STATE_UP || r->state == STATE_ENDING ? r->link : NULL;
}
