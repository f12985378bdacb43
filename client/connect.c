/* hx_connect: one question to the nameserver, then the hole. The engine's lock guards it. */
#include "base/clock.h"
#include "base/container_of.h"
#include "client/engine.h"
#include "client/nameserver.h"
#include "client/parts.h"
#include "client/punch.h"
#include "client/settings.h"
#include "client/stream.h"
#include "proto/request.h"
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* UDT tells two rendezvous with one peer's address apart no more than the peer does: those who want the same
 * name go one after the other. */
static struct connect *connects;

struct connect {
    struct engine_member member;
    struct connect *prev, *next;
    struct settings settings;
    struct parts parts;
    struct nameserver *nameserver;
    pthread_cond_t cond;
    int64_t begun_ms;
    bool punching;
    bool canceled;
    int error; /* below 0: failed */
    struct hx_stream *stream;
};

static void fail(struct connect *c, int error)
{
    c->error = error;
    pthread_cond_broadcast(&c->cond);
}

static void report_peer(struct connect *c, enum hx_event event, const struct punch_result *r)
{
    report(&c->settings.reporter,
           &(struct hx_event_info){.event = event,
                                   .error = r->error,
                                   .name = c->settings.name,
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
                               .connecting = true};
    c->punching = false;
    if (r->error == HX_ECANCELED) { /* another name of the same peer is being reached by another thread */
        fail(c, HX_ELIMIT);
        return;
    }
    report_peer(c, r->error < 0 ? HX_EVENT_PUNCH_FAILED : HX_EVENT_PUNCHED, r);
    int err = r->error < 0 ? r->error : stream_adopt(&c->stream, r->stream, &info);
    if (err < 0)
        fail(c, err);
    else
        pthread_cond_broadcast(&c->cond);
}

static void punch(struct connect *c, const struct endpoint *peer)
{
    struct punch_result begun = {.peer = peer, .name = c->settings.name};
    punch_cancel(c); /* a newer target replaces the older one */
    report_peer(c, HX_EVENT_PEER, &begun);
    int err = punch_begin(&(struct punch_request){.peer = *peer,
                                                  .name = c->settings.name,
                                                  .timeout_ms = c->settings.punch_ms,
                                                  .ours = true,
                                                  .on_done = on_punched,
                                                  .user = c});
    c->punching = err == HX_OK;
    if (err < 0)
        fail(c, err);
}

static void tell_external(struct connect *c)
{
    report(&c->settings.reporter,
           &(struct hx_event_info){.event = HX_EVENT_EXTERNAL, .name = c->settings.own_name}, &c->parts.own);
}

static void on_agreed(void *user, const struct endpoint *external)
{
    struct connect *c = user;
    if (external->family == AF_UNSPEC)
        return;
    c->parts.own = *external;
    tell_external(c);
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct connect *c = user;
    bool known = c->parts.own.family != AF_UNSPEC;
    if (c->stream || c->error < 0)
        return;
    switch (parts_take(&c->parts, part)) {
    case PART_TARGET:
        punch(c, &part->peer);
        break;
    case PART_OWN:
        if (!known)
            tell_external(c);
        break;
    case PART_OTHER:
        break;
    }
}

/* While a punch is under way the nameserver is not needed any more. */
static void on_end(void *user, const struct nameserver_end *end)
{
    struct connect *c = user;
    if (end->text[0] != '\0')
        report(
            &c->settings.reporter,
            &(struct hx_event_info){
                .event = HX_EVENT_REJECTED, .error = end->error, .name = c->settings.name, .text = end->text},
            NULL);
    nameserver_close(c->nameserver);
    c->nameserver = NULL;
    if (!c->stream && !c->punching && c->error == HX_OK)
        fail(c, end->error);
}

static void on_cancel(struct engine_member *m)
{
    struct connect *c = container_of(m, struct connect, member);
    c->canceled = true;
    punch_cancel(c);
    nameserver_close(c->nameserver);
    c->nameserver = NULL;
    pthread_cond_broadcast(&c->cond);
}

static int ask(struct connect *c)
{
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, c};
    char prefer[sizeof "Prefer: wait=-2147483648\r\n"];
    struct buf request;
    snprintf(prefer, sizeof prefer, "Prefer: wait=%d\r\n", c->settings.wait_s);
    buf_init(&request, 0);
    int err = request_write_connect(&request, c->settings.name, c->settings.own_name,
                                    c->settings.wait_s > 0 ? prefer : NULL);
    if (err == HX_OK)
        err =
            nameserver_open(&c->nameserver, &c->settings.addresses, &request, c->settings.wait_s, &callbacks);
    buf_free(&request);
    return err;
}

static bool another_before(const struct connect *c)
{
    for (const struct connect *it = connects; it != c; it = it->next) {
        if (strcmp(it->settings.name, c->settings.name) == 0)
            return true;
    }
    return false;
}

static int await_turn(struct connect *c, int64_t deadline_ms)
{
    while (another_before(c) && !c->canceled) {
        if (!engine_wait(&c->cond, deadline_ms))
            return HX_ETIMEDOUT;
    }
    return c->canceled ? HX_ECANCELED : HX_OK;
}

static void end_turn(struct connect *c)
{
    DL_DELETE(connects, c);
    for (struct connect *it = connects; it; it = it->next)
        pthread_cond_broadcast(&it->cond);
}

static int reach(struct connect *c, int64_t deadline_ms)
{
    c->begun_ms = clock_now_ms();
    c->error = ask(c);
    while (c->error == HX_OK && !c->stream && !c->canceled) {
        if (!engine_wait(&c->cond, deadline_ms) && c->error == HX_OK)
            c->error = c->punching ? HX_EPUNCH : HX_ETIMEDOUT;
    }
    on_cancel(&c->member); /* also frees what is left after success */
    return c->stream ? HX_OK : c->error < 0 ? c->error : HX_ECANCELED;
}

int hx_connect(struct hx_stream **out, const struct hx_config *config, const char *name, int timeout_ms)
{
    struct connect c = {.error = HX_OK};
    int64_t deadline_ms = engine_deadline(timeout_ms);
    int err = settings_init(&c.settings, config, name);
    if (err == HX_OK)
        err = engine_cond_init(&c.cond);
    if (err < 0) {
        settings_free(&c.settings);
        return err;
    }
    err = engine_enter(c.settings.local_port);
    if (err == HX_OK) {
        parts_init(&c.parts, c.settings.name, c.settings.own_name);
        c.member.cancel = on_cancel;
        engine_join(&c.member);
        DL_APPEND(connects, &c);
        err = await_turn(&c, deadline_ms);
        if (err == HX_OK)
            err = reach(&c, deadline_ms);
        end_turn(&c);
        engine_leave(&c.member);
        if (err == HX_OK)
            *out = c.stream;
        engine_unlock();
    }
    pthread_cond_destroy(&c.cond);
    settings_free(&c.settings);
    return err;
}
