/* hx_group: a membership in a session that is kept, and the connections to the other members. The engine's
 * lock guards it. */
#include "client/group.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/visit_store.h"
#include <stdlib.h>
#include <string.h>

#define KNOWN_MS       250  /* all come at once, and a NAT that is not known yet is passed less well */
#define AGAIN_FIRST_MS 1000 /* who is not reached; twice as long each time, ... */
#define AGAIN_MAX_MS   8000 /* ... up to this */
/* Likewise, who is reached through the relay: there may be a direct path by now. */
#define CALM_FIRST_MS 10000
#define CALM_MAX_MS   60000
/* From one join for the relay's sake to the next: twice as long each time, since nothing helps some pairs. */
#define OFFERS_FIRST_MS 1000
#define OFFERS_MAX_MS   64000

_Static_assert(HX_GROUP_MAX == MEMBERS_MAX, "hx.h and the protocol say the same");

void group_changed(struct hx_group *g)
{
    presence_changed(&g->presence);
}

void group_queue_put(struct hx_group *g, struct hx_stream *s)
{
    stream_queue_put(&g->presence.queue, s);
    group_changed(g);
}

void group_seek_offers(struct hx_group *g)
{
    int64_t now_ms = clock_now_ms();
    if (now_ms < g->offers.due_ms || !group_unoffered(g))
        return;
    bool calm = g->offers.step_ms == 0 || now_ms - g->offers.due_ms >= OFFERS_MAX_MS;
    int64_t next_ms = calm ? OFFERS_FIRST_MS : 2 * g->offers.step_ms;
    g->offers.step_ms = next_ms < OFFERS_MAX_MS ? next_ms : OFFERS_MAX_MS;
    g->offers.due_ms = now_ms + g->offers.step_ms;
    binding_check(&g->presence.binding, true);
}

static void on_again(struct timer *t)
{
    struct hx_group *g = container_of(t, struct hx_group, again);
    bool seeks = group_seeks(g);
    int64_t max_ms = seeks ? AGAIN_MAX_MS : CALM_MAX_MS;
    if (!seeks && !group_relayed(g))
        return;
    if (!seeks && g->again_ms < CALM_FIRST_MS) {
        g->again_ms = CALM_FIRST_MS;
    } else {
        if (!seeks || g->missed || group_lost(g)) /* the members are told of us anew, and we of them */
            binding_check(&g->presence.binding, true);
        else
            binding_fields_changed(&g->presence.binding);
        if (seeks)
            group_seek_offers(g);
        g->again_ms = g->again_ms * 2 < max_ms ? g->again_ms * 2 : max_ms;
    }
    engine_timer_set(t, clock_now_ms() + g->again_ms);
}

void group_ask_again(struct hx_group *g)
{
    if (timer_is_set(&g->again) && g->again_ms < CALM_FIRST_MS)
        return;
    g->again_ms = AGAIN_FIRST_MS;
    engine_timer_set(&g->again, clock_now_ms() + g->again_ms);
}

static void on_part(void *user, struct nameserver *n, const struct multipart_part *part)
{
    group_told(user, n, part);
}

static void on_changed(void *user)
{
    group_changed(user);
}

static void on_cancel(struct engine_member *m)
{
    struct hx_group *g = container_of(m, struct hx_group, presence.member);
    engine_timer_cancel(&g->missing);
    engine_timer_cancel(&g->again);
    g->presence.canceled = true; /* no member is tried any more */
    group_members_end(g);
    presence_cancel(&g->presence);
}

static void on_nat_news(void *user)
{
    struct hx_group *g = user;
    if (g->presence.binding.settings)
        binding_fields_changed(&g->presence.binding);
    group_changed(g);
}

/* Where one member of many is not reached any more, it is not our NAT that has forgotten. */
static void on_path_suspect(struct engine_member *m, bool lost)
{
    struct hx_group *g = container_of(m, struct hx_group, presence.member);
    binding_check(&g->presence.binding, lost && group_lost(g));
}

/* The engine's lock is held. */
static void destroy(struct hx_group *g)
{
    on_cancel(&g->presence.member);
    presence_leave(&g->presence);
    free(g);
}

static int join_and_wait(struct hx_group *g)
{
    struct presence *p = &g->presence;
    int64_t known_by_ms = clock_now_ms() + KNOWN_MS;
    int err = presence_alone(p);
    if (err < 0)
        return err;
    (void)nat_use(&p->nat, &p->settings, on_nat_news, g); /* without memory the members hear less */
    while (nat_asking(AF_INET) && !p->canceled && engine_wait(&p->cond, known_by_ms))
        ;
    if (p->canceled)
        return HX_ECANCELED;
    err = binding_begin(&p->binding, &p->settings, &(struct binding_callbacks){on_changed, on_part, g});
    return err < 0 ? err : binding_await(&p->binding, &p->cond, &p->canceled);
}

static int read_settings(struct hx_group *g, const struct hx_config *config, size_t size, const char *session,
                         int expect)
{
    int err = settings_init(&g->presence.settings, config, size, session);
    g->presence.settings.expect = expect;
    if (err == HX_OK &&
        (g->presence.settings.own_name[0] == '\0' || expect < MEMBERS_MIN || expect > MEMBERS_MAX))
        err = HX_EINVAL;
    return err;
}

int hx_group_join_sized(struct hx_group **out, const struct hx_config *config, size_t size,
                        const char *session, int expect)
{
    struct hx_group *g = calloc(1, sizeof *g);
    if (!g)
        return HX_ENOMEM;
    int err = read_settings(g, config, size, session, expect);
    g->presence.member.cancel = on_cancel;
    g->presence.member.path_suspect = on_path_suspect;
    g->missing.fire = group_on_missing;
    g->again.fire = on_again;
    if (err < 0)
        settings_free(&g->presence.settings);
    else
        err = presence_enter(&g->presence, config, size, GROUP_WAITING_MAX);
    if (err < 0) {
        free(g);
        return err;
    }
    err = join_and_wait(g);
    if (err < 0)
        destroy(g);
    else
        *out = g;
    visit_store_flush_later();
    engine_unlock();
    return err;
}

static bool is_complete(const struct presence *p)
{
    const struct hx_group *g = container_of(p, const struct hx_group, presence);
    return group_connected(g) + 1 >= p->settings.expect;
}

int hx_group_wait(struct hx_group *g, int timeout_ms)
{
    engine_lock();
    int err = presence_await(&g->presence, is_complete, timeout_ms);
    engine_unlock();
    return err;
}

int hx_group_next(struct hx_group *g, struct hx_stream **out, int timeout_ms)
{
    return presence_take(&g->presence, out, timeout_ms);
}

int hx_group_fd(struct hx_group *g)
{
    return presence_fd(&g->presence);
}

int hx_group_state_sized(struct hx_group *g, struct hx_group_state *out, size_t size)
{
    engine_lock();
    struct hx_group_state state = {
        .expect = g->presence.settings.expect, .here = g->here, .connected = group_connected(g)};
    engine_unlock();
    memset(out, 0, size);
    memcpy(out, &state, size < sizeof state ? size : sizeof state);
    return HX_OK;
}

void hx_group_leave(struct hx_group *g)
{
    if (!g)
        return;
    engine_lock();
    destroy(g);
    engine_unlock();
}
