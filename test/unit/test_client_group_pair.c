/* Two members of a session that lose each other, as one of them may not have noticed; and two of one process. */
#include "test/unit/client_fixture.h"

#include "base/clock.h"
#include "client/group.h"
#include "client/stream_parts.h"

static struct hx_config member_of_two(const char *name)
{
    struct hx_config config = defaults();

    config.name = name;
    config.no_port_mapping = 1;
    return config;
}

static bool talk(struct hx_stream *s)
{
    char c;

    return hx_write(s, "x", 1, PATIENCE_MS) == 1 && hx_read(s, &c, 1, PATIENCE_MS) == 1;
}

/* It has fallen silent: as seen by both. */
static bool lose_silently(struct hx_group *g, struct hx_stream *s)
{
    (void)g;
    engine_lock();
    s->owner.silent(s->owner.user, s);
    engine_unlock();
    return hx_close(s) == HX_OK;
}

/* As if our attempt had just run out of time, while the other side's has succeeded. */
static bool drop(struct hx_group *g, struct hx_stream *s)
{
    engine_lock();
    struct group_member *m = g->members[0];
    bool ours = m->stream == s;
    stream_disown(s);
    m->stream = NULL;
    m->state = PAIR_WAITING;
    engine_timer_set(&m->timer, clock_now_ms() + AGENT_LINGER_MS + 1000);
    engine_unlock();
    return hx_close(s) == HX_OK && ours;
}

static bool be_dropped(struct hx_group *g, struct hx_stream *s)
{
    char c;

    (void)g;
    return hx_read(s, &c, 1, PATIENCE_MS) == HX_ECLOSED && hx_close(s) == HX_OK;
}

/* And the nameserver, which has restarted, has just told of the other one as of anybody. */
static bool be_dropped_in_doubt(struct hx_group *g, struct hx_stream *s)
{
    char c;

    if (hx_read(s, &c, 1, PATIENCE_MS) != HX_ECLOSED)
        return false;
    engine_lock();
    struct group_member *m = g->members[0];
    m->state = PAIR_CHECKING;
    m->began_ms = clock_now_ms();
    engine_timer_set(&m->timer, m->began_ms + 250);
    engine_unlock();
    return hx_close(s) == HX_OK;
}

static const struct meeting {
    const char *session, *name;
    bool (*lose)(struct hx_group *g, struct hx_stream *s);
} meetings[] = {{"silent", "first", lose_silently}, {"silent", "second", lose_silently},
                {"dropped", "first", drop},         {"dropped", "second", be_dropped},
                {"doubted", "first", drop},         {"doubted", "second", be_dropped_in_doubt}};
#define MEETINGS (int)(sizeof meetings / sizeof *meetings)
static const struct meeting *meeting; /* of the process that is forked next */

static enum outcome meet_twice(int hear_fd, int say_fd)
{
    struct hx_config config = member_of_two(meeting->name);
    struct hx_group *g;
    struct hx_stream *s;

    if (hx_group_join(&g, &config, meeting->session, 2) < 0)
        return FAILED_BIND;
    if (hx_group_next(g, &s, PATIENCE_MS) < 0 || !talk(s))
        return FAILED_CONNECT;
    if (!meeting->lose(g, s))
        return FAILED_PROOF;
    if (hx_group_next(g, &s, PATIENCE_MS) < 0 || !talk(s) || hx_group_wait(g, 0) != HX_OK)
        return FAILED_BYTES;
    say(say_fd);
    (void)hear(hear_fd); /* the other one may still read */
    hx_group_leave(g);
    hx_close(s);
    hx_cleanup();
    return DONE;
}

static bool talk_to_oneself(struct hx_group *g, struct hx_stream *s[2])
{
    char c;

    (void)g;
    return strcmp(hx_peer_name(s[0]), "other") == 0 && strcmp(hx_peer_name(s[1]), "one") == 0 &&
           hx_write(s[0], "x", 1, PATIENCE_MS) == 1 && hx_read(s[1], &c, 1, PATIENCE_MS) == 1;
}

/* As if the proof had not ended when the path was told, which it is once. */
static bool prove_through_relay(struct hx_group *g, struct hx_stream *s[2])
{
    engine_lock();
    struct group_member *m = g->members[0];
    m->stream = NULL;
    m->trial = s[0];
    m->state = PAIR_PROVING;
    s[0]->owner.reach_changed(s[0]->owner.user, s[0], AGENT_RELAYED);
    engine_timer_cancel(&g->again);
    engine_timer_set(&m->timer, clock_now_ms());
    engine_unlock();
    bool proven = hx_group_next(g, &s[0], PATIENCE_MS) == HX_OK;
    engine_lock();
    bool relayed = group_relayed(g) && timer_is_set(&g->again);
    engine_unlock();
    return proven && relayed;
}

