/* hx_listener: a name that is kept bound, and the peers that came for it. The engine's lock guards it. */
#include "base/container_of.h"
#include "client/introduction.h"
#include "client/met_sessions.h"
#include "client/presence.h"
#include "client/punch.h"
#include "client/report.h"
#include "client/visit_store.h"
#include <stdlib.h>
#include <string.h>

struct hx_listener {
    struct presence presence;
};

static void report_peer(struct hx_listener *l, enum hx_event event, int error, const struct punch_result *r)
{
    report(&l->presence.settings.reporter,
           &(struct hx_event_info){
               .event = event, .error = error, .name = r->name, .text = r->text, .punch_ms = r->elapsed_ms},
           r->peer);
}

static void take_in(struct hx_listener *l, const struct punch_result *r)
{
    struct stream_info info = {.peer = *r->peer,
                               .external = *binding_external(&l->presence.binding, r->peer->family),
                               .name = r->name,
                               .linger_ms = l->presence.settings.linger_ms,
                               .keys = &l->presence.settings.keys,
                               .channel = r->channel,
                               .agent = r->agent,
                               .reporter = l->presence.settings.path_reporter};
    struct hx_stream *s;
    int err = stream_adopt(&s, r->stream, &info);
    if (err < 0) {
        report_peer(l, HX_EVENT_PEER_DROPPED, err, r);
        return;
    }
    report_peer(l, HX_EVENT_PUNCHED, HX_OK, r);
    stream_queue_put(&l->presence.queue, s);
    presence_changed(&l->presence);
}

/* The nameserver hears of it last: the peer waits. */
static void on_punched(void *user, const struct punch_result *r)
{
    struct hx_listener *l = user;
    if (r->error == HX_ECANCELED)
        return;
    if (r->agent)
        met_sessions_add(agent_session(r->agent));
    if (r->error < 0)
        report_peer(l, r->error == HX_ELIMIT ? HX_EVENT_PEER_DROPPED : HX_EVENT_PUNCH_FAILED, r->error, r);
    else
        take_in(l, r);
    if (r->report)
        binding_report(&l->presence.binding, r->seen_family, r->report);
}

static void on_part(void *user, struct nameserver *n, const struct multipart_part *part)
{
    struct hx_listener *l = user;
    const struct endpoint *peer = &part->peer.list[0].at,
                          *own = binding_external(&l->presence.binding, peer->family);
    const struct peer_fields *told = binding_told(&l->presence.binding, n);
    struct punch_request request;
    char both[PUNCH_BOTH_MAX];
    struct punch_result begun = {
        .peer = peer, .name = part->name, .text = punch_both_behind(own, peer, both)};
    struct punch_result failed = {.peer = peer, .name = part->name};
    struct agent *known = part->session.given ? agent_find(part->session.id, false) : NULL;
    if (known) { /* its paths have ended, and it asks for others */
        introduction_tell(known, part, told, n);
        return;
    }
    if (part->session.given && met_sessions_have(&part->session))
        return;
    introduction_request(&request, n, &l->presence.settings, told);
    request.peer = part->peer;
    request.session = &part->session;
    request.own_external = *own;
    request.peer_mapping = part->mapping;
    request.name = part->name;
    request.on_done = on_punched;
    request.user = l;
    int err = punch_begin(&request);
    report_peer(l, HX_EVENT_PEER, HX_OK, &begun);
    if (err < 0)
        report_peer(l, err == HX_ELIMIT ? HX_EVENT_PEER_DROPPED : HX_EVENT_PUNCH_FAILED, err, &failed);
}

static void on_changed(void *user)
{
    struct hx_listener *l = user;
    presence_changed(&l->presence);
}

static void on_cancel(struct engine_member *m)
{
    struct hx_listener *l = container_of(m, struct hx_listener, presence.member);
    punch_cancel(l);
    presence_cancel(&l->presence);
}

static void on_nat_news(void *user)
{
    struct hx_listener *l = user;
    binding_fields_changed(&l->presence.binding);
}

static void on_path_suspect(struct engine_member *m, bool lost)
{
    binding_check(&container_of(m, struct presence, member)->binding, lost);
}

/* The engine's lock is held. */
static void destroy(struct hx_listener *l)
{
    on_cancel(&l->presence.member);
    presence_leave(&l->presence);
    free(l);
}

static int bind_and_wait(struct hx_listener *l)
{
    struct presence *p = &l->presence;
    int err = presence_alone(p);
    if (err < 0)
        return err;
    (void)nat_use(&p->nat, &p->settings, on_nat_news, l); /* without memory its peers hear less */
    err = binding_begin(&p->binding, &p->settings, &(struct binding_callbacks){on_changed, on_part, l});
    return err < 0 ? err : binding_await(&p->binding, &p->cond, &p->canceled);
}

int hx_bind_sized(struct hx_listener **out, const struct hx_config *config, size_t size, const char *name)
{
    struct hx_listener *l = calloc(1, sizeof *l);
    if (!l)
        return HX_ENOMEM;
    int err = settings_init(&l->presence.settings, config, size, name);
    l->presence.member.cancel = on_cancel;
    l->presence.member.path_suspect = on_path_suspect;
    if (err < 0)
        settings_free(&l->presence.settings);
    else
        err = presence_enter(&l->presence, config, size, l->presence.settings.backlog);
    if (err < 0) {
        free(l);
        return err;
    }
    err = bind_and_wait(l);
    if (err < 0)
        destroy(l);
    else
        *out = l;
    visit_store_flush_later();
    engine_unlock();
    return err;
}

int hx_accept(struct hx_listener *l, struct hx_stream **out, int timeout_ms)
{
    return presence_take(&l->presence, out, timeout_ms);
}

int hx_listener_fd(struct hx_listener *l)
{
    return presence_fd(&l->presence);
}

int hx_listener_external(struct hx_listener *l, char *text, size_t size)
{
    char whole[ENDPOINT_TEXT_MAX];
    engine_lock();
    size_t len = report_address(binding_external(&l->presence.binding, AF_UNSPEC), whole);
    engine_unlock();
    if (len >= size)
        return HX_ETOOBIG;
    memcpy(text, whole, len + 1);
    return (int)len;
}

void hx_listener_close(struct hx_listener *l)
{
    if (!l)
        return;
    engine_lock();
    destroy(l);
    engine_unlock();
}
