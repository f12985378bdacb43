/* A session in which two have met, told again after its connection has ended: through client/api.h. */
#include "client/agent.h"
#include "client/met_sessions.h"
#include "client/nameserver.h"
#include "client/stream_parts.h"
#include "proto/request.h"
#include "test/unit/client_fixture.h"
#include <string.h>

#define NAME "met"

static int told; /* of peers; changed with the engine's lock held */

static void note(void *user, const struct hx_event_info *info)
{
    (void)user;
    told += info->event == HX_EVENT_PEER;
}

/* Accepts two, one after the other, and is told of nobody else. */
static enum outcome accept_two(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    struct hx_stream *s;
    config.on_event = note;
    if (hx_bind(&l, &config, NAME) < 0)
        return FAILED_BIND;
    for (int i = 0; i < 2; i++) {
        say(say_fd);
        if (hx_accept(l, &s, PATIENCE_MS) < 0)
            return FAILED_ACCEPT;
        hx_close(s);
        say(say_fd);
        if (!hear(hear_fd))
            return FAILED_END;
    }
    engine_lock();
    enum outcome outcome = told == 2 ? DONE : FAILED_BYTES;
    engine_unlock();
    hx_listener_close(l);
    hx_cleanup();
    return outcome;
}

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool answered, ended;

static void on_agreed(void *user, const struct endpoint *external)
{
    (void)user, (void)external;
}

/* The other side's leaves first. */
static void on_part(void *user, const struct multipart_part *part)
{
    const struct session *s = user;
    answered |= part->session.given && memcmp(part->session.id, s->id, SESSION_BYTES) == 0;
    pthread_cond_broadcast(&changed);
}

static void on_end(void *user, const struct nameserver_end *end)
{
    (void)user, (void)end;
    ended = true;
    pthread_cond_broadcast(&changed);
}

/* As who has lost all paths does. */
static bool continue_session(struct session *session)
{
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, session};
    struct peer_fields fields = {.candidates = {.count = 1}, .session = *session};
    struct host_port name;
    struct nameserver *n = NULL;
    struct buf bytes;
    buf_init(&bytes, 0);
    fields.candidates.list[0].kind = CANDIDATE_HOST;
    fields.candidates.list[0].at =
        (struct endpoint){.family = AF_INET, .port = 9, .address = {198, 51, 100, 9}};
    engine_lock();
    struct nameserver_request request = {.name = &name, .families = FAMILY_IPV4, .bytes = &bytes};
    bool asked = host_port_parse(&name, nameserver_text, 0) == HX_OK &&
                 request_write_connect(&bytes, NAME, "", "", &fields) == HX_OK &&
                 nameserver_open(&n, &request, &callbacks) == HX_OK;
    while (asked && !answered && !ended && engine_wait(&changed, engine_deadline(PATIENCE_MS)))
        ;
    if (!ended)
        nameserver_close(n);
    engine_unlock();
    buf_free(&bytes);
    return answered;
}

static enum outcome meet_and_tell_again(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct session session;
    struct hx_stream *s;
    if (!hear(hear_fd) || hx_connect(&s, &config, NAME, PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    if (!s->agent)
        return FAILED_PROOF;
    session = *agent_session(s->agent);
    say(say_fd);
    if (!hear(hear_fd)) /* the other side has closed it */
        return FAILED_END;
    if (!continue_session(&session))
        return FAILED_BYTES;
    hx_close(s);
    if (hx_connect(&s, &config, NAME, PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    hx_close(s);
    hx_cleanup();
    return DONE;
}

static void a_peer_that_has_come_and_gone_is_not_reached_for_again(void **state)
{
    (void)state;
    struct process l = start(accept_two);
    struct process c = start(meet_and_tell_again);
    assert_true(hear(l.hear)); /* bound */
    say(c.say);
    assert_true(hear(c.hear)); /* connected */
    assert_true(hear(l.hear)); /* closed */
    say(l.say);
    assert_true(hear(l.hear)); /* accepts */
    say(c.say);
    assert_int_equal(finish(&c), DONE);
    assert_true(hear(l.hear));
    assert_int_equal(finish(&l), DONE);
}

static void the_last_sessions_are_known(void **state)
{
    struct session s = {.given = true}, other = {.given = true, .id = {1}};
    (void)state;
    assert_false(met_sessions_have(&s));
    met_sessions_add(&s);
    assert_true(met_sessions_have(&s));
    for (int i = 1; i < MET_SESSIONS_MAX; i++)
        met_sessions_add(&other);
    assert_true(met_sessions_have(&s));
    met_sessions_add(&other);
    assert_false(met_sessions_have(&s));
    assert_true(met_sessions_have(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_has_come_and_gone_is_not_reached_for_again),
        cmocka_unit_test(the_last_sessions_are_known),
    };
    return cmocka_run_group_tests_name("client met", tests, start_nameserver, stop_nameserver);
}
