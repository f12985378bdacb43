#include "client/tool/peer.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/fair_share.h"
#include "base/thread.h"
#include "client/forward/say.h"
#include "client/mux/link.h"
#include "client/mux/link_loop.h"
#include "proto/endpoint.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define PEER_STACK_BYTES (1024 * 1024) /* of which pages are taken as they are used */
#define OVER_S           1.            /* for a peer to hear that it is over */
#define PEERS_END_S      3             /* to end; a file system that hangs may take longer */
#define THREADS_MAX      (PEERS_MAX + 2 * PEERS_UNPROVEN) /* with those that end */
#define WHO_MAX          (HX_NAME_MAX + HX_ADDRESS_MAX + 128)

struct peer {
    struct peers *all;
    struct peer *prev, *next;
    struct hx_stream *stream;
    struct ev_loop *loop;
    ev_async stop, over, say;
    ev_timer late; /* after that, it is left without its answer */
    struct link *link;
    struct serve serve;
    struct fair_share_member unproven; /* until it has proven a key, or must give way; under all->mutex */
    bool proven, evicted;              /* likewise */
    bool piped;                        /* the pipe was this peer's, and is whole on our side */
    time_t since;
    char who[WHO_MAX]; /* "peer NAME at ADDRESS key=LABEL" */
};

struct peers {
    const struct peers_config *config;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t gone;
    struct peer *list;
    struct fair_share unproven;
    int count, proven;
    _Atomic(const char *) reason; /* of peers_over() */
};

static void introduce(struct peer *p, const char *label)
{
    char address[HX_ADDRESS_MAX];
    const char *name = hx_peer_name(p->stream);
    if (hx_peer(p->stream, address, sizeof address) < 0)
        address[0] = '\0';
    snprintf(p->who, sizeof p->who, "peer %s at %s%s%s", name[0] ? name : "-", address, label ? " key=" : "",
             label && !label[0] ? "-"
             : label            ? label
                                : "");
}

static void on_up(void *user)
{
    struct peer *p = user;
    pthread_mutex_lock(&p->all->mutex);
    fair_share_remove(&p->all->unproven, &p->unproven);
    p->all->proven++;
    p->proven = true;
    pthread_mutex_unlock(&p->all->mutex);
    const char *label = hx_peer_label(p->stream);
    if (p->all->config->serve_for)
        p->serve.config = p->all->config->serve_for(p->all->config->user, label);
    serve_init(&p->serve);
    p->serve.run.label = label;
    p->serve.files.key = hx_peer_key(p->stream);
    introduce(p, label);
    say_note("%s", p->who);
}

static void on_request(void *user, struct mux_stream *s, const struct mux_message *request)
{
    struct peer *p = user;
    serve_request(&p->serve, s, request);
}

static const char *refusal(int error)
{
    switch (error) {
    case HX_EAUTH:
        return "it does not have the key";
    case HX_EPROTO:
        return "it does not prove a key (is it an `hx --insecure`, or no hx?)";
    case HX_ETIMEDOUT:
        return "its proof of a key did not come in time";
    default:
        return "it went away before it had proven a key";
    }
}

/* Not seen as one of ours: always told. */
static void on_down(void *user, int error)
{
    struct peer *p = user;
    if (!p->proven && error != HX_ECANCELED) /* the thread itself has written `proven` */
        say_error_often(SAY_UNKNOWN, "refused %s: %s", p->who, refusal(error));
    else if (error == HX_OK)
        say_note("%s: left after %" PRId64 " s", p->who, (int64_t)(clock_now_ms() / 1000 - p->since));
    else
        say_note("%s: lost after %" PRId64 " s: %s", p->who, (int64_t)(clock_now_ms() / 1000 - p->since),
                 hx_strerror(error));
    if (p->piped)
        p->all->config->pipe_done(p->all->config->user, error, 0);
    p->piped = false;
    ev_break(p->loop, EVBREAK_ALL);
}

/* The peer must not believe that its bytes have arrived if they have not: then the link just breaks. */
static void on_pipe_done(void *user, int error, int system)
{
    struct peer *p = user;
    if (error == HX_OK) {
        p->piped = true;
        link_finish(p->link);
        return;
    }
    p->all->config->pipe_done(p->all->config->user, error, system);
    ev_break(p->loop, EVBREAK_ALL);
}

