/* libhx through client/api.h against a nameserver on loopback. */
#include "test/unit/client_fixture.h"
#include <malloc.h>
#include <pthread.h>

#define WAITING 3    /* streams that nobody accepts */
#define PERTURB 0x5A /* what free() leaves behind */

static void count_punched(void *user, const struct hx_event_info *info)
{
    if (info->event == HX_EVENT_PUNCHED)
        say(*(int *)user);
}

/* Says one byte when the name is bound and one for each stream that waits. Accepts none of them. */
static enum outcome clean_up_unaccepted(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();

    mallopt(M_PERTURB, PERTURB); /* without a sanitizer what is freed must not pass for what it was */
    config.on_event = count_punched;
    config.user = &say_fd;
    struct hx_listener *l;
    if (hx_bind(&l, &config, "waiting-room") < 0)
        return FAILED_BIND;
    say(say_fd);
    if (!hear(hear_fd))
        return FAILED_ACCEPT;
    hx_cleanup();
    hx_listener_close(l);
    return DONE;
}

static enum outcome connect_once(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;

    if (hx_connect(&s, &config, "waiting-room", PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    say(say_fd);
    (void)hear(hear_fd);
    hx_abort(s);
    hx_close(s);
    hx_cleanup();
    return DONE;
}

static enum outcome accept_two(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s[2] = {NULL, NULL};
    struct hx_listener *l;
    char c;

    if (hx_bind(&l, &config, "popular") < 0)
        return FAILED_BIND;
    say(say_fd);
    for (int i = 0; i < 2; i++) {
        if (hx_accept(l, &s[i], PATIENCE_MS) < 0 || hx_read(s[i], &c, 1, PATIENCE_MS) != 1)
            return FAILED_ACCEPT;
    }
    say(say_fd);
    (void)hear(hear_fd);
    for (int i = 0; i < 2; i++)
        hx_close(s[i]);
    hx_listener_close(l);
    hx_cleanup();
    return DONE;
}

/* What the nameserver would take for one that has begun anew. */
static enum outcome bind_twice(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *first, *second;

    (void)hear_fd;
    if (hx_bind(&first, &config, "twice") < 0)
        return FAILED_BIND;
    if (hx_bind(&second, &config, "twice") != HX_ECONFLICT || hx_bind(&second, &config, "once") < 0)
        return FAILED_BIND;
    hx_listener_close(first);
    if (hx_bind(&first, &config, "twice") < 0)
        return FAILED_BIND;
    say(say_fd);
    hx_listener_close(first);
    hx_listener_close(second);
    hx_cleanup();
    return DONE;
}

/* Likewise; each would take the name from the other one for ever. */
static enum outcome join_twice(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_group *first, *second, *other;

    (void)hear_fd;
    (void)say_fd;
    config.name = "one";
    if (hx_group_join(&first, &config, "twice", 3) < 0)
        return FAILED_BIND;
    if (hx_group_join(&second, &config, "twice", 3) != HX_ECONFLICT ||
        hx_group_join(&other, &config, "once", 3) < 0)
        return FAILED_BIND;
    config.name = "two";
    if (hx_group_join(&second, &config, "twice", 3) < 0)
        return FAILED_BIND;
    hx_group_leave(first);
    config.name = "one";
    if (hx_group_join(&first, &config, "twice", 3) < 0)
        return FAILED_BIND;
    hx_group_leave(first);
    hx_group_leave(second);
    hx_group_leave(other);
    hx_cleanup();
    return DONE;
}

static pthread_barrier_t both;

static void *connect_in_thread(void *user)
{
    struct hx_config config = defaults();
    struct hx_stream **s = user;

    pthread_barrier_wait(&both);
    if (hx_connect(s, &config, "popular", PATIENCE_MS) < 0 || hx_write(*s, "x", 1, PATIENCE_MS) != 1)
        return NULL;
    return user;
}

static enum outcome connect_twice_at_once(int hear_fd, int say_fd)
{
    struct hx_stream *s[2] = {NULL, NULL};
    pthread_t threads[2];
    enum outcome outcome = DONE;

    pthread_barrier_init(&both, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, connect_in_thread, &s[i]);
    for (int i = 0; i < 2; i++) {
        void *done;

        pthread_join(threads[i], &done);
        if (!done)
            outcome = FAILED_CONNECT;
    }
    pthread_barrier_destroy(&both);
    say(say_fd);
    (void)hear(hear_fd);
    for (int i = 0; i < 2; i++)
        hx_close(s[i]);
    hx_cleanup();
    return outcome;
}

/* ---- the tests ---- */

static void cleanup_with_streams_that_nobody_has_accepted_touches_no_freed_memory(void **state)
{
    struct process holder = start(clean_up_unaccepted), peers[WAITING];

    (void)state;
    assert_true(hear(holder.hear));
    for (int i = 0; i < WAITING; i++)
        peers[i] = start(connect_once);
    for (int i = 0; i < WAITING; i++) {
        assert_true(hear(holder.hear));
        assert_true(hear(peers[i].hear));
    }
    assert_int_equal(finish(&holder), DONE);
    for (int i = 0; i < WAITING; i++)
        assert_int_equal(finish(&peers[i]), DONE);
}

static void two_threads_that_connect_to_one_name_at_once_both_succeed(void **state)
{
    struct process holder = start(accept_two), peers;

    (void)state;
    assert_true(hear(holder.hear));
    peers = start(connect_twice_at_once);
    assert_true(hear(peers.hear));
    assert_true(hear(holder.hear));
    assert_int_equal(finish(&peers), DONE);
    assert_int_equal(finish(&holder), DONE);
}

static void a_name_that_the_program_has_bound_is_not_taken_from_it(void **state)
{
    struct process holder = start(bind_twice);

    (void)state;
    assert_true(hear(holder.hear));
    assert_int_equal(finish(&holder), DONE);
}

static void nor_is_a_membership_of_the_program(void **state)
{
    struct process member = start(join_twice);

    (void)state;
    assert_int_equal(finish(&member), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleanup_with_streams_that_nobody_has_accepted_touches_no_freed_memory),
        cmocka_unit_test(two_threads_that_connect_to_one_name_at_once_both_succeed),
        cmocka_unit_test(a_name_that_the_program_has_bound_is_not_taken_from_it),
        cmocka_unit_test(nor_is_a_membership_of_the_program),
    };

    return cmocka_run_group_tests_name("client api", tests, start_nameserver, stop_nameserver);
}
