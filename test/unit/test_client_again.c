/* What libhx asks a nameserver again: for a peer that was not reached, in the same session; for a name whose
 * holder has something new to tell; and whether it is still there. */
#include "base/clock.h"
#include "client/agent_state.h"
#include "client/binding.h"
#include "client/nat.h"
#include "client/rejoin.h"
#include "test/unit/scripted_names.h"
#include <sys/resource.h>

#define HEAD                                                                  \
    "HTTP/1.1 200 OK\r\n"                                                     \
    "Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n" \
    "Transfer-Encoding: chunked\r\n\r\n"
#define ID        "00112233445566778899aabbccddeeff"
#define KEY       "ffeeddccbbaa99887766554433221100"
#define PLAIN     "\r\n--hx_hole_punching\r\nname: 127.0.0.9:9\r\n\r\n"
#define SESSION   "\r\n--hx_hole_punching\r\nname: 127.0.0.9:9\r\nSession: " ID " " KEY "\r\n\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

static char where[64]; /* hx_config.nameserver of the process that is forked next */
static char text[1024];

static const char *answer_with(const char *part)
{
    snprintf(text, sizeof text, "%s%zx\r\n%s\r\n", HEAD, strlen(part), part);
    return text;
}

static const char *tells_of_a_session(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return answer_with(SESSION);
}

static const char *knows_no_sessions(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return answer_with(PLAIN);
}

static const char *finds_it_at_the_second_time(int nth, bool ipv6)
{
    (void)ipv6;
    return nth == 0 ? NOT_FOUND : answer_with(SESSION);
}

static const char *refuses_the_second(int nth, bool ipv6)
{
    (void)ipv6;
    return nth == 1 ? "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n" : NULL;
}

static const char *agrees(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return NULL;
}

static void point_at(const struct scripted *s)
{
    snprintf(where, sizeof where, "ipv4.test:%u", s->port);
}

/* ---- connecting ---- */

static enum outcome connect_in_vain(int timeout_ms)
{
    struct hx_config config = {.nameserver = where, .family = 4};
    struct hx_stream *s;
    int err = hx_connect(&s, &config, "name", timeout_ms);
    hx_cleanup();
    return (enum outcome) - err;
}

static enum outcome asks_again_once(int hear_fd, int say_fd)
{
    (void)hear_fd;
    (void)say_fd;
    return connect_in_vain(2000);
}

static enum outcome has_time_to_ask_again(int hear_fd, int say_fd)
{
    (void)hear_fd;
    (void)say_fd;
    return connect_in_vain(5000);
}

static void a_peer_that_is_not_reached_is_asked_for_again_in_its_session(void **state)
{
    struct scripted s = scripted_start(tells_of_a_session);
    (void)state;
    point_at(&s);
    struct process p = start(asks_again_once);
    assert_int_equal(scripted_heard(&s), '4');
    int64_t begun_ms = clock_now_ms();
    assert_int_equal(scripted_heard(&s), 'S');
    assert_true(clock_now_ms() - begun_ms >= 900);
    assert_int_equal(finish(&p), -HX_EPUNCH);
    assert_string_equal(scripted_stop(&s), "");
}

static void a_nameserver_that_knows_no_sessions_is_asked_once(void **state)
{
    struct scripted s = scripted_start(knows_no_sessions);
    (void)state;
    point_at(&s);
    struct process p = start(has_time_to_ask_again);
    assert_int_equal(finish(&p), -HX_EPUNCH);
    assert_string_equal(scripted_stop(&s), "4");
}

/* ---- a connection that has lost its paths ---- */

static bool await_agent(bool (*is)(struct agent *), struct agent *a)
{
    bool now = false;
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !now && clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        now = is(a);
        engine_unlock();
    }
    return now;
}

static bool knows_the_new_address(struct agent *a)
{
    struct sockaddr_in6 there = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    struct net_route route = {.socket = 0};
    inet_pton(AF_INET6, "::ffff:127.0.0.9", &there.sin6_addr);
    net_address_from(&route.to, (struct sockaddr *)&there);
    return agent_way_of(a, &route) >= 0;
}

static enum outcome rejoin(int hear_fd, int say_fd)
{
    struct hx_config config = {.nameserver = where, .family = 4};
    struct settings settings;
    struct session session = {.given = true};
    struct candidates c = {.count = 1};
    struct agent *a;
    struct rejoin *r;
    (void)hear_fd;
    (void)say_fd;
    if (settings_init(&settings, &config, sizeof config, "name") < 0 ||
        session_parse(&session, ID " " KEY, strlen(ID " " KEY)) < 0 || engine_enter(0) < 0)
        return FAILED_BIND;
    c.list[0].at = (struct endpoint){.family = AF_INET, .port = 9, .address = {127, 0, 0, 8}};
    if (agent_begin(&a, &(struct agent_config){.port = engine_port(),
                                               .session = &session,
                                               .families = FAMILY_ANY,
                                               .calling = true,
                                               .candidates = c}) < 0 ||
        rejoin_create(&r, &settings, 0, a) < 0)
        return FAILED_CONNECT;
    settings_free(&settings);
    memset(&settings, 0xff, sizeof settings); /* it has its own */
    rejoin_need(r, AGENT_LOST);
    engine_unlock();
    bool told = await_agent(knows_the_new_address, a);
    engine_lock();
    rejoin_need(r, AGENT_DIRECT);
    rejoin_destroy(r);
    agent_end(a);
    engine_unlock();
    hx_cleanup();
    return told ? DONE : FAILED_PROOF;
}

