/* What libhx asks of a nameserver, over which family and how often, when it answers this or that. */
#include "base/clock.h"
#include "client/nameserver.h"
#include "test/unit/scripted_names.h"

#define NO_TEXT "\r\nContent-Length: 0\r\n\r\n"

static char where[64]; /* hx_config.nameserver, of the process that is forked next */
static int family;     /* hx_config.family */
static int events_fd;

static void point_at(const char *host, const struct scripted *s)
{
    snprintf(where, sizeof where, "%s:%u", host, s->port);
    family = 0;
}

/* A byte for each event: B bound, L lost, W waited for, R rejected. */
static void tell_event(void *user, const struct hx_event_info *info)
{
    static const char letters[] = {[HX_EVENT_BOUND] = 'B',
                                   [HX_EVENT_NAMESERVER_LOST] = 'L',
                                   [HX_EVENT_NAMESERVER_AWAITED] = 'W',
                                   [HX_EVENT_REJECTED] = 'R'};
    (void)user;
    if (info->event < sizeof letters && letters[info->event])
        (void)!write(events_fd, &letters[info->event], 1);
}

static struct hx_config configured(int say_fd)
{
    events_fd = say_fd;
    return (struct hx_config){
        .nameserver = where, .family = family, .on_event = tell_event, .timeout_ms = PATIENCE_MS};
}

/* Holds the name until it is told to end. */
static enum outcome hold(int hear_fd, int say_fd)
{
    struct hx_config config = configured(say_fd);
    struct hx_listener *l;

    if (hx_bind(&l, &config, "name") < 0)
        return FAILED_BIND;
    (void)hear(hear_fd);
    hx_listener_close(l);
    hx_cleanup();
    return DONE;
}

/* Exits with what hx_connect() returned, negated. */
static enum outcome ask_for_name(int hear_fd, int say_fd)
{
    struct hx_config config = configured(say_fd);

    (void)hear_fd;
    struct hx_stream *s;
    int err = hx_connect(&s, &config, "name", PATIENCE_MS);
    hx_cleanup();
    return (enum outcome) - err;
}

static char next(struct process *p)
{
    char c = '-';

    return read(p->hear, &c, 1) == 1 ? c : '-';
}

/* ---- scripts ---- */

static const char *agrees(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return NULL;
}

/* One that knows no sessions: the holder is alive, whoever asks. */
static const char *first_holds(int nth, bool ipv6)
{
    (void)ipv6;
    return nth == 0 ? NULL : "HTTP/1.1 409 Conflict" NO_TEXT;
}

static const char *refuses_all(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return "HTTP/1.1 409 Conflict" NO_TEXT;
}

/* The peer is not bound after all, which tells that it was asked. */
static const char *peer_has_ipv6(int nth, bool ipv6)
{
    (void)nth;
    return ipv6 ? "HTTP/1.1 404 Not Found" NO_TEXT
                : "HTTP/1.1 409 Conflict\r\nPeer-Family: IPv6\r\nContent-Length: 28\r\n\r\nthe peer has only "
                  "IPv6; so\r\n\r\n";
}

static const char *patience_then_none(int nth, bool ipv6)
{
    (void)ipv6;
    return nth == 0 ? "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1" NO_TEXT
                    : "HTTP/1.1 404 Not Found" NO_TEXT;
}

static const char *no_room_at_first(int nth, bool ipv6)
{
    (void)ipv6;
    return nth == 0 ? "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1" NO_TEXT : NULL;
}

/* The peer's address is one that nobody answers from. */
#define TELLS(headers)                                                                           \
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n" \
    "Transfer-Encoding: chunked\r\n" headers "\r\n"                                              \
    "75\r\n--hx_hole_punching\r\nname: 127.0.0.1:1\r\n"                                          \
    "Session: 0123456789abcdef0123456789abcdef fedcba9876543210fedcba9876543210\r\n\r\n"         \
    "\r\n"

static const char *takes_reports(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return TELLS("Report: /report\r\n");
}

static const char *takes_no_reports(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return TELLS("");
}

static const char *is_silent(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return "";
}

/* ---- the tests ---- */

static void a_name_is_bound_over_both_families_as_one_session(void **state)
{
    struct scripted s = scripted_start(agrees);
    (void)state;
    point_at("both.test", &s);
    struct process holder = start(hold);
    assert_int_equal(next(&holder), 'B');
    assert_int_equal(next(&holder), 'B');
    char first = scripted_heard(&s), second = scripted_heard(&s);
    assert_true((first == '6' && second == 'A') || (first == '4' && second == 'B'));
    assert_int_equal(finish(&holder), DONE);
    assert_string_equal(scripted_stop(&s), "");
}

