#include "client/approach.h"
#include "base/clock.h"
#include "base/container_of.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX   200
#define SILENT_MAX 8      /* nameservers */
#define SILENT_MS  600000 /* so long it is believed */

/* Where UDP was silent the last time TCP need not wait for it. */
static struct silent {
    struct tunnel_place place;
    int64_t until_ms;
} silent[SILENT_MAX];
static int silent_next;

struct approach {
    struct engine_sink sink; /* of `stream` */
    struct approach_request request;
    struct tunnel_place place;
    struct race *race;          /* UDP; NULL: over, or not tried */
    struct tunnel_user tunnel;  /* TCP, if `tunnelling` */
    bool tunnelling;            /* it is tried, or has won */
    struct stream *stream;      /* UDT's by the tunnel, as long as it connects; */
    bool asked;                 /* it was told request.first ahead */
    struct timer later;         /* TCP begins */
    int64_t udp_ms, tunnel_ms;  /* when UDT began to connect */
    bool told;                  /* on_done() was called */
    struct approach_result end; /* what it will say if both fail */
    bool failed;                /* one has */
    char text[TEXT_MAX + 1];
};

/* The last thing that is done with `a`: the callback may end it. */
static void tell(struct approach *a, const struct approach_result *result)
{
    struct approach_result told = *result;
    a->told = true;
    engine_timer_cancel(&a->later);
    told.text = a->text;
    told.rtt_ms = (int)(clock_now_ms() - (told.tunnelled ? a->tunnel_ms : a->udp_ms));
    a->request.on_done(a->request.user, &told);
}

static struct silent *find_silent(const struct tunnel_place *place)
{
    for (int i = 0; i < SILENT_MAX; i++) {
        if (silent[i].until_ms && tunnel_same_place(&silent[i].place, place))
            return &silent[i];
    }
    return NULL;
}

static void note_silent(const struct tunnel_place *place, bool is)
{
    struct silent *s = find_silent(place);
    if (!s && !is)
        return;
    if (!s) {
        s = &silent[silent_next];
        silent_next = (silent_next + 1) % SILENT_MAX;
    }
    *s = (struct silent){.place = *place, .until_ms = is ? clock_now_ms() + SILENT_MS : 0};
}

static bool is_silent(const struct tunnel_place *place)
{
    const struct silent *s = find_silent(place);
    return s && clock_now_ms() < s->until_ms;
}

static void stop_tunnel(struct approach *a)
{
    stream_close(a->stream);
    a->stream = NULL;
    tunnel_leave(&a->tunnel);
    a->tunnelling = false;
}

static bool may_tunnel(const struct approach *a)
{
    return (a->request.transports & TRANSPORT_TCP) && a->request.place && !a->tunnelling;
}

/* What UDP's end says goes before what the tunnel's does. */
static void note(struct approach *a, int error, bool hopeless, bool udp)
{
    if (!a->failed || udp) {
        a->end.error = error;
        a->end.hopeless = hopeless;
    }
    a->failed = true;
}

static void try_tunnel(struct approach *a);

/* Is anything left that may connect? */
static void look(struct approach *a)
{
    if (!a->race && !a->tunnelling)
        tell(a, &a->end);
}

/* ---- UDP ---- */

static void on_raced(void *user, const struct race_result *r)
{
    struct approach *a = user;
    a->race = NULL;
    if (r->error == HX_OK) {
        stop_tunnel(a);
        note_silent(&a->place, false);
        tell(a, &(struct approach_result){.stream = r->stream, .asked = r->asked});
        return;
    }
    note(a, r->error, r->hopeless, true);
    if (timer_is_set(&a->later)) /* it need not wait any longer */
        try_tunnel(a);
    look(a);
}

/* ---- UDP through TCP ---- */

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct approach *a = container_of(sink, struct approach, sink);
    struct stream *s = a->stream;
    if (ev->type == UDT_EV_CONNECTED) {
        a->stream = NULL;
        s->user = NULL;
        race_cancel(a->race);
        a->race = NULL;
        note_silent(&a->place, (a->request.transports & TRANSPORT_UDP) != 0);
        tell(a, &(struct approach_result){.stream = s, .tunnelled = true, .asked = a->asked});
    } else if (ev->type == UDT_EV_CONNECT_FAILED) {
        tunnel_suspect(&a->tunnel);
        stop_tunnel(a);
        note(a, ev->error, false, false);
        look(a);
    }
}

