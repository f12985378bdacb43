/* hx_connect: a question to the nameserver, asked until it is answered, then the hole. The engine's
 * lock guards it.
 *
 *     WAITING --retry is due--> ASKING --target told--> PUNCHING --> DONE
 *        ^                        |  |                                ^
 *        '----- not reached ------'  '--- no, or no time is left -----' */
#include "base/backoff.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/token_bucket.h"
#include "client/asking_round.h"
#include "client/detour.h"
#include "client/families_asked.h"
#include "client/hard_nat.h"
#include "client/introduction.h"
#include "client/nameserver.h"
#include "client/nat.h"
#include "client/own_fields.h"
#include "client/parts.h"
#include "client/prepared_channel.h"
#include "client/punch.h"
#include "client/settings.h"
#include "client/stream.h"
#include "client/visit_store.h"
#include "proto/request.h"
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define UNANSWERED_MAX 2    /* a NAT may keep a dead mapping as long as packets use it: then another port */
#define RETRY_MAX_MS   2000 /* somebody waits, and not for long */
#define AGAIN_FIRST_MS 1000 /* a punch has not succeeded: what has each side learned meanwhile? */
#define AGAIN_MS       2500

/* How often a nameserver is believed that the peer is another one: each time costs packets to all of its
 * candidates. */
static const struct token_limit targets_limit = {.per_second = 1, .most = 8};

/* UDT tells two rendezvous with one peer's address apart no more than the peer does: those who want the same
 * name go one after the other. */
static struct connect *connects;

enum connect_state { CONNECT_WAITING, CONNECT_ASKING, CONNECT_PUNCHING, CONNECT_DONE };

struct connect {
    struct engine_member member;
    struct connect *prev, *next;
    struct settings settings;
    enum connect_state state; /* changed by enter() alone */
    struct timer retry;
    struct backoff backoff;
    int64_t begun_ms, deadline_ms;

    int where;            /* the nameserver that is asked, of settings.nameservers ... */
    struct detour detour; /* ... or that one names instead */
    struct families_asked over;
    int unanswered; /* tries in a row */
    struct asking_round round;
    struct parts parts;
    struct token_bucket targets;
    struct peer_fields told; /* of us, with the question */
    struct session session;  /* of the punch */
    struct nat_count *count; /* before it is told again */
    struct nameserver *nameserver;
    struct udt_port *port;           /* the punch leaves from it */
    struct prepared_channel channel; /* of the first one */

    pthread_cond_t cond;
    int last_error; /* of a try, HX_OK if none has failed */
    int error;      /* DONE without a stream */
    struct hx_stream *stream;
};

/* What belongs to the state that is left ends with it. */
static void enter(struct connect *c, enum connect_state state)
{
    if (c->state == CONNECT_PUNCHING)
        punch_cancel(c);
    nat_count_cancel(c->count);
    c->count = NULL;
    engine_timer_cancel(&c->retry);
    c->state = state;
    if (state == CONNECT_DONE)
        pthread_cond_broadcast(&c->cond);
}

static void fail(struct connect *c, int error)
{
    c->error = error;
    enter(c, CONNECT_DONE);
}

static void report_peer(struct connect *c, enum hx_event event, const struct punch_result *r)
{
    report(&c->settings.reporter,
           &(struct hx_event_info){.event = event,
                                   .error = r->error == HX_ETIMEDOUT ? HX_EPUNCH : r->error,
                                   .name = c->settings.name,
                                   .text = r->text,
                                   .punch_ms = r->elapsed_ms,
                                   .total_ms = clock_now_ms() - c->begun_ms},
           r->peer);
}

static void on_punched(void *user, const struct punch_result *r)
{
    struct connect *c = user;
    struct stream_info info = {.peer = *r->peer,
                               .external = c->parts.own,
                               .name = c->settings.name,
                               .linger_ms = c->settings.linger_ms,
                               .keys = &c->settings.keys,
                               .connecting = true,
                               .port = c->port,
                               .channel = r->channel,
                               .agent = r->agent,
                               .reporter = c->settings.path_reporter};
    if (r->error == HX_ECANCELED) { /* another name of the same peer is being reached by another thread */
        fail(c, HX_ELIMIT);
        return;
    }
    if (r->error == HX_EPUNCH) /* it may be our NAT: see UNANSWERED_MAX */
        engine_port_leave(c->port);
    if (r->agent) /* without memory it does without */
        (void)rejoin_create(&info.rejoin, &c->settings, c->where, r->agent);
    int err = r->error == HX_ETIMEDOUT ? HX_EPUNCH
              : r->error < 0           ? r->error
                                       : stream_adopt(&c->stream, r->stream, &info);
    if (err < 0)
        fail(c, err);
    else
        enter(c, CONNECT_DONE);
    report_peer(c, r->error < 0 ? HX_EVENT_PUNCH_FAILED : HX_EVENT_PUNCHED, r);
    if (r->report)
        nameserver_report(c->nameserver, r->report);
}

