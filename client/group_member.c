#include "base/clock.h"
#include "base/container_of.h"
#include "client/group.h"
#include "client/introduction.h"
#include <stdlib.h>
#include <string.h>

/* Both sides of a pair try again at about the same times, so nothing here is random. */
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS   60000
#define CROWDED_MS     500                      /* a limit of our own: again so soon */
#define RESUME_MS      (AGENT_LINGER_MS + 1000) /* the old connection's agent has the session until then */
#define BROKEN_TRIES   5    /* after the other side has closed a connection without an end */
#define CHECK_MS       1500 /* one that lives answers within it, ... */
#define CHECK_ASK_MS   250  /* ... asked so often */

/* How often the nameserver is listened to about one member, and how often members are reached for in all:
 * what it tells costs packets to anybody. */
static const struct token_limit told_limit = {.per_second = 1, .most = 8};
static const struct token_limit attempts_limit = {.per_second = 8, .most = 2 * MEMBERS_MAX};

static void report_member(const struct group_member *m, enum hx_event event)
{
    report(&m->g->presence.settings.reporter, &(struct hx_event_info){.event = event, .name = m->name},
           &m->peer.list[0].at);
}

static void report_pair(const struct group_member *m, enum hx_event event, const struct punch_result *r)
{
    if (event == HX_EVENT_PUNCH_FAILED && !m->here) /* nobody waits for it any more */
        return;
    report(&m->g->presence.settings.reporter,
           &(struct hx_event_info){.event = event,
                                   .error = r->error == HX_ETIMEDOUT && !r->stream ? HX_EPUNCH : r->error,
                                   .name = m->name,
                                   .text = r->text,
                                   .punch_ms = r->elapsed_ms},
           r->peer);
}

static void discard(struct hx_stream *s)
{
    if (!s)
        return;
    stream_disown(s);
    stream_discard(s);
}

/* What belongs to the state that is left ends with it. */
static void enter(struct group_member *m, enum group_member_state state)
{
    if (m->state == PAIR_PUNCHING)
        punch_cancel(m);
    discard(m->trial);
    m->trial = NULL;
    engine_timer_cancel(&m->timer);
    m->state = state;
}

static void wait_for(struct group_member *m, int64_t ms)
{
    enter(m, PAIR_WAITING);
    engine_timer_set(&m->timer, clock_now_ms() + ms);
}

/* Nobody is told any more what becomes of it. */
static void let_go(struct group_member *m)
{
    struct hx_stream *s = m->stream;
    m->stream = NULL;
    m->reach = AGENT_DIRECT;
    if (!s)
        return;
    stream_disown(s);
    stream_queue_drop(&m->g->presence.queue, s);
}

/* An older connection, if there is one, goes on; should it fall silent, the next attempt follows. Of a member
 * that has gone, and has none, nothing is left. */
static void attempt_failed(struct group_member *m, int error)
{
    int doublings = m->failures < 6 ? m->failures : 6;
    int64_t delay_ms = (int64_t)RETRY_FIRST_MS << doublings;
    if (error == HX_ELIMIT || error == HX_ECANCELED)
        delay_ms = CROWDED_MS;
    else
        m->failures++;
    m->unproven = error == HX_EAUTH || error == HX_EPROTO;
    bool last = m->tries_left > 0 && error != HX_ELIMIT && --m->tries_left == 0;
    if (!m->here && !m->stream) {
        group_forget(m);
        return;
    }
    if (m->stream || last)
        enter(m, PAIR_REST);
    else
        wait_for(m, delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS);
    group_changed(m->g);
}

static void on_news(void *user, struct hx_stream *s)
{
    struct group_member *m = user;
    if (s == m->trial)
        engine_timer_set(&m->timer, clock_now_ms());
}

/* It is told once: of one that met through the relay, before it is proven. */
static void on_reach_changed(void *user, struct hx_stream *s, enum agent_reach reach)
{
    struct group_member *m = user;
    if (s == m->trial)
        m->punched.reach = reach;
    if (s != m->stream)
        return;
    m->reach = reach;
    if (reach != AGENT_DIRECT)
        group_ask_again(m->g);
}

