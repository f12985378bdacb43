/* hx_nat_lifetime: how long a NAT keeps a mapping that nothing passes (RFC 5780, 4.6). The engine's lock guards
 * it.
 *
 *     LOOK UP --> CONTROL --> OPEN --> CHOOSE --> WAIT --> OVER
 *
 * A control port asks the server now and then, so that its own mapping lives. Each probe port asks once, sends
 * once to the control port's mapping, and is silent from then on. When it is as old as it shall become, one of
 * these tells whether its mapping lives, the first that works for a probe which is new:
 *
 *   RESPONSE_PORT  the control port has the server send its answer to the probe's mapping
 *   HAIRPIN        the control port sends to the probe's mapping itself
 *   COMPARE        the probe asks again: another mapping means that the first one is gone. The same one means
 *                  nothing yet, since many NATs give a port the same mapping again; but where an older probe
 *                  gets another one, this NAT does not, and the younger ones' were alive */
#include "client/nat_lifetime.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/race.h"
#include "client/stun.h"
#include "client/stun_port.h"
#include <string.h>

#define OPEN_MS    2000 /* for a question that must be answered */
#define LOOK_MS    1000 /* for one that may not be: four are sent */
#define CONTROL_MS 5000 /* the control port asks so often: no NAT forgets that fast */

/* Closer where NATs that keep to RFC 4787, REQ-5, and many that do not have their limits: 30, 60, 120, 180,
 * 300, 600 s. The first one is new, and tells which way of looking works. */
static const int ages_s[] = {0,   10,  20,  28,  40,  55,  65,  90,  115, 125,
                             150, 175, 185, 240, 290, 310, 360, 420, 480, 590};
#define PROBES   (sizeof ages_s / sizeof *ages_s)
#define DEAD_ROW 2 /* a lost answer is no proof, two are */

enum lifetime_state { LOOK_UP, CONTROL, OPEN, CHOOSE, WAIT, OVER };
enum method { RESPONSE_PORT, HAIRPIN, COMPARE };
enum probe_state { UNOPENED, OPENING, WAITING, LOOKING, ALIVE, DEAD, LOST };

struct probe {
    struct lifetime_job *job;
    struct stun_port *port;
    struct stun_transaction *transaction; /* opening or looking */
    struct stun_transaction *opener;      /* what it sends to the control port's mapping */
    struct timer timer;
    enum probe_state state;
    struct endpoint mapped;
    int64_t opened_ms;
};

struct lifetime_job {
    struct engine_member member;
    struct nat_lifetime_request request;
    pthread_cond_t cond;
    enum lifetime_state state; /* changed by enter() alone */
    int error;                 /* OVER */
    int family;
    struct resolve *resolve;
    struct endpoint server;
    uint32_t scope;
    struct stun_port *control;
    struct stun_transaction *control_question;
    struct timer control_timer;
    struct endpoint control_mapped;
    enum method method;
    struct probe probes[PROBES];
    size_t probe_count;
    struct hx_nat_lifetime *out;
};

static void enter(struct lifetime_job *j, enum lifetime_state state, int error)
{
    j->state = state;
    j->error = error;
    if (state == OVER)
        pthread_cond_broadcast(&j->cond);
}

static void close_all(struct lifetime_job *j)
{
    resolve_cancel(j->resolve);
    j->resolve = NULL;
    stun_cancel(j->control_question);
    j->control_question = NULL;
    engine_timer_cancel(&j->control_timer);
    for (size_t i = 0; i < j->probe_count; i++) {
        struct probe *p = &j->probes[i];
        engine_timer_cancel(&p->timer);
        stun_cancel(p->transaction);
        stun_cancel(p->opener);
        stun_port_close(p->port);
        *p = (struct probe){.job = j};
    }
    stun_port_close(j->control);
    j->control = NULL;
}

static void on_cancel(struct engine_member *m)
{
    struct lifetime_job *j = container_of(m, struct lifetime_job, member);
    close_all(j);
    if (j->state != OVER)
        enter(j, OVER, HX_ECANCELED);
}

static struct stun_question question(const struct lifetime_job *j, struct stun_port *port,
                                     void (*on_done)(void *user, const struct stun_answer *a), void *user)
{
    return (struct stun_question){.port = stun_port_net(port),
                                  .server = j->server,
                                  .scope = j->scope,
                                  .timeout_ms = OPEN_MS,
                                  .on_done = on_done,
                                  .user = user};
}

/* ---- what is known ---- */

static bool over(const struct probe *p)
{
    return p->state == ALIVE || p->state == DEAD || p->state == LOST;
}

