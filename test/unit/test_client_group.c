/* A group (client/group.h) whose nameserver, or whose application, does what it likes. What groups are for is
 * shown by programs (test/e2e/client_groups.sh). */
#include "base/clock.h"
#include "client/group.h"
#include "test/unit/group_script.h"
#include <pthread.h>

#define NO_ROOM "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n"

/* ---- what the nameserver says ---- */

static void tell(const char *name, int port, const char *event, int session)
{
    tell_of(name, port, "64/3", event, session, "");
}

static void agree(void)
{
    tell_nothing();
    tell("own", 7, "self", -1);
}

static void tell_of_too_many(void)
{
    char name[16];

    agree();
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "member-%d", i);
        tell(name, 9, "here", i);
    }
    tell("own", 9, "here", 99);
    tell("own", 9, "left", 99);
    tell("nobody", 9, "left", 99);
}

static void tell_of_one_again_and_again(void)
{
    agree();
    for (int i = 0; i < 100; i++)
        tell("other", 9 + i, i == 0 ? "here" : i % 2 ? "moved" : "joined", i);
    tell("last", 9, "here", 1000);
}

/* Each is the same one again, or another with its name. */
static void tell_that_one_comes_and_goes(void)
{
    agree();
    for (int i = 0; i < 100; i++) {
        tell("other", 9, "joined", i);
        tell("other", 9, "left", i);
    }
    tell("last", 9, "here", 1000);
}

static void tell_nonsense(void)
{
    agree();
    tell("a", 9, "gone with the wind", 1);
    tell("b", 9, "", 2);
    tell("last", 9, "here", 1000);
}

static void tell_of_two(void)
{
    agree();
    tell("a", 9, "here", 1);
    tell("b", 9, "here", 2);
}

static void have_no_room(void)
{
    strcpy(told, NO_ROOM);
}

/* ---- the application ---- */

static struct {
    int joined, here, came, moved, left, begun;
} seen;

static void count(void *user, const struct hx_event_info *info)
{
    (void)user;
    seen.joined += info->event == HX_EVENT_JOINED && strcmp(info->name, "session") == 0 &&
                   strcmp(info->address, "203.0.113.7:7") == 0;
    seen.here += info->event == HX_EVENT_MEMBER_HERE;
    seen.came += info->event == HX_EVENT_MEMBER_JOINED;
    seen.moved += info->event == HX_EVENT_MEMBER_MOVED;
    seen.left += info->event == HX_EVENT_MEMBER_LEFT;
    seen.begun += info->event == HX_EVENT_PEER;
}

static struct hx_config member(void)
{
    struct hx_config config = scripted_member();

    config.on_event = count;
    return config;
}

/* Until so many were told of that were here before. */
static bool await_told(struct hx_group *g, int here)
{
    struct hx_group_state state = {.here = 0};

    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        bool done = seen.here >= here;
        engine_unlock();
        if (done)
            return hx_group_state(g, &state) == HX_OK && state.expect == 3 && state.here == 64 &&
                   state.connected == 0;
    }
    return false;
}

static bool hears_of_too_many(struct hx_group *g)
{
    struct hx_stream *s;
    bool told_of = await_told(g, 63);
    bool none = hx_group_next(g, &s, 0) == HX_EAGAIN && hx_group_wait(g, 0) == HX_EAGAIN &&
                hx_group_wait(g, 20) == HX_ETIMEDOUT;

    return told_of && none && seen.joined == 1 && seen.here == 63 && seen.left == 0;
}

static bool hears_of_one_all_the_time(struct hx_group *g)
{
    return await_told(g, 2) && seen.here == 2 && seen.came + seen.moved <= 10 && seen.begun <= 10;
}

static bool hears_of_coming_and_going(struct hx_group *g)
{
    return await_told(g, 1) && seen.came == 100 && seen.left == 100 && seen.begun <= 129;
}

static bool hears_nonsense(struct hx_group *g)
{
    return await_told(g, 1) && seen.came == 0 && seen.moved == 0;
}

/* We have joined anew, and the time is over in which the others had to; that we do so once more meanwhile,
 * since some pair needs it, gives them no other. */
static bool misses_one(struct hx_group *g)
{
    const struct multipart_part again = {.name = "own", .member = {.event = MEMBER_SELF}};
    bool told_of = await_told(g, 2);

    engine_lock();
    bool due = timer_is_set(&g->missing) && g->count == 2;
    int64_t due_ms = g->missing.at_ms;
    g->members[0]->missing_ms = clock_now_ms() - GROUP_MISSING_MS;
    poll(NULL, 0, 2);
    group_told(g, NULL, &again);
    due &= g->missing.at_ms == due_ms;
    group_on_missing(&g->missing);
    bool gone = !g->members[0]->here && g->members[1]->here && seen.left == 1;
    due &= timer_is_set(&g->missing);
    engine_unlock();
    return told_of && due && gone;
}

static bool (*proof)(struct hx_group *g); /* of the process that is forked next */

static enum outcome join_and_prove(int hear_fd, int say_fd)
{
    struct hx_config config = member();
    struct hx_group *g;

    (void)hear_fd;
    (void)say_fd;
    if (hx_group_join(&g, &config, "session", 3) < 0)
        return FAILED_BIND;
    bool well = proof(g);
    hx_group_leave(g);
    hx_cleanup();
    return well ? DONE : FAILED_PROOF;
}

static enum outcome be_refused(int hear_fd, int say_fd)
{
    struct hx_config config = member();
    struct hx_group *g;

    (void)hear_fd;
    (void)say_fd;
    int err = hx_group_join(&g, &config, "session", 3);
    hx_cleanup();
    return (enum outcome) - err;
}

