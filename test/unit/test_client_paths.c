/* The path of a connection, as programs see it: through client/api.h. What the agent itself does is in
 * test_agent.c; here it is put into the states that take long. */
#include "client/agent_state.h"
#include "client/stream_parts.h"
#include "test/unit/client_fixture.h"
#include <poll.h>

#define LOOK_MS 5

/* Of HX_EVENT_PATH; changed with the engine's lock held. */
static struct {
    int count;
    char address[HX_ADDRESS_MAX], kind[16], name[16];
} told;

static void note(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event != HX_EVENT_PATH)
        return;
    told.count++;
    snprintf(told.address, sizeof told.address, "%s", info->address);
    snprintf(told.kind, sizeof told.kind, "%s", info->text);
    snprintf(told.name, sizeof told.name, "%s", info->name);
}

static struct hx_config noting(int path_events)
{
    struct hx_config config = defaults();
    config.on_event = note;
    config.path_events = path_events;
    return config;
}

static bool becomes(bool (*is)(struct agent *), struct agent *a)
{
    bool now = false;
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !now && clock_now_ms() < end_ms;
         poll(NULL, 0, LOOK_MS)) {
        engine_lock();
        now = is(a);
        engine_unlock();
    }
    return now;
}

static bool uses_an_answered_path(struct agent *a)
{
    return a->applied >= 0 && a->choice.paths[a->applied].answered_ms != 0;
}

static int wanted;

static bool is_told(struct agent *a)
{
    (void)a;
    return told.count >= wanted;
}

/* What it was told last is what it may ask for. */
static bool agrees(struct hx_stream *s)
{
    struct hx_path path;
    engine_lock();
    bool same = told.count > 0;
    engine_unlock();
    if (hx_stream_path(s, &path) != HX_OK || path.rtt_us <= 0)
        return false;
    engine_lock();
    same = same && strcmp(path.address, told.address) == 0 && strcmp(path.kind, told.kind) == 0;
    engine_unlock();
    return same;
}

/* As if it had another path now. */
static void tell_again(struct agent *a)
{
    engine_lock();
    wanted = told.count + 1;
    memset(&a->told_path, 0, sizeof a->told_path);
    a->applied = -1;
    agent_turn(a);
    engine_unlock();
}

static enum outcome accept_one(int hear_fd, int say_fd)
{
    struct hx_config config = noting(1);
    struct hx_listener *l;
    struct hx_stream *s;
    if (hx_bind(&l, &config, "path") < 0)
        return FAILED_BIND;
    say(say_fd);
    if (hx_accept(l, &s, PATIENCE_MS) < 0)
        return FAILED_ACCEPT;
    if (!becomes(uses_an_answered_path, s->agent))
        return FAILED_PROOF;
    hx_listener_close(l); /* its streams go on, and so do their events */
    tell_again(s->agent);
    if (!becomes(is_told, s->agent) || !agrees(s))
        return FAILED_END;
    (void)hear(hear_fd);
    (void)hx_close(s);
    hx_cleanup();
    return DONE;
}

static bool is_asked(struct agent *a)
{
    return a->choice.paths[a->choice.used].asked_ms > 1;
}

/* The idle path would be asked in 15 s. */
static bool asks_when_something_is_written(struct hx_stream *s)
{
    engine_lock();
    struct path_times *used = &s->agent->choice.paths[s->agent->choice.used];
    used->tries = 0;
    used->asked_ms = 1;
    used->due_ms = clock_now_ms() + 60000;
    s->agent->choice.state = PATHS_GOOD;
    s->agent->choice.flows = true; /* else it would be asked when data begins to flow */
    atomic_store(&s->agent->awake, false);
    engine_unlock();
    return hx_write(s, "x", 1, PATIENCE_MS) == 1 && becomes(is_asked, s->agent);
}

static bool knows_its_path_well(struct agent *a)
{
    return uses_an_answered_path(a) && a->choice.paths[a->applied].answers >= 4;
}

static int path_events; /* of the process that is forked next */

static enum outcome connect_one(int hear_fd, int say_fd)
{
    struct hx_config config = noting(path_events);
    struct hx_stream *s;
    (void)hear_fd;
    (void)say_fd;
    if (hx_connect(&s, &config, "path", PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    if (!becomes(uses_an_answered_path, s->agent))
        return FAILED_PROOF;
    tell_again(s->agent);
    if (path_events && (!becomes(is_told, s->agent) || !agrees(s) || strcmp(told.name, "path") != 0))
        return FAILED_BYTES;
    if (!path_events && (!becomes(knows_its_path_well, s->agent) || told.count != 0))
        return FAILED_BYTES;
    if (!path_events && !asks_when_something_is_written(s))
        return FAILED_END;
    (void)hx_close(s);
    hx_cleanup();
    return DONE;
}

static void check_connection(int events)
{
    struct process h1 = start(accept_one);
    assert_true(hear(h1.hear));
    path_events = events;
    struct process h2 = start(connect_one);
    assert_int_equal(finish(&h2), DONE);
    assert_int_equal(finish(&h1), DONE);
}

static void who_wants_to_know_is_told_of_the_path_as_long_as_the_stream_lives(void **state)
{
    (void)state;
    check_connection(1);
}

static void who_does_not_is_not_and_what_is_written_after_a_silence_asks_the_path(void **state)
{
    (void)state;
    check_connection(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wants_to_know_is_told_of_the_path_as_long_as_the_stream_lives),
        cmocka_unit_test(who_does_not_is_not_and_what_is_written_after_a_silence_asks_the_path),
    };

    return cmocka_run_group_tests_name("client paths", tests, start_nameserver, stop_nameserver);
}