/* Fills *out. True: more would tell nothing. */
static bool judge(struct lifetime_job *j)
{
    struct hx_nat_lifetime now = {.error = HX_OK};
    int row = 0;
    for (size_t i = 1; i < j->probe_count && row < DEAD_ROW; i++) {
        const struct probe *p = &j->probes[i];
        if (p->state == ALIVE) {
            row = 0;
            now.alive_s = ages_s[i];
            now.dead_s = 0;
        } else if (p->state == DEAD && row++ == 0) {
            now.dead_s = ages_s[i];
        } else if (!over(p)) {
            now.asking_s = ages_s[i];
            break;
        }
    }
    if (j->method == COMPARE && now.dead_s == 0)
        now.alive_s = 0;
    *j->out = now;
    if (j->request.on_progress)
        j->request.on_progress(j->request.user, &now);
    return now.asking_s == 0;
}

static void take_result(struct probe *p, enum probe_state state)
{
    struct lifetime_job *j = p->job;
    p->state = state;
    if (judge(j))
        enter(j, OVER, j->method == COMPARE && j->out->dead_s == 0 ? HX_EPROTO : HX_OK);
}

/* ---- looking at one ---- */

static void on_looked(void *user, const struct stun_answer *a)
{
    struct probe *p = user;
    p->transaction = NULL;
    if (p->job->method == COMPARE)
        take_result(p, a->error != HX_OK ? LOST : endpoint_equal(&a->mapped, &p->mapped) ? ALIVE : DEAD);
    else
        take_result(p, a->error == HX_OK ? ALIVE : a->error == HX_ETIMEDOUT ? DEAD : LOST);
}

/* False: it cannot be asked. */
static bool look(struct probe *p, void (*on_done)(void *user, const struct stun_answer *a))
{
    struct lifetime_job *j = p->job;
    struct stun_question q = question(j, j->method == COMPARE ? p->port : j->control, on_done, p);
    if (j->method == RESPONSE_PORT) {
        q.response_port = p->mapped.port;
        q.timeout_ms = LOOK_MS;
    } else if (j->method == HAIRPIN) {
        q.server = p->mapped;
        q.hairpin = true;
        q.timeout_ms = LOOK_MS;
    }
    return stun_ask(&p->transaction, &q) == HX_OK;
}

static void on_age(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);
    p->state = LOOKING;
    if (!look(p, on_looked))
        take_result(p, LOST);
}

/* ---- which way of looking works ---- */

static void begin_waiting(struct lifetime_job *j)
{
    enter(j, WAIT, HX_OK);
    for (size_t i = 1; i < j->probe_count; i++) {
        struct probe *p = &j->probes[i];
        if (p->state == WAITING)
            engine_timer_set(&p->timer, p->opened_ms + (int64_t)ages_s[i] * j->request.second_ms);
    }
    if (judge(j)) /* none is there */
        enter(j, OVER, HX_ETIMEDOUT);
}

static void choose(struct lifetime_job *j, enum method method);

static void on_chosen(void *user, const struct stun_answer *a)
{
    struct probe *p = user;
    struct lifetime_job *j = p->job;
    p->transaction = NULL;
    if (a->error == HX_OK) {
        begin_waiting(j);
    } else {
        choose(j, j->method == RESPONSE_PORT ? HAIRPIN : COMPARE);
    }
}

static void choose(struct lifetime_job *j, enum method method)
{
    j->method = method;
    enter(j, CHOOSE, HX_OK);
    if (!look(&j->probes[0], on_chosen))
        enter(j, OVER, HX_ENOMEM);
}

/* ---- opening ---- */

static void on_opener(void *user, const struct stun_answer *unused)
{
    struct probe *p = user;
    (void)unused; /* sending it was all */
    p->opener = NULL;
}

static bool all_open(const struct lifetime_job *j)
{
    for (size_t i = 0; i < j->probe_count; i++) {
        if (j->probes[i].state == OPENING)
            return false;
    }
    return true;
}

static void on_opened(void *user, const struct stun_answer *a)
{
    struct probe *p = user;
    struct lifetime_job *j = p->job;
    p->transaction = NULL;
    p->state = a->error == HX_OK ? WAITING : LOST;
    p->mapped = a->mapped;
    if (p->state == WAITING) {
        struct stun_question q = question(j, p->port, on_opener, p);
        q.server = j->control_mapped;
        q.hairpin = true;
        q.timeout_ms = STUN_RTO_MS; /* once */
        (void)stun_ask(&p->opener, &q);
        p->opened_ms = clock_now_ms();
    }
    if (!all_open(j))
        return;
    if (j->probes[0].state == WAITING)
        choose(j, RESPONSE_PORT);
    else
        enter(j, OVER, HX_ETIMEDOUT);
}