/* What is asked for shall be done once: whom UDP may still reach is told nothing ahead. */
static void on_tunnel_open(struct tunnel_user *u)
{
    struct approach *a = u->owner;
    const struct sockaddr *server = (const struct sockaddr *)tunnel_server(u);
    const struct buf *first = a->request.first;
    a->tunnel_ms = clock_now_ms();
    a->asked = !a->race && first && first->len <= UDT_EARLY_BYTES_MAX;
    struct udt_early_bytes early = {.bytes = a->asked ? buf_data(first) : NULL,
                                    .len = a->asked ? first->len : 0};
    int err = udt_connect_early(&a->stream, a->request.port, server, sizeof(struct sockaddr_in6),
                                a->request.connect_ms, a->asked ? &early : NULL, &a->sink);
    if (err < 0) {
        a->stream = NULL;
        stop_tunnel(a);
        note(a, err, false, false);
        look(a);
        return;
    }
    engine_wake();
}

static void on_tunnel_end(struct tunnel_user *u, int error, const char *text)
{
    struct approach *a = u->owner;
    bool lost = a->told;
    snprintf(a->text, sizeof a->text, "%s", text);
    stop_tunnel(a);
    if (lost) {
        a->request.on_lost(a->request.user, a->text);
        return;
    }
    note(a, error, false, false);
    look(a);
}

static void try_tunnel(struct approach *a)
{
    engine_timer_cancel(&a->later);
    if (!may_tunnel(a))
        return;
    /* UDP may be late only, and the tunnel would leave too few descriptors for what comes after it. */
    if ((a->request.transports & TRANSPORT_UDP) && !tunnel_is_open(a->request.port, &a->place) &&
        !engine_has_room()) {
        note(a, HX_ESYS, false, false);
        return;
    }
    a->tunnelling = true;
    int err = tunnel_use(&a->tunnel, a->request.port, &a->place, a->request.families);
    if (err == HX_OK)
        return;
    a->tunnelling = false;
    note(a, err, false, false);
}

static void on_later(struct timer *t)
{
    struct approach *a = container_of(t, struct approach, later);
    try_tunnel(a);
    look(a);
}

static bool tcp_is_better(const struct approach *a)
{
    return tunnel_is_open(a->request.port, &a->place) || is_silent(&a->place);
}

int approach_begin(struct approach **out, const struct approach_request *request)
{
    struct approach *a = calloc(1, sizeof *a);
    int64_t now_ms = clock_now_ms();
    if (!a)
        return HX_ENOMEM;
    a->request = *request;
    a->request.udp = NULL;
    if (request->place)
        a->place = *request->place;
    a->sink.on_event = on_event;
    a->tunnel = (struct tunnel_user){.on_open = on_tunnel_open, .on_end = on_tunnel_end, .owner = a};
    a->later.fire = on_later;
    a->udp_ms = now_ms;
    bool udp = (request->transports & TRANSPORT_UDP) || !may_tunnel(a);
    if (udp && race_begin(&a->race, request->udp, request->families, request->port, request->connect_ms,
                          request->first, on_raced, a) < 0) {
        free(a);
        return HX_ENOMEM;
    }
    if (may_tunnel(a))
        engine_timer_set(&a->later, now_ms + (!udp               ? 0
                                              : tcp_is_better(a) ? EYEBALLS_ATTEMPT_MS
                                                                 : APPROACH_TCP_AFTER_MS));
    *out = a;
    return HX_OK;
}

void approach_end(struct approach *a)
{
    if (!a)
        return;
    engine_timer_cancel(&a->later);
    race_cancel(a->race);
    stop_tunnel(a);
    free(a);
}

struct tunnel_user *approach_tunnel(struct approach *a)
{
    return a && a->tunnelling ? &a->tunnel : NULL;
}