/* An attempt at another connection goes on: the other side may have been connected, and have left since. */
static bool is_tried(const struct group_member *m)
{
    return m->state == PAIR_PUNCHING || m->state == PAIR_PROVING;
}

/* It has gone from the session, and so has the connection. */
static void forget_unless_tried(struct group_member *m)
{
    if (!is_tried(m))
        group_forget(m);
}

/* A connection that falls silent has not been closed by the other side. */
static void on_silent(void *user, struct hx_stream *s)
{
    struct group_member *m = user;
    if (s != m->stream)
        return;
    stream_end_paths(s);
    let_go(m);
    group_changed(m->g);
    if (!m->here)
        forget_unless_tried(m);
    else if (m->state == PAIR_REST || m->state == PAIR_CHECKING)
        wait_for(m, RESUME_MS);
}

/* The other side may never have known that it was connected, or have closed it on purpose: then it answers
 * nothing. */
static void on_closed(void *user, struct hx_stream *s, bool broken)
{
    struct group_member *m = user;
    if (s != m->stream)
        return;
    m->stream = NULL;
    m->reach = AGENT_DIRECT;
    group_changed(m->g);
    if (!m->here) {
        forget_unless_tried(m);
    } else if (broken && (m->state == PAIR_REST || m->state == PAIR_CHECKING) && !m->g->presence.canceled) {
        m->tries_left = BROKEN_TRIES;
        wait_for(m, RESUME_MS);
    }
}

static void take_in(struct group_member *m, const struct punch_result *r)
{
    struct hx_group *g = m->g;
    struct stream_info info = {
        .peer = *r->peer,
        .external = *binding_external(&g->presence.binding, r->peer->family),
        .name = m->name,
        .linger_ms = g->presence.settings.linger_ms,
        .keys = &g->presence.settings.keys,
        .connecting = m->calling,
        .channel = r->channel,
        .agent = r->agent,
        .reporter = g->presence.settings.path_reporter,
        .owner = {on_news, on_reach_changed, on_silent, on_closed, m},
    };
    struct hx_stream *s;
    m->punched.peer = *r->peer;
    m->punched.elapsed_ms = r->elapsed_ms;
    m->punched.reach = AGENT_DIRECT;
    strncpy(m->punched.kind, r->text, sizeof m->punched.kind - 1);
    int err = stream_adopt(&s, r->stream, &info);
    if (err < 0) {
        report_pair(m, HX_EVENT_PUNCH_FAILED, &(struct punch_result){.error = err, .peer = r->peer});
        attempt_failed(m, err);
        return;
    }
    enter(m, PAIR_PROVING);
    m->trial = s;
    m->began_ms = clock_now_ms();
    engine_timer_set(&m->timer, m->began_ms);
}

static void on_punched(void *user, const struct punch_result *r)
{
    struct group_member *m = user;
    struct hx_group *g = m->g;
    if (r->error == HX_OK) {
        take_in(m, r);
    } else {
        if (r->error != HX_ECANCELED)
            report_pair(m, HX_EVENT_PUNCH_FAILED, r);
        attempt_failed(m, r->error);
    }
    if (r->report)
        binding_report(&g->presence.binding, r->seen_family, r->report);
}