static void only_the_family_that_was_chosen_is_used(void **state)
{
    struct scripted s = scripted_start(agrees);
    (void)state;
    point_at("both.test", &s);
    family = 4;
    struct process holder = start(hold);
    assert_int_equal(next(&holder), 'B');
    assert_int_equal(finish(&holder), DONE);
    assert_string_equal(scripted_stop(&s), "4");
}

static void a_nameserver_that_knows_no_sessions_is_asked_once_for_the_second_family(void **state)
{
    struct scripted s = scripted_start(first_holds);
    (void)state;
    point_at("both.test", &s);
    struct process holder = start(hold);
    assert_int_equal(next(&holder), 'B');
    scripted_heard(&s);
    scripted_heard(&s);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* nothing is to come: no event tells that */
    assert_int_equal(finish(&holder), DONE);
    assert_string_equal(scripted_stop(&s), "");
}

static void a_name_that_somebody_else_holds_is_a_final_answer(void **state)
{
    struct scripted s = scripted_start(refuses_all);
    (void)state;
    point_at("both.test", &s);
    struct process holder = start(hold);
    assert_int_equal(finish(&holder), FAILED_BIND);
    assert_int_equal(strlen(scripted_stop(&s)), 1);
}

static void a_nameserver_without_room_is_asked_again_when_it_says(void **state)
{
    struct scripted s = scripted_start(no_room_at_first);
    (void)state;
    point_at("ipv4.test", &s);
    int64_t begun_ms = clock_now_ms();
    struct process holder = start(hold);
    assert_int_equal(next(&holder), 'W');
    assert_int_equal(next(&holder), 'B');
    assert_true(clock_now_ms() - begun_ms >= 1000);
    assert_int_equal(finish(&holder), DONE);
    assert_string_equal(scripted_stop(&s), "4A");
}

static void a_peer_of_the_other_family_is_asked_for_over_that(void **state)
{
    struct scripted s = scripted_start(peer_has_ipv6);
    (void)state;
    point_at("both.test", &s);
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_ENOTFOUND);
    const char *said = scripted_stop(&s);
    assert_true(strcmp(said, "6") == 0 || strcmp(said, "46") == 0); /* IPv6 begins, where it is not slow */
}

static void without_that_family_the_text_says_what_is_missing(void **state)
{
    static const char *const hosts[] = {"both.test",
                                        "ipv4.test"}; /* with -4; a nameserver that has no IPv6 */
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scripted s = scripted_start(peer_has_ipv6);
        point_at(hosts[i], &s);
        family = i == 0 ? 4 : 0;
        int64_t begun_ms = clock_now_ms();
        struct process asking = start(ask_for_name);
        assert_int_equal(next(&asking), 'R');
        assert_int_equal(finish(&asking), -HX_EFAMILY);
        assert_true(clock_now_ms() - begun_ms < PATIENCE_MS / 2);
        assert_string_equal(scripted_stop(&s), "44"); /* the second time for its relay */
    }
}

static void a_nameserver_that_wants_patience_is_asked_again_then(void **state)
{
    struct scripted s = scripted_start(patience_then_none);
    (void)state;
    point_at("ipv4.test", &s);
    int64_t begun_ms = clock_now_ms();
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_ENOTFOUND);
    assert_true(clock_now_ms() - begun_ms >= 1000);
    assert_string_equal(scripted_stop(&s), "44");
}

/* IPv6 comes first, and nobody answers there: IPv4 has its turn soon, not when IPv6 has failed. */
static void a_family_that_is_a_black_hole_costs_a_quarter_of_a_second(void **state)
{
    struct scripted s = scripted_start(patience_then_none);
    (void)state;
    point_at("hole.test", &s);
    int64_t begun_ms = clock_now_ms();
    struct process asking = start(ask_for_name);
    assert_int_equal(scripted_heard(&s), '4');
    assert_in_range(clock_now_ms() - begun_ms, EYEBALLS_ATTEMPT_MS, NAMESERVER_CONNECT_MS - 1);
    assert_int_equal(finish(&asking), -HX_ENOTFOUND);
    assert_string_equal(scripted_stop(&s), "4");
}

static int patience_ms; /* of ask_in_vain() */

/* Who has no time left when it fails, and ends at once. */
static enum outcome ask_in_vain(int hear_fd, int say_fd)
{
    struct hx_config config = configured(say_fd);
    struct hx_stream *s;