static void a_connection_without_a_path_asks_for_its_peer_until_it_is_told_where_it_is(void **state)
{
    struct scripted s = scripted_start(finds_it_at_the_second_time);
    (void)state;
    point_at(&s);
    struct process p = start(rejoin);
    assert_int_equal(finish(&p), DONE);
    assert_string_equal(scripted_stop(&s), "SS");
}

/* ---- binding ---- */

static struct settings settings;
static struct binding binding;
static int bound, lost; /* events */

static void count_event(void *user, const struct hx_event_info *info)
{
    (void)user;
    bound += info->event == HX_EVENT_BOUND;
    lost += info->event == HX_EVENT_NAMESERVER_LOST;
}

static void on_changed(void *user)
{
    (void)user;
}

static void on_part(void *user, struct nameserver *n, const struct multipart_part *part)
{
    (void)user;
    (void)n;
    (void)part;
}

static bool await_leg(bool (*is)(const struct leg *), int ms)
{
    bool now = false;
    for (int64_t end_ms = clock_now_ms() + ms; !now && clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        now = is(&binding.legs[0]);
        engine_unlock();
    }
    return now;
}

static bool is_bound(const struct leg *leg)
{
    return leg->state == LEG_BOUND;
}

static bool is_lost(const struct leg *leg)
{
    return leg->state == LEG_WAITING;
}

static bool bind_name(void)
{
    struct hx_config config = {
        .nameserver = where, .family = 4, .on_event = count_event, .no_port_mapping = 1};
    if (settings_init(&settings, &config, sizeof config, "name") < 0 || engine_enter(0) < 0)
        return false;
    int err = binding_begin(&binding, &settings, &(struct binding_callbacks){on_changed, on_part, NULL});
    engine_unlock();
    return err == HX_OK && await_leg(is_bound, PATIENCE_MS);
}

static enum outcome end_binding(enum outcome outcome)
{
    engine_lock();
    binding_end(&binding);
    engine_unlock();
    hx_cleanup();
    return outcome;
}

/* As if it had been told something else, long ago. True: bound again. */
static bool renew(struct nameserver **before)
{
    struct leg *leg = &binding.legs[0];
    engine_lock();
    leg->told.candidates.count++;
    leg->bound_ms -= 60000;
    *before = leg->nameserver;
    binding_fields_changed(&binding);
    bool held = leg->former == *before && leg->state == LEG_ASKING;
    engine_unlock();
    return held && await_leg(is_bound, PATIENCE_MS);
}

static enum outcome renew_twice(int hear_fd, int say_fd)
{
    struct nameserver *first, *again;
    struct leg *leg = &binding.legs[0];
    (void)hear_fd;
    (void)say_fd;
    if (!bind_name() || !renew(&first))
        return end_binding(FAILED_BIND);
    if (leg->nameserver != first || leg->former) /* the refusal has ended nothing */
        return end_binding(FAILED_PROOF);
    if (!renew(&again) || again != first || leg->nameserver == first || leg->former)
        return end_binding(FAILED_END);
    (void)end_binding(DONE); /* the engine's thread has told what there is */
    return bound == 1 && lost == 0 ? DONE : FAILED_BYTES;
}

static void a_name_is_held_while_it_is_bound_anew_and_after_a_refusal(void **state)
{
    struct scripted s = scripted_start(refuses_the_second);
    (void)state;
    point_at(&s);
    struct process p = start(renew_twice);
    assert_int_equal(finish(&p), DONE);
    assert_string_equal(scripted_stop(&s), "4AA");
}

static uint16_t told_port; /* of the further port that peers shall be told of */

static bool tells_it(const struct leg *leg)
{
    return leg->state == LEG_BOUND && leg->told.candidates.count > 0 &&
           leg->told.candidates.list[0].at.port == told_port;
}

/* The engine's lock is held. */
static void open_further_port(uint16_t port)
{
    told_port = port;
    nat_set_spare(&(struct endpoint){.family = AF_INET, .port = port, .address = {198, 51, 100, 1}});
    binding_fields_changed(&binding);
}

static enum outcome open_two_ports(int hear_fd, int say_fd)
{
    struct leg *leg = &binding.legs[0];
    (void)hear_fd;
    (void)say_fd;
    if (!bind_name())
        return end_binding(FAILED_BIND);
    engine_lock();
    open_further_port(7);
    engine_unlock();
    if (!await_leg(tells_it, PATIENCE_MS))
        return end_binding(FAILED_PROOF);
    engine_lock();
    leg->bound_ms = clock_now_ms(); /* too soon to be asked again */
    open_further_port(8);
    bool soon = leg->state == LEG_BOUND && leg->timer.at_ms <= clock_now_ms() + 100;
    engine_unlock();
    return end_binding(soon && await_leg(tells_it, PATIENCE_MS) ? DONE : FAILED_END);
}