/* `n`: who has told of it. */
static void attempt(struct group_member *m, struct nameserver *n)
{
    struct hx_group *g = m->g;
    const struct endpoint *seen = &m->peer.list[0].at,
                          *own = binding_external(&g->presence.binding, seen->family);
    char both[PUNCH_BOTH_MAX];
    struct punch_request request;
    struct punch_result told = {.peer = seen, .text = punch_both_behind(own, seen, both)};
    if (!token_bucket_take(&g->attempts, &attempts_limit, 1, clock_now_ms())) {
        wait_for(m, CROWDED_MS);
        return;
    }
    enter(m, PAIR_PUNCHING);
    m->met = m->session;
    introduction_request(&request, n, &g->presence.settings, binding_told(&g->presence.binding, n));
    request.peer = m->peer;
    request.session = &m->session;
    request.own_external = *own;
    request.peer_mapping = m->mapping;
    request.name = m->name;
    request.ours = true;
    request.calling = m->calling;
    request.on_done = on_punched;
    request.user = m;
    told.error = punch_begin(&request);
    if (told.error == HX_ELIMIT) {
        wait_for(m, CROWDED_MS);
        return;
    }
    report_pair(m, HX_EVENT_PEER, &(struct punch_result){.peer = seen, .text = told.text});
    if (told.error == HX_OK) {
        group_ask_again(g);
        group_seek_offers(g);
        return;
    }
    told.text = "";
    report_pair(m, HX_EVENT_PUNCH_FAILED, &told);
    attempt_failed(m, told.error);
}

static void connected(struct group_member *m)
{
    struct hx_stream *s = m->trial;
    m->trial = NULL;
    m->failures = m->tries_left = 0;
    m->unproven = false;
    let_go(m);
    enter(m, PAIR_REST);
    m->stream = s;
    on_reach_changed(m, s, m->punched.reach);
    report_pair(m, HX_EVENT_PUNCHED,
                &(struct punch_result){
                    .peer = &m->punched.peer, .text = m->punched.kind, .elapsed_ms = m->punched.elapsed_ms});
    group_queue_put(m->g, s);
}

/* Each in its own time: none waits for another one's answers. */
static void prove(struct group_member *m)
{
    int64_t now_ms = clock_now_ms();
    int limit_ms = m->g->presence.settings.punch_ms > 0 ? m->g->presence.settings.punch_ms : PUNCH_DEFAULT_MS;
    int err = hx_handshake(m->trial, 0);
    if (err == HX_OK) {
        connected(m);
        return;
    }
    if (err == HX_EAGAIN && now_ms - m->began_ms < limit_ms) {
        engine_timer_set(&m->timer, m->began_ms + limit_ms);
        return;
    }
    if (err == HX_EAGAIN)
        err = HX_ETIMEDOUT;
    if (m->here)
        report(&m->g->presence.settings.reporter,
               &(struct hx_event_info){.event = HX_EVENT_PUNCH_FAILED,
                                       .error = err,
                                       .name = m->name,
                                       .punch_ms = m->punched.elapsed_ms},
               &m->punched.peer);
    attempt_failed(m, err);
}

/* It may fall silent, or be closed, meanwhile. */
static void check(struct group_member *m)
{
    struct nameserver *n = binding_nameserver(&m->g->presence.binding);
    int64_t now_ms = clock_now_ms();
    if (!m->stream || stream_ask_for_life(m->stream) > m->began_ms)
        enter(m, PAIR_REST);
    else if (now_ms - m->began_ms < CHECK_MS || !n)
        engine_timer_set(&m->timer, now_ms + CHECK_ASK_MS);
    else
        attempt(m, n);
}

static void on_timer(struct timer *t)
{
    struct group_member *m = container_of(t, struct group_member, timer);
    struct nameserver *n = binding_nameserver(&m->g->presence.binding);
    if (m->state == PAIR_PROVING)
        prove(m);
    else if (m->state == PAIR_CHECKING)
        check(m);
    else if (n)
        attempt(m, n);
    else /* it is told of anew when there is one */
        wait_for(m, RETRY_FIRST_MS);
}

static bool same_session(const struct session *a, const struct session *b)
{
    return a->given == b->given && (!a->given || memcmp(a->id, b->id, SESSION_BYTES) == 0);
}

/* The paths that there are hear of it. False: there are none. */
static bool introduce(struct group_member *m, struct nameserver *n, const struct multipart_part *part)
{
    struct agent *known = m->met.given ? agent_find(m->met.id, m->calling) : NULL;
    if (known)
        introduction_tell(known, part, binding_told(&m->g->presence.binding, n), n);
    return known != NULL;
}