static bool has_nat_news(const struct connect *c)
{
    struct nat_mapping now;
    return nat_known(AF_INET, &now) && hard_nat_news(&now, &c->told.mapping);
}

static void punch(struct connect *c, const struct multipart_part *part)
{
    const struct candidates *peer = &part->peer;
    char both[PUNCH_BOTH_MAX];
    struct punch_result begun = {.peer = &peer->list[0].at,
                                 .name = c->settings.name,
                                 .text = punch_both_behind(&c->parts.own, &peer->list[0].at, both)};
    enter(c, CONNECT_PUNCHING); /* a newer target replaces the older one */
    c->session = part->session;
    struct punch_request request;
    introduction_request(&request, c->nameserver, &c->settings, &c->told);
    request.peer = *peer;
    request.session = &part->session;
    request.own_external = c->parts.own;
    request.peer_mapping = part->mapping;
    request.name = c->settings.name;
    request.prepared = &c->channel;
    request.ours = request.calling = true;
    request.on_done = on_punched;
    request.user = c;
    c->port = request.port;
    int err = punch_begin(&request);
    report_peer(c, HX_EVENT_PEER, &begun);
    if (err < 0)
        fail(c, err);
    else if (c->session.given)
        engine_timer_set(&c->retry, clock_now_ms() + (has_nat_news(c) ? 0 : AGAIN_FIRST_MS));
}

static void on_end(void *user, const struct nameserver_end *end);

static void tell_external(struct connect *c)
{
    report(&c->settings.reporter,
           &(struct hx_event_info){.event = HX_EVENT_EXTERNAL, .name = c->settings.own_name}, &c->parts.own);
}

static void on_agreed(void *user, const struct endpoint *external)
{
    struct connect *c = user;
    c->unanswered = 0;
    if (external->family == AF_UNSPEC || endpoint_equal(external, &c->parts.own))
        return;
    c->parts.own = *external;
    tell_external(c);
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct connect *c = user;
    bool own_known = c->parts.own.family != AF_UNSPEC;
    struct agent *known;
    if (c->state == CONNECT_DONE)
        return;
    switch (parts_take(&c->parts, part)) {
    case PART_TARGET:
        known = part->session.given ? agent_find(part->session.id, true) : NULL;
        if (known)
            introduction_tell(known, part, &c->told, c->nameserver);
        else if (token_bucket_take(&c->targets, &targets_limit, 1, clock_now_ms()))
            punch(c, part);
        break;
    case PART_OWN:
        if (!own_known)
            tell_external(c);
        break;
    case PART_OTHER:
        break;
    }
}

/* `session`: that is continued; NULL: a new one. */
static void ask_for(struct connect *c, const struct session *session)
{
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, c};
    char headers[sizeof "Prefer: wait=-2147483648\r\n" FAMILIES_RELAYED];
    struct buf bytes;
    struct nameserver_request request = {.families = c->over.now,
                                         .port = session ? c->port : engine_port(),
                                         .bytes = &bytes,
                                         .credentials = c->settings.credentials,
                                         .tracer = &c->settings.tracer,
                                         .wait_s = c->settings.wait_s};
    detour_request(&c->detour, &c->settings, c->where, &request);
    struct endpoint own = c->parts.own;
    parts_init(&c->parts, c->settings.name, c->settings.own_name);
    if (session) /* the punch may succeed before it is told anew */
        c->parts.own = own;
    int len = c->settings.wait_s > 0
                  ? snprintf(headers, sizeof headers, "Prefer: wait=%d\r\n", c->settings.wait_s)
                  : 0;
    snprintf(headers + len, sizeof headers - (size_t)len, "%s", c->over.relayed ? FAMILIES_RELAYED : "");
    own_fields(&c->told, request.port, &c->settings);
    if (session)
        c->told.session = *session;
    buf_init(&bytes, 0);
    int err = request_write_connect(&bytes, c->settings.name, c->settings.own_name, headers, &c->told);
    if (err == HX_OK)
        err = nameserver_open(&c->nameserver, &request, &callbacks);
    buf_free(&bytes);
    if (!session)
        enter(c, CONNECT_ASKING);
    if (err < 0)
        fail(c, err);
}

