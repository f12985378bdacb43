/* hx_listener: a name that is kept bound, and the peers that came for it. The engine's lock guards it. */
#include "base/container_of.h"
#include "client/binding.h"
#include "client/introduction.h"
#include "client/met_sessions.h"
#include "client/nat.h"
#include "client/punch.h"
#include "client/report.h"
#include "client/stream_queue.h"
#include "client/visit_store.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct hx_listener {
    struct settings settings;
    struct engine_member member;
    struct binding binding;
    struct nat_user *nat;
    bool canceled;
    int users; /* threads that wait in hx_accept() */
    pthread_cond_t cond;
    struct stream_queue queue;
    struct hx_listener *prev, *next;
};

static struct hx_listener *listeners;

/* For the nameserver it would be one that has begun anew: it comes from the same port. */
static bool is_bound_here(const struct settings *s)
{
    for (const struct hx_listener *l = listeners; l; l = l->next)
        for (int i = 0; i < l->settings.nameserver_count && strcmp(l->settings.name, s->name) == 0; i++)
            for (int k = 0; k < s->nameserver_count; k++) {
                const struct host_port *a = &l->settings.nameservers[i], *b = &s->nameservers[k];
                if (a->port == b->port && strcmp(a->host, b->host) == 0)
                    return true;
            }
    return false;
}

static void report_peer(struct hx_listener *l, enum hx_event event, int error, const struct punch_result *r)
{
    report(&l->settings.reporter,
           &(struct hx_event_info){
               .event = event, .error = error, .name = r->name, .text = r->text, .punch_ms = r->elapsed_ms},
           r->peer);
}

static void take_in(struct hx_listener *l, const struct punch_result *r)
{
    struct stream_info info = {.peer = *r->peer,
                               .external = *binding_external(&l->binding, r->peer->family),
                               .name = r->name,
                               .linger_ms = l->settings.linger_ms,
                               .keys = &l->settings.keys,
                               .channel = r->channel,
                               .agent = r->agent,
                               .reporter = l->settings.path_reporter};
    struct hx_stream *s;
    int err = stream_adopt(&s, r->stream, &info);
    if (err < 0) {
        report_peer(l, HX_EVENT_PEER_DROPPED, err, r);
        return;
    }
    report_peer(l, HX_EVENT_PUNCHED, HX_OK, r);
    stream_queue_put(&l->queue, s);
    pthread_cond_broadcast(&l->cond);
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
        binding_report(&l->binding, r->seen_family, r->report);
}

static void on_part(void *user, struct nameserver *n, const struct multipart_part *part)
{
    struct hx_listener *l = user;
    const struct endpoint *peer = &part->peer.list[0].at, *own = binding_external(&l->binding, peer->family);
    const struct peer_fields *told = binding_told(&l->binding, n);
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
    introduction_request(&request, n, &l->settings, told);
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
    pthread_cond_broadcast(&l->cond);
}

/* Ends everything but the handle. */
static void on_cancel(struct engine_member *m)
{
    struct hx_listener *l = container_of(m, struct hx_listener, member);
    l->canceled = true;
    punch_cancel(l);
    nat_use_end(l->nat);
    l->nat = NULL;
    binding_end(&l->binding);
    stream_queue_end(&l->queue);
    pthread_cond_broadcast(&l->cond);
}

static void on_network_changed(struct engine_member *m)
{
    binding_network_changed(&container_of(m, struct hx_listener, member)->binding);
}

static void on_nat_news(void *user)
{
    struct hx_listener *l = user;
    binding_fields_changed(&l->binding);
}

static void on_path_suspect(struct engine_member *m, bool lost)
{
    binding_check(&container_of(m, struct hx_listener, member)->binding, lost);
}

/* The engine's lock is held. */
static void destroy(struct hx_listener *l)
{
    DL_DELETE(listeners, l);
    on_cancel(&l->member);
    while (l->users > 0)
        engine_wait(&l->cond, INT64_MAX);
    engine_leave(&l->member);
    stream_queue_free(&l->queue);
    pthread_cond_destroy(&l->cond);
    settings_free(&l->settings);
    free(l);
}

static int bind_and_wait(struct hx_listener *l)
{
    (void)nat_use(&l->nat, &l->settings, on_nat_news, l); /* without memory its peers hear less */
    int err = binding_begin(&l->binding, &l->settings, &(struct binding_callbacks){on_changed, on_part, l});
    return err < 0 ? err : binding_await(&l->binding, &l->cond, &l->canceled);
}

int hx_bind_sized(struct hx_listener **out, const struct hx_config *config, size_t size, const char *name)
{
    struct hx_listener *l = calloc(1, sizeof *l);
    if (!l)
        return HX_ENOMEM;
    int err = settings_init(&l->settings, config, size, name);
    if (err == HX_OK)
        err = engine_cond_init(&l->cond);
    if (err == HX_OK)
        visit_store_use(settings_state_dir(config, size));
    if (err == HX_OK && (err = engine_enter(l->settings.local_port)) < 0)
        pthread_cond_destroy(&l->cond);
    if (err < 0) {
        settings_free(&l->settings);
        free(l);
        return err;
    }
    l->member.cancel = on_cancel;
    l->member.network_changed = on_network_changed;
    l->member.path_suspect = on_path_suspect;
    stream_queue_init(&l->queue, l->settings.backlog, &l->settings.reporter);
    engine_join(&l->member);
    bool taken = is_bound_here(&l->settings);
    DL_APPEND(listeners, l);
    err = taken ? HX_ECONFLICT : bind_and_wait(l);
    if (taken)
        report(&l->settings.reporter,
               &(struct hx_event_info){.event = HX_EVENT_REJECTED,
                                       .error = err,
                                       .name = l->settings.name,
                                       .text = "this program has bound it already"},
               NULL);
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
    int64_t deadline_ms = engine_deadline(timeout_ms);
    int err = HX_OK;
    engine_lock();
    l->users++;
    while (err == HX_OK && !l->canceled && !stream_queue_has_one(&l->queue)) {
        if (timeout_ms == 0)
            err = HX_EAGAIN;
        else if (!engine_wait(&l->cond, deadline_ms))
            err = HX_ETIMEDOUT;
    }
    if (l->canceled)
        err = HX_ECANCELED;
    else if (stream_queue_has_one(&l->queue)) {
        *out = stream_queue_take(&l->queue);
        err = HX_OK;
    }
    l->users--;
    if (l->canceled)
        pthread_cond_broadcast(&l->cond);
    engine_unlock();
    return err;
}

int hx_listener_fd(struct hx_listener *l)
{
    engine_lock();
    int fd = readiness_fd_get(&l->queue.fd);
    engine_unlock();
    return fd;
}

int hx_listener_external(struct hx_listener *l, char *text, size_t size)
{
    char whole[ENDPOINT_TEXT_MAX];
    engine_lock();
    size_t len = report_address(binding_external(&l->binding, AF_UNSPEC), whole);
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