    (void)hear_fd;
    int err = hx_connect(&s, &config, "name", patience_ms);
    hx_cleanup();
    return (enum outcome) - err;
}

static void a_failure_is_reported_to_a_nameserver_that_wants_to_know(void **state)
{
    (void)state;
    patience_ms = 300;
    for (int wants = 0; wants <= 1;) {
        struct scripted s = scripted_start(wants ? takes_reports : takes_no_reports);
        point_at("ipv4.test", &s);
        struct process asking = start(ask_in_vain);
        int outcome = finish(&asking);
        const char *said = scripted_stop(&s);
        if (outcome == -HX_ETIMEDOUT && patience_ms < 10000) { /* a busy machine: not even an answer came */
            patience_ms *= 4;
            continue;
        }
        assert_int_equal(outcome, -HX_EPUNCH);
        assert_string_equal(said, wants ? "4R" : "4");
        wants++;
    }
}

static void no_part(void *user, const struct multipart_part *part)
{
    (void)user;
    (void)part;
}

static void no_answer(void *user, const struct endpoint *external)
{
    (void)user;
    (void)external;
}

static void no_end(void *user, const struct nameserver_end *end)
{
    (void)user;
    (void)end;
}

/* It is left before it is reached, with something to report. Writes how many ms it has lived. */
static enum outcome leave_at_once(int hear_fd, int say_fd)
{
    struct nameserver_callbacks callbacks = {no_answer, no_part, no_end, NULL};
    struct nameserver *n;
    struct host_port name;
    struct buf bytes;
    (void)hear_fd;
    buf_init(&bytes, 0);
    if (buf_append(&bytes, "GET / HTTP/1.1\r\n\r\n", 18) < 0 ||
        host_port_parse_list(&name, 1, where, 0) != 1 || engine_enter(0) < 0)
        return FAILED_SERVE;
    struct nameserver_request request = {.name = &name, .families = FAMILY_IPV4, .bytes = &bytes};
    int err = nameserver_open(&n, &request, &callbacks);
    if (err == HX_OK) {
        nameserver_report(n, &(struct attempt_report){.outcome = ATTEMPT_FAILED});
        nameserver_leave(n);
    }
    engine_unlock();
    int64_t begun_ms = clock_now_ms();
    nameserver_await_left(PATIENCE_MS);
    int64_t ms = clock_now_ms() - begun_ms;
    buf_free(&bytes);
    (void)!write(say_fd, &ms, sizeof ms);
    hx_cleanup();
    return err == HX_OK ? DONE : FAILED_SERVE;
}

static void one_that_was_left_is_not_waited_for_longer_because_it_is_reached(void **state)
{
    struct scripted s = scripted_start(is_silent);
    int64_t ms = 0;
    (void)state;
    point_at("ipv4.test", &s);
    struct process leaving = start(leave_at_once);
    assert_int_equal(read(leaving.hear, &ms, sizeof ms), sizeof ms);
    assert_int_equal(finish(&leaving), DONE);
    assert_string_equal(scripted_stop(&s), "4");
    assert_in_range(ms, NAMESERVER_LEAVE_MS / 2, NAMESERVER_ANSWER_MS / 2);
}

int main(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_bound_over_both_families_as_one_session),
        cmocka_unit_test(only_the_family_that_was_chosen_is_used),
        cmocka_unit_test(a_nameserver_that_knows_no_sessions_is_asked_once_for_the_second_family),
        cmocka_unit_test(a_name_that_somebody_else_holds_is_a_final_answer),
        cmocka_unit_test(a_nameserver_without_room_is_asked_again_when_it_says),
        cmocka_unit_test(a_peer_of_the_other_family_is_asked_for_over_that),
        cmocka_unit_test(without_that_family_the_text_says_what_is_missing),
        cmocka_unit_test(a_nameserver_that_wants_patience_is_asked_again_then),
        cmocka_unit_test(a_family_that_is_a_black_hole_costs_a_quarter_of_a_second),
        cmocka_unit_test(a_failure_is_reported_to_a_nameserver_that_wants_to_know),
        cmocka_unit_test(one_that_was_left_is_not_waited_for_longer_because_it_is_reached),
    };

    if (fd < 0 || bind(fd, (struct sockaddr *)&loopback, sizeof loopback) < 0) {
        puts("ok 1 - both families # SKIP no IPv6 on loopback here");
        return 0;
    }
    close(fd);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client nameserver", tests, NULL, NULL);
}