/* In the same session: each side is told what the other one knows of itself now. News that is told early does
 * not put off what is asked in any case. */
static void ask_again(struct connect *c)
{
    int64_t now_ms = clock_now_ms();
    bool early = now_ms - c->begun_ms < AGAIN_FIRST_MS;
    nameserver_close(c->nameserver);
    c->nameserver = NULL;
    engine_timer_set(&c->retry, now_ms + (early ? AGAIN_FIRST_MS : AGAIN_MS));
    ask_for(c, &c->session);
}

static void on_counted(void *user, uint16_t port)
{
    struct connect *c = user;
    (void)port; /* own_fields() has it */
    c->count = NULL;
    ask_again(c);
}

/* What has been tried has moved a NAT that counts. */
static void count_and_ask_again(struct connect *c)
{
    engine_timer_cancel(&c->retry);
    if (!c->count && nat_count_begin(&c->count, on_counted, c) < 0)
        ask_again(c);
}

static void on_nat_news(void *user)
{
    struct connect *c = user;
    if (c->state == CONNECT_PUNCHING && c->session.given && has_nat_news(c))
        count_and_ask_again(c);
}

static void report_end(struct connect *c, enum hx_event event, const struct nameserver_end *end,
                       int64_t retry_ms)
{
    report(&c->settings.reporter,
           &(struct hx_event_info){.event = event,
                                   .error = end->error,
                                   .name = c->settings.name,
                                   .text = end->text,
                                   .retry_ms = retry_ms},
           NULL);
}

static void fail_saying(struct connect *c, int error, const struct nameserver_end *end)
{
    if (end->text[0] != '\0')
        report_end(c, HX_EVENT_REJECTED, end, 0);
    fail(c, error);
}

/* All nameservers were asked, none has told of the peer: again, unless that is no use or there is no time. */
static void round_over(struct connect *c, const struct nameserver_end *end)
{
    int64_t delay_ms = backoff_next_ms(&c->backoff, engine_random()) + c->round.retry_after_s * 1000LL;
    int err = asking_round_over(&c->round, end);
    if (err == HX_OK && c->deadline_ms - clock_now_ms() <= delay_ms)
        err = end->error;
    if (err == HX_EDENIED) { /* which one it was that said so, and why, was told */
        fail(c, err);
    } else if (err < 0) {
        fail_saying(c, err, end);
    } else {
        memset(&c->round, 0, sizeof c->round);
        enter(c, CONNECT_WAITING);
        engine_timer_set(&c->retry, clock_now_ms() + delay_ms);
        report_end(c, HX_EVENT_NAMESERVER_AWAITED, end, delay_ms);
    }
}

/* 409: the peer has only the other family, over which the nameserver tells of it. */
static void narrow(struct connect *c, const struct nameserver_end *end)
{
    if (end->answered)
        report_end(c, HX_EVENT_REJECTED, end, 0); /* this is why, if it comes to nothing */
    if (families_asked_next(&c->over, nameserver_family(c->nameserver)))
        ask_for(c, NULL);
    else
        fail(c, HX_EFAMILY);
}

/* Nothing has come of asking this nameserver. */
static void try_on(struct connect *c, const struct nameserver_end *end)
{
    c->last_error = end->error;
    c->round.asked++;
    c->where = (c->where + 1) % c->settings.nameserver_count;
    detour_end(&c->detour);
    if (c->round.asked < c->settings.nameserver_count)
        ask_for(c, NULL);
    else
        round_over(c, end);
}

static void judge(struct connect *c, const struct nameserver_end *end)
{
    /* the nameserver has no address of the peer's family, or we have no way */
    bool no_way = c->over.narrowed && !end->answered;
    if (end->error == HX_ECONFLICT) {
        narrow(c, end);
        return;
    }
    if (end->error == HX_EDENIED)
        report_end(c, HX_EVENT_REJECTED, end, 0);
    bool awaited = end->error == HX_ENOTFOUND && detour_awaits(&c->detour);
    c->round.soft |= awaited;
    if (!awaited && !asking_round_take(&c->round, end) && !c->detour.taken)
        fail_saying(c, end->error, end);
    else if (no_way)
        narrow(c, end);
    else
        try_on(c, end);
}

