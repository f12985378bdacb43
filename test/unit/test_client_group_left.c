/* Two members of a session, of whom one is told that the other has left while it still reaches for it: the
 * other one may have been connected first, and go on with the connection alone. */
#include "test/unit/client_fixture.h"

#include "base/clock.h"
#include "client/group.h"
#include <poll.h>

static struct hx_group *group; /* of the one who is told */
static int failures;

static struct hx_config member(const char *name)
{
    struct hx_config config = defaults();

    config.name = name;
    config.no_port_mapping = 1;
    return config;
}

static void hear_that_it_has_left(void *user, const struct hx_event_info *info)
{
    (void)user;
    failures += info->event == HX_EVENT_PUNCH_FAILED;
    if (info->event == HX_EVENT_PEER && !group_member_left(group->members[0]))
        group_forget(group->members[0]);
}

/* The nameserver, too, may only now say that it has left. */
static bool await_nobody(void)
{
    bool nobody = false;

    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !nobody && clock_now_ms() < end_ms;
         poll(NULL, 0, 5)) {
        engine_lock();
        nobody = group->count == 0;
        engine_unlock();
    }
    return nobody;
}

static enum outcome be_told(int hear_fd, int say_fd)
{
    struct hx_config config = member("told");
    struct hx_stream *s;
    char c;

    config.on_event = hear_that_it_has_left;
    if (hx_group_join(&group, &config, "left", 2) < 0)
        return FAILED_BIND;
    say(say_fd);
    if (hx_group_next(group, &s, PATIENCE_MS) < 0 || strcmp(hx_peer_name(s), "leaver") != 0)
        return FAILED_CONNECT;
    if (hx_read(s, &c, 1, PATIENCE_MS) != 1 || hx_write(s, "y", 1, PATIENCE_MS) != 1)
        return FAILED_BYTES;
    say(say_fd);
    (void)hear(hear_fd);
    hx_close(s);
    bool forgotten = await_nobody();
    hx_group_leave(group);
    hx_cleanup();
    return forgotten && failures == 0 ? DONE : FAILED_END;
}

static enum outcome leave_once_connected(int hear_fd, int say_fd)
{
    struct hx_config config = member("leaver");
    struct hx_group *g;
    struct hx_stream *s;
    char c;

    if (hx_group_join(&g, &config, "left", 2) < 0)
        return FAILED_BIND;
    if (hx_group_next(g, &s, PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    hx_group_leave(g);
    if (hx_write(s, "x", 1, PATIENCE_MS) != 1 || hx_read(s, &c, 1, PATIENCE_MS) != 1)
        return FAILED_BYTES;
    say(say_fd);
    (void)hear(hear_fd);
    hx_close(s);
    hx_cleanup();
    return DONE;
}

static void who_is_told_that_one_has_left_while_it_reaches_for_it_gets_the_connection(void **state)
{
    struct process told = start(be_told), leaver;

    (void)state;
    assert_true(hear(told.hear));
    leaver = start(leave_once_connected);
    (void)hear(told.hear);
    (void)hear(leaver.hear);
    assert_int_equal(finish(&leaver), DONE);
    assert_int_equal(finish(&told), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_told_that_one_has_left_while_it_reaches_for_it_gets_the_connection),
    };

    return cmocka_run_group_tests_name("client group left", tests, start_nameserver, stop_nameserver);
}
