#include "base/clock.h"
#include "shim/udt/idle_suspension.h"
#include "shim/udt/tap_parts.h"
#include "shim/udt/worker.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int tap_create(struct tap **out, struct net_port *port, const struct tap_config *config)
{
    struct tap *t = calloc(1, sizeof *t);

    if (!t)
        return HX_ENOMEM;
    t->port = port;
    t->window_max = config->window_max;
    t->conns.ready = &t->ready;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->idle, NULL);
    t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int err = readiness_init(&t->ready);
    if (t->wake_fd < 0)
        err = HX_ESYS;
    if (err == HX_OK && config->listening &&
        !(t->listener = listener_handshake_create(config->rate_per_address, clock_now_ms())))
        err = HX_ENOMEM;
    if (err == HX_OK)
        err = tap_enlist(t);
    if (err < 0) {
        tap_destroy(t);
        return err;
    }
    net_port_set_handler(port, NET_USER_UDT, worker_take, t);
    *out = t;
    return HX_OK;
}

void tap_set_rate(struct tap *t, unsigned rate_per_address)
{
    pthread_mutex_lock(&t->lock);
    if (t->listener)
        listener_handshake_set_rate(t->listener, rate_per_address);
    pthread_mutex_unlock(&t->lock);
}

void tap_destroy(struct tap *t)
{
    if (!t)
        return;
    tap_delist(t);
    udt_conn_forget_all(&t->conns);
    kept_free_all(&t->replay);
    kept_free_all(&t->unmatched);
    free(t->listener);
    readiness_end(&t->ready);
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    pthread_cond_destroy(&t->idle);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Until UDT's worker is inside neither a datagram nor a watcher; it stays in one for microseconds. */
static void await_idle(struct tap *t)
{
    while (t->busy || t->telling)
        pthread_cond_wait(&t->idle, &t->lock);
}

void tap_detach(struct tap *t)
{
    pthread_mutex_lock(&t->lock);
    t->detached = true;
    for (struct udt_conn *c = t->conns.by_id; c; c = c->hh.next)
        suspension_resume(t, c);
    tap_wake(t);
    await_idle(t);
    tap_unlock(t);
}

void tap_descriptor_closed(struct tap *t)
{
    tap_delist(t);
}

void tap_conn_closing(struct tap *t, int32_t id)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->state <= UDT_CONN_CONNECTING) {
        udt_conn_enter(&t->conns, c, UDT_CONN_CLOSING, clock_now_ms());
        await_idle(t);
    }
    tap_unlock(t);
}

void tap_conn_watch(struct tap *t, int32_t id, const struct udt_watch *watch)
{
    static const struct udt_watch nobody;

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c)
        readiness_watch(&t->ready, c, watch ? watch : &nobody);
    while (!watch && t->telling && t->told == id)
        pthread_cond_wait(&t->idle, &t->lock);
    tap_unlock(t);
}

int tap_event_fd(const struct tap *t)
{
    return t->ready.fd;
}

int tap_next(struct tap *t, int32_t *id, unsigned *news)
{
    struct udt_conn *c = NULL;
    int found = 1;

    pthread_mutex_lock(&t->lock);
    if (t->ready.accepts) {
        *id = t->ready.accepts;
        *news = TAP_ACCEPT;
        t->ready.accepts = 0;
    } else if ((c = readiness_next(&t->ready, news))) {
        *id = c->id;
    } else {
        found = 0;
    }
    pthread_mutex_unlock(&t->lock);
    return found;
}

int tap_lingering(struct tap *t)
{
    pthread_mutex_lock(&t->lock);
    int n = udt_conn_lingering(&t->conns);
    tap_unlock(t);
    return n;
}

void tap_get_stats(struct tap *t, struct tap_stats *out)
{
    pthread_mutex_lock(&t->lock);
    memcpy(out->drops, t->drops.count, sizeof out->drops);
    out->shutdowns_checked = t->shutdowns_checked;
    out->keepalives_held = t->keepalives_held;
    out->early_taken = t->early_taken;
    out->tickets_given = t->tickets_given;
    out->tickets_taken = t->tickets_taken;
    tap_unlock(t);
}

bool tap_next_drop(struct tap *t, struct net_address *from, enum drop *why)
{
    pthread_mutex_lock(&t->lock);
    bool found = drops_next(&t->drops, from, why);
    tap_unlock(t);
    return found;
}
