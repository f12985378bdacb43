/* A pair of a group that needs the nameserver's relay when the nameserver has forgotten that it offered it. */
#include "base/clock.h"
#include "client/group.h"
#include "test/unit/group_script.h"
#include <poll.h>

#define LOOKS_MS 3500
#define RELAY    "Relay: rate=0; time=0\r\n"

static int begun;

static void count(void *user, const struct hx_event_info *info)
{
    (void)user;
    begun += info->event == HX_EVENT_PEER;
}

/* Nobody answers there, so it is tried again and again. */
static struct hx_group *join(int relay_after_ms, int punch_ms)
{
    struct hx_config config = scripted_member();
    struct hx_group *g;

    config.on_event = count;
    config.punch_ms = punch_ms;
    config.relay_after_ms = relay_after_ms;
    return hx_group_join(&g, &config, "session", 2) < 0 ? NULL : g;
}

static enum outcome end(struct hx_group *g, bool well)
{
    hx_group_leave(g);
    hx_cleanup();
    return well ? DONE : FAILED_PROOF;
}

/* As if the nameserver had told so long ago. */
static void let_offer_grow_old(struct hx_group *g)
{
    g->members[0]->session_ms = clock_now_ms() - AGENT_OFFER_MS;
}

static bool await_member(struct hx_group *g)
{
    bool there = false;

    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !there && clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        there = g->count == 1;
        if (there)
            let_offer_grow_old(g);
        engine_unlock();
    }
    return there;
}

static bool is_old(struct hx_group *g)
{
    engine_lock();
    bool old = clock_now_ms() - g->members[0]->session_ms >= AGENT_OFFER_MS;
    engine_unlock();
    return old;
}

static enum outcome be_told_again(int hear_fd, int say_fd)
{
    struct hx_group *g = join(0, 300);
    bool old = true;

    (void)hear_fd;
    (void)say_fd;
    if (!g || !await_member(g))
        return FAILED_BIND;
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; old && clock_now_ms() < end_ms; poll(NULL, 0, 5))
        old = is_old(g);
    return end(g, !old);
}

/* Two more attempts, and no more word. */
static enum outcome try_alone(int relay_after_ms)
{
    struct hx_group *g = join(relay_after_ms, 300);
    bool tried = false;

    if (!g || !await_member(g))
        return FAILED_BIND;
    engine_lock();
    int before = begun;
    engine_unlock();
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !tried && clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        tried = begun >= before + 2;
        engine_unlock();
    }
    bool old = is_old(g);
    return end(g, tried && old);
}

static enum outcome try_without_an_offer(int hear_fd, int say_fd)
{
    (void)hear_fd;
    (void)say_fd;
    return try_alone(0);
}

static enum outcome try_without_wanting_it(int hear_fd, int say_fd)
{
    (void)hear_fd;
    (void)say_fd;
    return try_alone(-1);
}

/* Each answer is too old as soon as it has come. */
static enum outcome look_all_the_time(int hear_fd, int say_fd)
{
    struct hx_group *g = join(0, PATIENCE_MS);
    int64_t begun_ms = clock_now_ms(), due_ms = 0;
    int times = 0;

    (void)hear_fd;
    (void)say_fd;
    if (!g || !await_member(g))
        return FAILED_BIND;
    for (; clock_now_ms() - begun_ms < LOOKS_MS; poll(NULL, 0, 5)) {
        engine_lock();
        let_offer_grow_old(g);
        group_seek_offers(g);
        times += g->offers.due_ms != due_ms;
        due_ms = g->offers.due_ms;
        engine_unlock();
    }
    return end(g, times >= 2 && (1 << (times - 1)) - 1 <= (clock_now_ms() - begun_ms) / 1000);
}

/* ---- tests: all go on beside each other, since each waits for retries ---- */

static struct {
    const char *relay; /* what the nameserver offers */
    enum outcome (*run)(int hear, int say);
    struct scripted s;
    struct process p;
    int outcome;
} runs[] = {{.relay = RELAY, .run = be_told_again},
            {.relay = "", .run = try_without_an_offer},
            {.relay = RELAY, .run = try_without_wanting_it},
            {.relay = RELAY, .run = look_all_the_time}};
#define RUNS (int)(sizeof runs / sizeof *runs)

static int run_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < RUNS; i++) {
        tell_nothing();
        tell_of("own", 7, "2/2", "self", -1, "");
        tell_of("other", 9, "2/2", "here", 1, runs[i].relay);
        runs[i].s = start_telling();
        runs[i].p = start(runs[i].run);
    }
    for (int i = 0; i < RUNS; i++)
        runs[i].outcome = finish(&runs[i].p);
    for (int i = RUNS - 1; i >= 0; i--) /* each one has the pipes of those before it */
        (void)scripted_stop(&runs[i].s);
    return 0;
}

static void assert_done(int which)
{
    assert_int_equal(runs[which].outcome, DONE);
}

static void a_pair_that_is_tried_after_the_offer_is_over_gets_it_anew(void **state)
{
    (void)state;
    assert_done(0);
}

static void where_no_relay_is_offered_nobody_joins_for_it(void **state)
{
    (void)state;
    assert_done(1);
}

static void nor_who_does_not_want_one(void **state)
{
    (void)state;
    assert_done(2);
}

static void who_finds_no_end_of_old_offers_joins_half_as_often_each_time(void **state)
{
    (void)state;
    assert_done(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_that_is_tried_after_the_offer_is_over_gets_it_anew),
        cmocka_unit_test(where_no_relay_is_offered_nobody_joins_for_it),
        cmocka_unit_test(nor_who_does_not_want_one),
        cmocka_unit_test(who_finds_no_end_of_old_offers_joins_half_as_often_each_time),
    };

    return cmocka_run_group_tests_name("client group offers", tests, run_all, NULL);
}