/* As if it had come anew, and left while it is reached for. */
static bool close_old_one(struct hx_group *g, struct hx_stream *s[2])
{
    engine_lock();
    struct group_member *m = g->members[0];
    m->state = PAIR_PUNCHING;
    bool tried = group_member_left(m) && m->stream == s[0];
    engine_unlock();
    bool closed = hx_close(s[0]) == HX_OK;
    s[0] = NULL;
    engine_lock();
    bool goes_on = g->count == 1 && m->state == PAIR_PUNCHING && !m->stream;
    engine_unlock();
    return tried && closed && goes_on;
}

/* In the process that is forked next; of the first one's group, and of both streams. */
static bool (*happens)(struct hx_group *g, struct hx_stream *s[2]);

static enum outcome meet_oneself(int hear_fd, int say_fd)
{
    struct hx_config one = member_of_two("one"), other = member_of_two("other");
    struct hx_group *g[2];
    struct hx_stream *s[2];
    char session[32];

    (void)hear_fd;
    (void)say_fd;
    snprintf(session, sizeof session, "alone-%d", (int)getpid());
    if (hx_group_join(&g[0], &one, session, 2) < 0 || hx_group_join(&g[1], &other, session, 2) < 0)
        return FAILED_BIND;
    for (int i = 0; i < 2; i++) {
        if (hx_group_wait(g[i], PATIENCE_MS) < 0 || hx_group_next(g[i], &s[i], 0) < 0)
            return FAILED_CONNECT;
    }
    bool well = happens(g[0], s);
    for (int i = 0; i < 2; i++) {
        hx_group_leave(g[i]);
        hx_close(s[i]);
    }
    hx_cleanup();
    return well ? DONE : FAILED_PROOF;
}

/* Or the answers have not come in a quarter of a second. */
static enum outcome tell_at_once(int hear_fd, int say_fd)
{
    struct hx_config config = member_of_two("one");
    int64_t begun_ms = clock_now_ms();
    struct hx_group *g;

    (void)hear_fd;
    (void)say_fd;
    if (hx_group_join(&g, &config, "knowing", 2) < 0)
        return FAILED_BIND;
    bool late = clock_now_ms() - begun_ms >= 250;
    engine_lock();
    bool told = nat_mapping_known(&g->presence.binding.main->told.mapping);
    engine_unlock();
    hx_group_leave(g);
    hx_cleanup();
    return told || late ? DONE : FAILED_PROOF;
}

/* Side by side, since each takes as long as the first connection's paths live on. */
static void two_that_have_lost_each_other_are_connected_anew(void **state)
{
    struct process p[MEETINGS];

    (void)state;
    for (int i = 0; i < MEETINGS; i++) {
        meeting = &meetings[i];
        p[i] = start(meet_twice);
    }
    for (int i = 0; i < MEETINGS; i++)
        (void)hear(p[i].hear);
    for (int i = 0; i < MEETINGS; i++)
        assert_int_equal(finish(&p[i]), DONE);
}

static void assert_done(enum outcome (*run)(int hear_fd, int say_fd))
{
    struct process p = start(run);

    assert_int_equal(finish(&p), DONE);
}

static void two_members_of_one_process_meet(void **state)
{
    (void)state;
    happens = talk_to_oneself;
    assert_done(meet_oneself);
}

static void a_pair_that_meets_through_the_relay_goes_on_to_look_for_a_path(void **state)
{
    (void)state;
    happens = prove_through_relay;
    assert_done(meet_oneself);
}

static void an_attempt_outlives_the_older_connection_to_one_that_has_left(void **state)
{
    (void)state;
    happens = close_old_one;
    assert_done(meet_oneself);
}

static void who_joins_tells_at_once_what_its_nat_is(void **state)
{
    (void)state;
    assert_done(tell_at_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_that_have_lost_each_other_are_connected_anew),
        cmocka_unit_test(two_members_of_one_process_meet),
        cmocka_unit_test(a_pair_that_meets_through_the_relay_goes_on_to_look_for_a_path),
        cmocka_unit_test(an_attempt_outlives_the_older_connection_to_one_that_has_left),
        cmocka_unit_test(who_joins_tells_at_once_what_its_nat_is),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client group pair", tests, start_nameserver, stop_nameserver);
}