static enum outcome ask_for_what_cannot_be(int hear_fd, int say_fd)
{
    static const int expects[] = {-1, 0, 1, 65, 1000};
    struct hx_config config = member();
    struct hx_group *g;

    (void)hear_fd;
    (void)say_fd;
    for (size_t i = 0; i < sizeof expects / sizeof *expects; i++) {
        if (hx_group_join(&g, &config, "session", expects[i]) != HX_EINVAL)
            return FAILED_BIND;
    }
    if (hx_group_join(&g, &config, "", 3) != HX_EINVAL || hx_group_join(&g, &config, NULL, 3) != HX_EINVAL ||
        hx_group_join(&g, NULL, "session", 3) != HX_EINVAL)
        return FAILED_BIND;
    config.name = NULL;
    if (hx_group_join(&g, &config, "session", 3) != HX_EINVAL)
        return FAILED_BIND;
    config.name = "no name";
    return hx_group_join(&g, &config, "session", 3) == HX_EINVAL ? DONE : FAILED_BIND;
}

static void *await_all(void *g)
{
    return (void *)(intptr_t)hx_group_wait(g, -1);
}

static void *await_next(void *g)
{
    struct hx_stream *s;

    return (void *)(intptr_t)hx_group_next(g, &s, -1);
}

static bool is_waited_for(struct hx_group *g, int users)
{
    engine_lock();
    bool they_are = g->presence.users == users;
    engine_unlock();
    return they_are;
}

static void (*happens)(struct hx_group *g); /* in the process that is forked next */

/* Both calls wait; then the group is left, or the library ended. */
static enum outcome wait_until_it_happens(int hear_fd, int say_fd)
{
    struct hx_config config = member();
    struct hx_group *g;
    pthread_t all, next;
    void *all_said, *next_said;

    (void)hear_fd;
    (void)say_fd;
    if (hx_group_join(&g, &config, "session", 3) < 0)
        return FAILED_BIND;
    pthread_create(&all, NULL, await_all, g);
    pthread_create(&next, NULL, await_next, g);
    while (!is_waited_for(g, 2))
        poll(NULL, 0, 2);
    struct pollfd fd = {hx_group_fd(g), POLLIN, 0};
    bool quiet = poll(&fd, 1, 0) == 0;
    happens(g);
    pthread_join(all, &all_said);
    pthread_join(next, &next_said);
    bool both = (intptr_t)all_said == HX_ECANCELED && (intptr_t)next_said == HX_ECANCELED;
    hx_cleanup();
    return quiet && both ? DONE : FAILED_PROOF;
}

static void leave(struct hx_group *g)
{
    hx_group_leave(g);
}

static void clean_up(struct hx_group *g)
{
    struct pollfd fd = {hx_group_fd(g), POLLIN, 0};

    hx_cleanup();
    if (poll(&fd, 1, 0) != 1 || hx_group_wait(g, -1) != HX_ECANCELED)
        _exit(FAILED_END);
    hx_group_leave(g);
}

/* ---- tests ---- */

static void assert_ends(void (*tell_it)(void), enum outcome (*run)(int hear, int say), int expected)
{
    tell_it();
    struct scripted s = start_telling();
    struct process p = start(run);
    assert_int_equal(finish(&p), expected);
    (void)scripted_stop(&s);
}

static void assert_proven(void (*tell_it)(void), bool (*wanted)(struct hx_group *g))
{
    proof = wanted;
    assert_ends(tell_it, join_and_prove, DONE);
}

static void assert_waits_end(void (*event)(struct hx_group *g))
{
    happens = event;
    assert_ends(agree, wait_until_it_happens, DONE);
}

static void a_nameserver_that_tells_of_more_than_there_can_be_is_believed_so_far(void **state)
{
    (void)state;
    assert_proven(tell_of_too_many, hears_of_too_many);
}

static void one_that_tells_of_a_member_again_and_again_makes_it_no_target(void **state)
{
    (void)state;
    assert_proven(tell_of_one_again_and_again, hears_of_one_all_the_time);
}

static void nor_does_one_whose_members_come_and_go(void **state)
{
    (void)state;
    assert_proven(tell_that_one_comes_and_goes, hears_of_coming_and_going);
}

static void what_is_not_known_is_nothing(void **state)
{
    (void)state;
    assert_proven(tell_nonsense, hears_nonsense);
}

static void who_has_not_joined_a_nameserver_that_restarted_has_left(void **state)
{
    (void)state;
    assert_proven(tell_of_two, misses_one);
}

static void a_name_that_is_held_cannot_be_had(void **state)
{
    (void)state;
    assert_ends(have_no_room, be_refused, -HX_ECONFLICT);
}

static void what_cannot_be_is_said_at_once(void **state)
{
    (void)state;
    assert_ends(agree, ask_for_what_cannot_be, DONE);
}

static void who_waits_hears_that_the_group_was_left(void **state)
{
    (void)state;
    assert_waits_end(leave);
}

static void who_waits_hears_that_the_library_has_ended(void **state)
{
    (void)state;
    assert_waits_end(clean_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nameserver_that_tells_of_more_than_there_can_be_is_believed_so_far),
        cmocka_unit_test(one_that_tells_of_a_member_again_and_again_makes_it_no_target),
        cmocka_unit_test(nor_does_one_whose_members_come_and_go),
        cmocka_unit_test(what_is_not_known_is_nothing),
        cmocka_unit_test(who_has_not_joined_a_nameserver_that_restarted_has_left),
        cmocka_unit_test(a_name_that_is_held_cannot_be_had),
        cmocka_unit_test(what_cannot_be_is_said_at_once),
        cmocka_unit_test(who_waits_hears_that_the_group_was_left),
        cmocka_unit_test(who_waits_hears_that_the_library_has_ended),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client group", tests, NULL, NULL);
}
