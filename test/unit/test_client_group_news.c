/* A member of a session whose NAT, or whose pairs, have something new to tell all the time. */
#include "base/clock.h"
#include "client/group.h"
#include "client/nat.h"
#include "test/unit/group_script.h"

#define NEWS_MS   3500
#define GATHER_MS 100 /* at first: client/binding_gather.c */

/* Another further port each time. */
static void be_news(struct hx_group *g, uint16_t port)
{
    struct endpoint spare = {.family = AF_INET, .port = port, .address = {198, 51, 100, 1}};

    engine_lock();
    nat_set_spare(&spare);
    binding_fields_changed(&g->presence.binding);
    engine_unlock();
}

static uint16_t told_port(struct hx_group *g)
{
    engine_lock();
    uint16_t port = g->presence.binding.main->told.candidates.list[0].at.port;
    engine_unlock();
    return port;
}

static enum outcome have_news(int hear_fd, int say_fd)
{
    struct hx_config config = scripted_member();
    struct hx_group *g;
    uint16_t port = 1024;

    (void)hear_fd;
    (void)say_fd;
    if (hx_group_join(&g, &config, "session", 2) < 0)
        return FAILED_BIND;
    for (int64_t end_ms = clock_now_ms() + NEWS_MS; clock_now_ms() < end_ms; poll(NULL, 0, 10))
        be_news(g, ++port);
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; told_port(g) != port && clock_now_ms() < end_ms;)
        poll(NULL, 0, 10);
    bool last = told_port(g) == port;
    hx_group_leave(g);
    hx_cleanup();
    return last ? DONE : FAILED_PROOF;
}

static void what_is_new_all_the_time_is_told_half_as_often_each_time_and_the_last_of_it_is_told(void **state)
{
    int64_t begun_ms = clock_now_ms();

    (void)state;
    tell_nothing();
    struct scripted s = start_telling();
    struct process p = start(have_news);
    assert_int_equal(finish(&p), DONE);
    int64_t took_ms = clock_now_ms() - begun_ms;
    int64_t renewals = (int64_t)strlen(scripted_stop(&s)) - 1;
    assert_true(renewals >= 2);
    assert_true(GATHER_MS * ((1 << renewals) - 1) <= took_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_all_the_time_is_told_half_as_often_each_time_and_the_last_of_it_is_told),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client group news", tests, NULL, NULL);
}
