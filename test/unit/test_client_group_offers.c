/* A pair of a group that needs the nameserver's relay when the nameserver has forgotten that it offered it. */
#include "base/clock.h"
#include "client/group.h"
#include "test/unit/scripted_nameserver.h"
#include <poll.h>

#define LOOKS_MS 3500

static char where[64]; /* hx_config.nameserver of the process that is forked next */
static int begun;

static const char *tell_of_one(const char *relay)
{
    static char text[2048];
    char parts[1024];
    int len = snprintf(parts, sizeof parts,
                       "--hx_hole_punching\r\nown: 203.0.113.7:7\r\nMembers: 2/2\r\nMember: self\r\n\r\n"
                       "--hx_hole_punching\r\nother: 127.0.0.9:9\r\nMembers: 2/2\r\nMember: here\r\n"
                       "Session: %032x %032x\r\n%sCandidate: 127.0.0.9:9 host\r\n\r\n",
                       1, 1, relay);

    snprintf(text, sizeof text,
             "HTTP/1.1 200 OK\r\n"
             "Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n"
             "External-Address: 203.0.113.7:7\r\n"
             "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
             (unsigned)len, parts);
    return text;
}

static const char *offers_the_relay(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return tell_of_one("Relay: rate=0; time=0\r\n");
}

static const char *offers_nothing(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return tell_of_one("");
}

static void count(void *user, const struct hx_event_info *info)
{
    (void)user;
    begun += info->event == HX_EVENT_PEER;
}

/* Nobody answers there, so it is tried again and again. */
static struct hx_group *join(int relay_after_ms, int punch_ms)
{
    struct hx_config config = {.nameserver = where,
                               .family = 4,
                               .name = "own",
                               .on_event = count,
                               .no_port_mapping = 1,
                               .punch_ms = punch_ms,
                               .relay_after_ms = relay_after_ms};
    struct hx_group *g;

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
    bool told = false;

    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !told && clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        told = g->count == 1;
        if (told)
            let_offer_grow_old(g);
        engine_unlock();
    }
    return told;
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
    script *answer;
    enum outcome (*run)(int hear, int say);
    struct scripted s;
    struct process p;
    int outcome;
} runs[] = {{.answer = offers_the_relay, .run = be_told_again},
            {.answer = offers_nothing, .run = try_without_an_offer},
            {.answer = offers_the_relay, .run = try_without_wanting_it},
            {.answer = offers_the_relay, .run = look_all_the_time}};
#define RUNS (int)(sizeof runs / sizeof *runs)

static int run_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < RUNS; i++) {
        runs[i].s = scripted_start(runs[i].answer);
        snprintf(where, sizeof where, "ipv4.test:%u", runs[i].s.port);
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