/* The connection is of another session than the nameserver has now. */
static void doubt(struct group_member *m, struct nameserver *n, const struct candidates *before)
{
    if (!candidates_meet(before, &m->peer)) { /* most likely another one of that name */
        attempt(m, n);
        return;
    }
    enter(m, PAIR_CHECKING);
    m->began_ms = clock_now_ms();
    check(m);
}

static void act_on(struct group_member *m, struct nameserver *n, const struct multipart_part *part,
                   bool new_one, const struct candidates *before)
{
    bool same = same_session(&m->met, &m->session);
    switch (m->state) {
    case PAIR_REST:
        if (m->stream ? !same && stream_gone(m->stream) : !same || new_one)
            attempt(m, n);
        else if (m->stream && same)
            introduce(m, n, part);
        else if (m->stream)
            doubt(m, n, before);
        break;
    case PAIR_WAITING:
        if (!same || (m->failures > 0 && !m->unproven))
            attempt(m, n);
        break;
    case PAIR_PUNCHING:
    case PAIR_PROVING:
        if (!same || (!introduce(m, n, part) && m->state == PAIR_PUNCHING))
            attempt(m, n);
        break;
    case PAIR_CHECKING:
        break;
    }
}

void group_member_told(struct group_member *m, struct nameserver *n, const struct multipart_part *part)
{
    struct candidates before = m->peer;
    bool new_one = !m->here || part->member.event == MEMBER_JOINED;
    bool moved = !endpoint_equal(&before.list[0].at, &part->peer.list[0].at);
    bool was_here = m->here;
    m->here = true;
    m->missing_ms = 0;
    if (new_one || !same_session(&m->met, &part->session))
        m->tries_left = 0; /* there is no limit */
    m->peer = part->peer;
    m->mapping = part->mapping;
    m->session = part->session;
    m->session_ms = clock_now_ms();
    bool listened_to = token_bucket_take(&m->told, &told_limit, 1, clock_now_ms());
    if (new_one && (listened_to || !was_here)) /* that it has left is told in any case */
        report_member(m, was_here || part->member.event == MEMBER_JOINED ? HX_EVENT_MEMBER_JOINED
                                                                         : HX_EVENT_MEMBER_HERE);
    else if (moved && !new_one && listened_to)
        report_member(m, HX_EVENT_MEMBER_MOVED);
    if (!listened_to) {
        if (m->state == PAIR_REST && !m->stream && new_one)
            wait_for(m, RETRY_FIRST_MS);
        return;
    }
    act_on(m, n, part, new_one, &before);
}

bool group_member_left(struct group_member *m)
{
    if (m->here)
        report_member(m, HX_EVENT_MEMBER_LEFT);
    m->here = false;
    if (!is_tried(m))
        enter(m, PAIR_REST);
    return is_tried(m) || m->stream;
}

bool group_member_connected(const struct group_member *m)
{
    return m->here && m->stream && !stream_gone(m->stream);
}

bool group_member_sought(const struct group_member *m)
{
    return (m->here && m->state == PAIR_PUNCHING) || group_member_lost(m);
}

bool group_member_lost(const struct group_member *m)
{
    return m->stream && m->reach == AGENT_LOST;
}

bool group_member_unoffered(const struct group_member *m)
{
    return m->here && group_member_sought(m) && m->session.relay.offered &&
           m->g->presence.settings.relay_after_ms >= 0 && clock_now_ms() - m->session_ms >= AGENT_OFFER_MS;
}

bool group_member_relayed(const struct group_member *m)
{
    return m->stream && m->reach == AGENT_RELAYED;
}

int group_member_create(struct group_member **out, struct hx_group *g, const char *name)
{
    struct group_member *m = calloc(1, sizeof *m);
    if (!m)
        return HX_ENOMEM;
    m->g = g;
    m->calling = strcmp(g->presence.settings.own_name, name) < 0;
    m->timer.fire = on_timer;
    strncpy(m->name, name, HOST_ID_MAX);
    *out = m;
    return HX_OK;
}

void group_member_destroy(struct group_member *m)
{
    enter(m, PAIR_REST);
    if (m->stream)
        stream_disown(m->stream);
    free(m);
}