/* While a punch is under way the nameserver is not needed any more. */
static void on_end(void *user, const struct nameserver_end *end)
{
    struct connect *c = user;
    struct nameserver *n = c->nameserver;
    c->unanswered = end->error == HX_ETIMEDOUT && !end->answered ? c->unanswered + 1 : 0;
    if (c->unanswered >= UNANSWERED_MAX) {
        engine_port_leave(nameserver_port(n));
        c->unanswered = 0;
    }
    if (c->state == CONNECT_ASKING && detour_take(&c->detour, end, &c->settings, c->where))
        ask_for(c, NULL);
    else if (c->state == CONNECT_ASKING)
        judge(c, end);
    if (c->nameserver == n)
        c->nameserver = NULL;
    nameserver_close(n);
}

static void on_retry(struct timer *t)
{
    struct connect *c = container_of(t, struct connect, retry);
    if (c->state == CONNECT_PUNCHING)
        count_and_ask_again(c);
    else
        ask_for(c, NULL);
}

static void on_cancel(struct engine_member *m)
{
    struct connect *c = container_of(m, struct connect, member);
    if (c->state != CONNECT_DONE)
        fail(c, HX_ECANCELED);
    nameserver_leave(c->nameserver);
    c->nameserver = NULL;
}

static bool another_before(const struct connect *c)
{
    for (const struct connect *it = connects; it != c; it = it->next) {
        if (strcmp(it->settings.name, c->settings.name) == 0)
            return true;
    }
    return false;
}

static int await_turn(struct connect *c)
{
    while (another_before(c) && c->state != CONNECT_DONE) {
        if (!engine_wait(&c->cond, c->deadline_ms))
            return HX_ETIMEDOUT;
    }
    return c->error;
}

static void end_turn(struct connect *c)
{
    DL_DELETE(connects, c);
    for (struct connect *it = connects; it; it = it->next)
        pthread_cond_broadcast(&it->cond);
}

static int reach(struct connect *c)
{
    struct nat_user *nat = NULL;
    c->begun_ms = clock_now_ms();
    (void)nat_use(&nat, &c->settings, on_nat_news, c); /* without memory the peer hears less */
    ask_for(c, NULL);
    while (c->state != CONNECT_DONE) {
        if (engine_wait(&c->cond, c->deadline_ms) || c->state == CONNECT_DONE)
            continue;
        if (c->state == CONNECT_PUNCHING)
            punch_give_up(c);
        else
            fail(c, c->last_error < 0 ? c->last_error : HX_ETIMEDOUT);
    }
    nat_use_end(nat);
    on_cancel(&c->member); /* frees what is left */
    return c->stream ? HX_OK : c->error;
}

int hx_connect_sized(struct hx_stream **out, const struct hx_config *config, size_t size, const char *name,
                     int timeout_ms)
{
    struct connect c = {.error = HX_OK, .deadline_ms = engine_deadline(timeout_ms)};
    int err = settings_init(&c.settings, config, size, name);
    if (err == HX_OK)
        err = engine_cond_init(&c.cond);
    if (err < 0) {
        settings_free(&c.settings);
        return err;
    }
    prepared_channel_begin(&c.channel, &c.settings.keys);
    visit_store_use(settings_state_dir(config, size));
    err = engine_enter(c.settings.local_port);
    if (err == HX_OK) {
        families_asked_init(&c.over, c.settings.families, c.settings.relay_after_ms >= 0);
        c.retry.fire = on_retry;
        c.backoff.max_ms = RETRY_MAX_MS;
        c.member.cancel = on_cancel;
        engine_join(&c.member);
        DL_APPEND(connects, &c);
        err = await_turn(&c);
        if (err == HX_OK)
            err = reach(&c);
        end_turn(&c);
        engine_leave(&c.member);
        if (err == HX_OK)
            *out = c.stream;
        visit_store_flush_later();
        engine_unlock();
    }
    prepared_channel_end(&c.channel);
    pthread_cond_destroy(&c.cond);
    settings_free(&c.settings);
    return err;
}