static void what_a_peer_waits_for_is_told_as_soon_as_it_may_be(void **state)
{
    struct scripted s = scripted_start(agrees);
    (void)state;
    point_at(&s);
    struct process p = start(open_two_ports);
    assert_int_equal(finish(&p), DONE);
    (void)scripted_stop(&s);
}

static enum outcome check(int hear_fd, int say_fd)
{
    if (!bind_name())
        return end_binding(FAILED_BIND);
    engine_lock();
    binding_check(&binding, false);
    engine_unlock();
    if (await_leg(is_lost, 2 * NAMESERVER_CHECK_MS) || lost != 0) /* it lives */
        return end_binding(FAILED_PROOF);
    say(say_fd);
    (void)hear(hear_fd); /* it stands still now */
    poll(NULL, 0, 20);   /* what it has said before is taken meanwhile: no event tells that */
    int64_t begun_ms = clock_now_ms();
    engine_lock();
    binding_check(&binding, false);
    engine_unlock();
    if (!await_leg(is_lost, NAMESERVER_SILENCE_MS / 2) || clock_now_ms() - begun_ms < NAMESERVER_CHECK_MS / 2)
        return end_binding(FAILED_END);
    (void)end_binding(DONE); /* the engine's thread tells of a state after it has changed */
    return lost == 1 ? DONE : FAILED_BYTES;
}

static void a_nameserver_that_is_checked_is_kept_if_it_lives_and_given_up_soon_if_not(void **state)
{
    struct scripted s = scripted_start(agrees);
    (void)state;
    point_at(&s);
    struct process p = start(check);
    assert_true(hear(p.hear));
    stand_still(s.pid);
    say(p.say);
    assert_int_equal(finish(&p), DONE);
    assert_int_equal(kill(s.pid, SIGCONT), 0);
    (void)scripted_stop(&s);
}

/* It may be our NAT that has forgotten: then the nameserver's word of the peer would not come. */
static enum outcome lose_a_peer(int hear_fd, int say_fd)
{
    struct leg *leg = &binding.legs[0];
    (void)hear_fd;
    (void)say_fd;
    if (!bind_name())
        return end_binding(FAILED_BIND);
    engine_lock();
    struct nameserver *before = leg->nameserver;
    binding_check(&binding, true);
    bool asked = leg->state == LEG_ASKING && leg->former == before;
    engine_unlock();
    if (!asked || !await_leg(is_bound, PATIENCE_MS) || leg->nameserver == before || leg->former)
        return end_binding(FAILED_PROOF);
    engine_lock();
    leg->bound_ms = clock_now_ms();
    binding_check(&binding, true); /* of another one, at once: it has just been bound */
    bool rests = leg->state == LEG_BOUND;
    engine_unlock();
    (void)end_binding(DONE);
    return rests && bound == 1 && lost == 0 ? DONE : FAILED_END;
}

static void a_name_is_bound_anew_at_once_when_a_peer_is_lost(void **state)
{
    struct scripted s = scripted_start(agrees);
    (void)state;
    point_at(&s);
    struct process p = start(lose_a_peer);
    assert_int_equal(finish(&p), DONE);
    assert_string_equal(scripted_stop(&s), "4A");
}

/* ---- another port ---- */

static enum outcome leave_ports(int hear_fd, int say_fd)
{
    struct rlimit before, few;
    (void)hear_fd;
    (void)say_fd;
    if (engine_enter(0) < 0 || getrlimit(RLIMIT_NOFILE, &before) < 0)
        return FAILED_BIND;
    struct udt_port *first = engine_port();
    int least = dup(STDERR_FILENO);
    close(least);
    few = (struct rlimit){.rlim_cur = (rlim_t)least + 8, .rlim_max = before.rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &few);
    engine_port_leave(first);
    bool stays = engine_port() == first;
    (void)setrlimit(RLIMIT_NOFILE, &before);
    engine_port_leave(first);
    bool leaves = engine_port() != first;
    engine_unlock();
    hx_cleanup();
    return stays && leaves ? DONE : FAILED_PROOF;
}

static void another_port_leaves_descriptors_for_connections(void **state)
{
    (void)state;
    struct process p = start(leave_ports);
    assert_int_equal(finish(&p), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_is_not_reached_is_asked_for_again_in_its_session),
        cmocka_unit_test(a_nameserver_that_knows_no_sessions_is_asked_once),
        cmocka_unit_test(a_connection_without_a_path_asks_for_its_peer_until_it_is_told_where_it_is),
        cmocka_unit_test(a_name_is_held_while_it_is_bound_anew_and_after_a_refusal),
        cmocka_unit_test(what_a_peer_waits_for_is_told_as_soon_as_it_may_be),
        cmocka_unit_test(another_port_leaves_descriptors_for_connections),
        cmocka_unit_test(a_name_is_bound_anew_at_once_when_a_peer_is_lost),
        cmocka_unit_test(a_nameserver_that_is_checked_is_kept_if_it_lives_and_given_up_soon_if_not),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client again", tests, NULL, NULL);
}