static void on_stop(struct ev_loop *loop, ev_async *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

/* It is told before it is left; whoever does not hear is not waited for long. */
static void on_over(struct ev_loop *loop, ev_async *w, int revents)
{
    struct peer *p = container_of(w, struct peer, over);
    (void)revents;
    if (!p->proven) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    visit_over(&p->serve.visit, atomic_load(&p->all->reason));
    link_finish(p->link);
    ev_timer_start(loop, &p->late);
}

static void on_say(struct ev_loop *loop, ev_async *w, int revents)
{
    struct peer *p = container_of(w, struct peer, say);
    (void)loop;
    (void)revents;
    if (p->proven)
        flows_say(&p->serve.udp.flows);
}

static void peer_serve(struct peer *p)
{
    static const struct link_events events = {.up = on_up, .request = on_request, .down = on_down};
    const struct link_config config = {.keepalive_ms = p->all->config->keepalive_ms,
                                       .pace = p->all->config->pace,
                                       .events = &events,
                                       .user = p};
    struct hx_stream *s = p->stream;
    p->serve = (struct serve){.loop = p->loop,
                              .config = &p->all->config->serve,
                              .who = p->who,
                              .stream = s,
                              .pipe_done = on_pipe_done,
                              .user = p};
    if (link_create(&p->link, p->loop, s, &config) < 0) {
        say_error_often(SAY_PEER, "turned away %s: out of resources", p->who);
        return;
    }
    ev_run(p->loop, 0);
    link_destroy(p->link);
    if (p->piped) /* stopped while it was ending */
        p->all->config->pipe_done(p->all->config->user, HX_ECANCELED, 0);
}

/* The mutex is held, as for the next one. */
static void list(struct peers *all, struct peer *p)
{
    DL_APPEND(all->list, p);
    all->count++;
    fair_share_add(&all->unproven, &p->unproven);
}

static void unlist(struct peers *all, struct peer *p)
{
    DL_DELETE(all->list, p);
    all->count--;
    all->proven -= p->proven;
    fair_share_remove(&all->unproven, &p->unproven);
}

static void *peer_run(void *peer)
{
    struct peer *p = peer;
    struct peers *all = p->all;
    peer_serve(p);
    pthread_mutex_lock(&all->mutex);
    unlist(all, p);
    if (p->evicted && !p->proven)
        say_note("turned away %s: others came, and it had proven no key", p->who);
    ev_loop_destroy(p->loop);
    free(p);
    pthread_cond_broadcast(&all->gone);
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

static struct peer *peer_create(struct peers *all, struct hx_stream *s)
{
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loop = link_loop_create();
    if (!p->loop) {
        free(p);
        return NULL;
    }
    p->all = all;
    p->stream = s;
    p->since = clock_now_ms() / 1000;
    introduce(p, NULL);
    ev_async_init(&p->stop, on_stop);
    ev_async_start(p->loop, &p->stop);
    ev_async_init(&p->over, on_over);
    ev_async_start(p->loop, &p->over);
    ev_async_init(&p->say, on_say);
    ev_async_start(p->loop, &p->say);
    ev_timer_init(&p->late, on_late, OVER_S, 0.);
    return p;
}

static void turn_away(struct hx_stream *s, const char *why)
{
    char address[HX_ADDRESS_MAX];
    if (hx_peer(s, address, sizeof address) > 0)
        say_often(SAY_PEER, "turned away %s: %s", address, why);
    (void)hx_close(s);
}

static void source_of(struct hx_stream *s, struct fair_share_source *out)
{
    char address[HX_ADDRESS_MAX];
    struct endpoint peer = {.family = AF_INET};
    if (hx_peer(s, address, sizeof address) > 0)
        (void)endpoint_parse(&peer, address, strlen(address));
    fair_share_source(out, peer.family, peer.address);
}

/* Unproven peers that say nothing must not keep others out until their time is over. The mutex is held, as
 * for the next. */
static void make_room(struct peers *all, const struct fair_share_source *source)
{
    struct fair_share_member *m;
    while ((m = fair_share_victim(&all->unproven, source))) {
        struct peer *victim = container_of(m, struct peer, unproven);
        fair_share_remove(&all->unproven, m);
        victim->evicted = true;
        ev_async_send(victim->loop, &victim->stop);
    }
}

static bool add(struct peers *all, struct hx_stream *s)
{
    struct peer *p = peer_create(all, s);
    if (!p)
        return false;
    source_of(s, &p->unproven.source);
    make_room(all, &p->unproven.source);
    list(all, p);
    if (thread_detached(PEER_STACK_BYTES, peer_run, p) == HX_OK)
        return true;
    unlist(all, p);
    ev_loop_destroy(p->loop);
    free(p);
    return false;
}

void peers_add(struct peers *all, struct hx_stream *s)
{
    const char *why = NULL;
    pthread_mutex_lock(&all->mutex);
    if (all->proven >= PEERS_MAX || all->count >= THREADS_MAX)
        why = "too many peers";
    else if (!add(all, s))
        why = "out of resources";
    pthread_mutex_unlock(&all->mutex);
    if (why)
        turn_away(s, why);
}

int peers_create(struct peers **out, const struct peers_config *config)
{
    struct peers *all = calloc(1, sizeof *all);
    if (!all)
        return HX_ENOMEM;
    all->config = config;
    fair_share_init(&all->unproven, PEERS_UNPROVEN, PEERS_HOST_UNPROVEN);
    pthread_mutex_init(&all->mutex, NULL);
    pthread_cond_init(&all->gone, NULL);
    *out = all;
    return HX_OK;
}

void peers_say(struct peers *all)
{
    pthread_mutex_lock(&all->mutex);
    say_always("%d peers", all->proven);
    for (struct peer *p = all->list; p; p = p->next)
        ev_async_send(p->loop, &p->say);
    pthread_mutex_unlock(&all->mutex);
}

void peers_over(struct peers *all, const char *reason)
{
    int64_t until_ms = clock_now_ms() + PEERS_END_S * 1000LL;
    atomic_store(&all->reason, reason);
    pthread_mutex_lock(&all->mutex);
    for (struct peer *p = all->list; p; p = p->next)
        ev_async_send(p->loop, &p->over);
    while (all->count > 0 && clock_wait(&all->gone, &all->mutex, until_ms))
        ;
    pthread_mutex_unlock(&all->mutex);
}

bool peers_destroy(struct peers *all)
{
    int64_t until_ms = clock_now_ms() + PEERS_END_S * 1000LL;
    bool in_time = true;
    pthread_mutex_lock(&all->mutex);
    for (struct peer *p = all->list; p; p = p->next)
        ev_async_send(p->loop, &p->stop);
    while (all->count > 0 && in_time)
        in_time = clock_wait(&all->gone, &all->mutex, until_ms);
    pthread_mutex_unlock(&all->mutex);
    if (!in_time)
        return false;
    pthread_cond_destroy(&all->gone);
    pthread_mutex_destroy(&all->mutex);
    free(all);
    return true;
}
