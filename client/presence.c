#include "client/presence.h"
#include "base/container_of.h"
#include "client/visit_store.h"
#include <string.h>
#include <utlist.h>

static struct presence *presences;

static void on_network_changed(struct engine_member *m)
{
    binding_network_changed(&container_of(m, struct presence, member)->binding);
}

int presence_enter(struct presence *p, const struct hx_config *config, size_t size, int backlog)
{
    int err = engine_cond_init(&p->cond);
    if (err == HX_OK) {
        visit_store_use(settings_state_dir(config, size));
        err = engine_enter(p->settings.local_port);
        if (err < 0)
            pthread_cond_destroy(&p->cond);
    }
    if (err < 0) {
        settings_free(&p->settings);
        return err;
    }
    p->member.network_changed = on_network_changed;
    stream_queue_init(&p->queue, backlog, &p->settings.reporter);
    engine_join(&p->member);
    DL_APPEND(presences, p);
    return HX_OK;
}

static bool same_nameserver(const struct settings *a, const struct settings *b)
{
    for (int i = 0; i < a->nameserver_count; i++) {
        for (int k = 0; k < b->nameserver_count; k++) {
            const struct host_port *one = &a->nameservers[i], *other = &b->nameservers[k];
            if (one->port == other->port && strcmp(one->host, other->host) == 0)
                return true;
        }
    }
    return false;
}

static bool same_name(const struct settings *a, const struct settings *b)
{
    if ((a->expect > 0) != (b->expect > 0) || strcmp(a->name, b->name) != 0)
        return false;
    return a->expect == 0 || strcmp(a->own_name, b->own_name) == 0;
}

int presence_alone(const struct presence *p)
{
    const struct presence *it;
    DL_FOREACH(presences, it)
    {
        if (it == p || !same_name(&it->settings, &p->settings) ||
            !same_nameserver(&it->settings, &p->settings))
            continue;
        report(&p->settings.reporter,
               &(struct hx_event_info){.event = HX_EVENT_REJECTED,
                                       .error = HX_ECONFLICT,
                                       .name = p->settings.name,
                                       .text = p->settings.expect > 0 ? "this program has joined it already"
                                                                      : "this program has bound it already"},
               NULL);
        return HX_ECONFLICT;
    }
    return HX_OK;
}

void presence_changed(struct presence *p)
{
    pthread_cond_broadcast(&p->cond);
}

void presence_cancel(struct presence *p)
{
    p->canceled = true;
    nat_use_end(p->nat);
    p->nat = NULL;
    binding_end(&p->binding);
    stream_queue_end(&p->queue);
    presence_changed(p);
}

void presence_leave(struct presence *p)
{
    DL_DELETE(presences, p);
    while (p->users > 0)
        engine_wait(&p->cond, INT64_MAX);
    engine_leave(&p->member);
    stream_queue_free(&p->queue);
    pthread_cond_destroy(&p->cond);
    settings_free(&p->settings);
}

int presence_await(struct presence *p, bool (*ready)(const struct presence *p), int timeout_ms)
{
    int64_t deadline_ms = engine_deadline(timeout_ms);
    int err = HX_OK;
    p->users++;
    while (err == HX_OK && !p->canceled && !ready(p)) {
        if (timeout_ms == 0)
            err = HX_EAGAIN;
        else if (!engine_wait(&p->cond, deadline_ms))
            err = HX_ETIMEDOUT;
    }
    if (p->canceled)
        err = HX_ECANCELED;
    else if (ready(p))
        err = HX_OK;
    p->users--;
    if (p->canceled)
        presence_changed(p);
    return err;
}

static bool has_one(const struct presence *p)
{
    return stream_queue_has_one(&p->queue);
}

int presence_take(struct presence *p, struct hx_stream **out, int timeout_ms)
{
    engine_lock();
    int err = presence_await(p, has_one, timeout_ms);
    if (err == HX_OK)
        *out = stream_queue_take(&p->queue);
    engine_unlock();
    return err;
}

int presence_fd(struct presence *p)
{
    engine_lock();
    int fd = readiness_fd_get(&p->queue.fd);
    engine_unlock();
    return fd;
}