static void open_probes(struct lifetime_job *j)
{
    enter(j, OPEN, HX_OK);
    for (size_t i = 0; i < PROBES && ages_s[i] <= j->request.most_s; i++) {
        struct probe *p = &j->probes[j->probe_count++];
        *p = (struct probe){.job = j, .state = LOST, .timer = {.fire = on_age}};
        if (stun_port_open(&p->port, j->family) < 0)
            continue;
        struct stun_question q = question(j, p->port, on_opened, p);
        if (stun_ask(&p->transaction, &q) == HX_OK)
            p->state = OPENING;
    }
    if (all_open(j)) /* none can be asked */
        enter(j, OVER, HX_ESYS);
}

static void on_control(void *user, const struct stun_answer *a)
{
    struct lifetime_job *j = user;
    j->control_question = NULL;
    engine_timer_set(&j->control_timer, clock_now_ms() + CONTROL_MS);
    if (a->error == HX_OK)
        j->control_mapped = a->mapped;
    if (j->state != CONTROL)
        return;
    if (a->error == HX_OK)
        open_probes(j);
    else
        enter(j, OVER, a->error);
}

static int ask_control(struct lifetime_job *j)
{
    struct stun_question q = question(j, j->control, on_control, j);
    return stun_ask(&j->control_question, &q);
}

static void on_control_timer(struct timer *t)
{
    struct lifetime_job *j = container_of(t, struct lifetime_job, control_timer);
    if (ask_control(j) < 0)
        engine_timer_set(t, clock_now_ms() + CONTROL_MS);
}

static void on_resolved(void *user, const struct resolve_result *result)
{
    struct lifetime_job *j = user;
    int err = result->error;
    j->resolve = NULL;
    if (err == HX_OK) {
        const struct sockaddr *sa = (struct sockaddr *)&result->list->address[0].sa;
        err = endpoint_from_sockaddr(&j->server, sa, result->list->address[0].len);
        if (endpoint_link_local(&j->server))
            j->scope = ((const struct sockaddr_in6 *)sa)->sin6_scope_id;
    }
    if (err == HX_OK)
        err = stun_port_open(&j->control, j->family);
    enter(j, CONTROL, HX_OK);
    if (err == HX_OK)
        err = ask_control(j);
    if (err < 0)
        enter(j, OVER, err);
}

/* ---- the call ---- */

static int measure(struct lifetime_job *j)
{
    const struct host_port *server = &j->request.settings->nameservers[0];
    int err = resolve_begin(&j->resolve, server, j->family, on_resolved, j);
    if (err < 0)
        return err;
    while (j->state != OVER)
        engine_wait(&j->cond, INT64_MAX);
    on_cancel(&j->member);
    j->out->error = j->error;
    j->out->asking_s = 0;
    return j->error;
}

int nat_lifetime_measure(struct hx_nat_lifetime *out, const struct nat_lifetime_request *request)
{
    struct lifetime_job j = {.request = *request, .out = out};
    *out = (struct hx_nat_lifetime){.error = HX_OK};
    int err = engine_cond_init(&j.cond);
    if (err < 0)
        return err;
    j.family = request->settings->families & FAMILY_IPV4 ? AF_INET : AF_INET6;
    err = engine_enter(request->settings->local_port);
    if (err == HX_OK) {
        j.member.cancel = on_cancel;
        j.control_timer.fire = on_control_timer;
        engine_join(&j.member);
        err = measure(&j);
        engine_leave(&j.member);
        engine_unlock();
    }
    pthread_cond_destroy(&j.cond);
    return err;
}

int hx_nat_lifetime_sized(struct hx_nat_lifetime *out, size_t out_size, const struct hx_config *config,
                          size_t size, int most_s,
                          void (*on_progress)(void *user, const struct hx_nat_lifetime *now), void *user)
{
    struct hx_nat_lifetime result = {.error = HX_EINVAL};
    struct settings settings;
    int err = settings_init_unnamed(&settings, config, size);
    if (most_s <= 0)
        err = HX_EINVAL;
    if (err == HX_OK)
        err = nat_lifetime_measure(&result, &(struct nat_lifetime_request){.settings = &settings,
                                                                           .most_s = most_s,
                                                                           .second_ms = 1000,
                                                                           .on_progress = on_progress,
                                                                           .user = user});
    memset(out, 0, out_size);
    memcpy(out, &result, out_size < sizeof result ? out_size : sizeof result);
    settings_free(&settings);
    return err;
}
