/* -R: the far side listens, at a Unix socket, and the near side connects; and what each does when the other one does
 * not keep to it. */
#include "client/forward/remote.h"
#include "client/forward/remote_conn.h"
#include "test/unit/forward_fixture.h"
#include <sys/un.h>

static char dir[] = "/tmp/hx-reverse-XXXXXX"; /* mkdtemp() writes to it */
static char place[64];
static struct permit *permit;
static struct reverse reverse;
static struct remote *remote;
static int failures;

static void on_failed(void *user)
{
    (void)user;
    failures++;
}

static int begin_reverse(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/hx-reverse-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(place, sizeof place, "%s/place.sock", dir);
    begin(state);
    assert_int_equal(permit_create(&permit), HX_OK);
    assert_int_equal(permit_add(permit, place), HX_OK);
    assert_int_equal(permit_add(permit, "*"), HX_OK);
    reverse = (struct reverse){.loop = loop, .permit = permit, .who = "peer"};
    far_reverse = &reverse;
    failures = 0;
    return 0;
}

static int end_reverse(void **state)
{
    if (remote)
        remote_destroy(remote);
    remote = NULL;
    end(state);
    assert_int_equal(reverse.count, 0); /* they end with the link */
    far_reverse = NULL;
    permit_destroy(permit);
    assert_int_equal(rmdir(dir), 0); /* so does the file */
    return 0;
}

static void start_remote(const char *listen, const char *target)
{
    const struct remote_config config = {.loop = loop, .name = "far", .failed = on_failed};
    char spec[300], error[FORWARD_ERROR_MAX];
    snprintf(spec, sizeof spec, "%s%s%s", listen, target ? ":" : "", target ? target : "");
    if (remote_create(&remote, &config, spec, error) != HX_OK)
        fail_msg("%s", error);
    remote_set_link(remote, &near);
}

static void start_to_target(void)
{
    char target[64];
    snprintf(target, sizeof target, "127.0.0.1:%hu", target_port);
    start_remote(place, target);
    AWAIT(remote->listened);
}

static int visitor(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", place);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

/* The same, and nothing is left but the listener. */
static void check_visit(int fd)
{
    check_dialogue(fd);
    AWAIT(remote->count == 0 && mux_stream_count(far) == 1);
}

static void who_connects_there_reaches_the_target_here(void **state)
{
    (void)state;
    start_to_target();
    check_visit(visitor());
    check_visit(visitor());
}

static void the_one_who_speaks_first_may_be_the_target(void **state)
{
    (void)state;
    start_to_target();
    int fd = visitor();
    int other = accept_target();
    say(other, "hello", 5);
    check_receives(fd, "hello", 5);
    close(other);
    check_ends(fd);
}

static void many_at_once_are_each_their_own(void **state)
{
    int fds[60], others[60];
    (void)state;
    start_to_target();
    for (int i = 0; i < 60; i++) {
        fds[i] = visitor();
        say(fds[i], &i, sizeof i);
    }
    for (int i = 0; i < 60; i++) {
        int who;
        others[i] = accept_target();
        assert_int_equal(receive(others[i], &who, sizeof who), sizeof who);
        assert_in_range(who, 0, 59);
        say(others[i], &who, sizeof who);
    }
    for (int i = 0; i < 60; i++) {
        check_receives(fds[i], &i, sizeof i);
        close(fds[i]);
        close(others[i]);
    }
}

static void socks_there_reaches_what_is_reached_here(void **state)
{
    const uint8_t request[] = {
        5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, (uint8_t)(target_port >> 8), (uint8_t)(target_port & 0xff)};
    (void)state;
    start_remote(place, NULL);
    AWAIT(remote->listened);
    int fd = visitor();
    say(fd, request, sizeof request);
    check_receives(fd, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0", 12);
    check_visit(fd);
}

static void socks_there_hears_what_is_refused_here(void **state)
{
    int idle = tcp();
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)state;
    assert_int_equal(bind(idle, (struct sockaddr *)&sa, sizeof sa), 0);
    uint16_t port = port_of(idle);
    const uint8_t request[] = {
        5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, (uint8_t)(port >> 8), (uint8_t)(port & 0xff)};
    start_remote(place, NULL);
    AWAIT(remote->listened);
    int fd = visitor();
    say(fd, request, sizeof request);
    check_receives(fd, "\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0", 12);
    check_ends(fd);
    AWAIT(remote->count == 0 && mux_stream_count(far) == 1);
    close(idle);
}

static void a_target_that_is_not_there_ends_the_connection(void **state)
{
    char data[1];
    (void)state;
    close(target_fd);
    target_fd = tcp();
    start_to_target();
    int fd = visitor();
    assert_int_equal(receive(fd, data, 1), 0);
    AWAIT(remote->count == 0 && mux_stream_count(far) == 1);
    close(fd);
}

static void a_place_that_is_not_permitted_is_the_end_of_it(void **state)
{
    (void)state;
    start_remote("*:0", "127.0.0.1:1");
    AWAIT(failures == 1);
    assert_string_equal(remote->permit, "*:*");
    assert_int_equal(reverse.count, 0);
}

static void a_place_that_is_taken_is_asked_for_again(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", place);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(fd, 1), 0);
    start_remote(place, "127.0.0.1:1");
    AWAIT(remote->told);
    assert_int_equal(failures, 0);
    assert_int_equal(unlink(place), 0);
    AWAIT(remote->listened);
    close(fd);
}

static void with_the_next_link_it_listens_again(void **state)
{
    char data[1];
    (void)state;
    start_to_target();
    int fd = visitor();
    int other = accept_target();
    say(fd, "ping", 4);
    check_receives(other, "ping", 4);
    break_link();
    remote_set_link(remote, NULL);
    assert_int_equal(remote->count, 0);
    assert_int_equal(reverse.count, 0);
    assert_int_equal(access(place, F_OK), -1);
    assert_int_equal(receive(fd, data, 1), 0);
    check_is_reset(other);
    close(fd);
    make_link();
    remote->listened = false;
    remote_set_link(remote, &near);
    AWAIT(remote->listened);
    check_visit(visitor());
}

static void who_ends_it_ends_the_listener_there(void **state)
{
    (void)state;
    start_to_target();
    assert_int_equal(reverse.count, 1);
    remote_destroy(remote);
    remote = NULL;
    AWAIT(reverse.count == 0 && mux_stream_count(near.mux) == 0);
    assert_int_equal(access(place, F_OK), -1);
}

/* ---- a near side that is no hx ---- */

static const char *last_status(const struct mux_message *m)
{
    static char status[8];
    snprintf(status, sizeof status, "%s", mux_field(m, ":status"));
    return status;
}

static const char *status; /* of the last answer; NULL: none came */
static char body[256];     /* of the last request */
static struct mux_stream *asked;

static void on_status(void *user, const struct mux_message *response)
{
    (void)user;
    status = last_status(response);
}

static void on_body(void *user)
{
    (void)user;
    size_t have = strlen(body);
    ssize_t got = mux_stream_read(asked, body + have, sizeof body - 1 - have);
    body[have + (got > 0 ? (size_t)got : 0)] = '\0';
}

/* The status; the stream stays open unless it was answered with an end. */
static const char *request(const char *method, const char *path, const char *listen)
{
    static const struct mux_stream_events events = {.headers = on_status, .readable = on_body};
    char encoded[200] = "";
    for (size_t i = 0; i < strlen(listen); i++)
        snprintf(encoded + 3 * i, 4, "%%%02X", (unsigned char)listen[i]);
    const struct mux_field fields[] = {{":method", method}, {":scheme", "hx"},   {":authority", "far"},
                                       {":path", path},     {"listen", encoded}, {"target", "h:1"}};
    const struct mux_message m = {.fields = fields, .count = 6};
    status = NULL;
    body[0] = '\0';
    assert_int_equal(mux_request(near.mux, &asked, &m, &events, NULL), HX_OK);
    AWAIT(status);
    return status;
}

static void what_is_no_place_is_no_request(void **state)
{
    static const char *const places[] = {"", "x", "web:80:90", "65536", "./x", ":1", "1:2"};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_string_equal(request("POST", "/listen", places[i]), "400");
    assert_string_equal(request("POST", "/listen", "*:1"), "403");
    assert_string_equal(request("POST", "/listen", "/etc/x"), "403");
    assert_int_equal(reverse.count, 0);
}

static void a_peer_has_a_bound_of_listeners(void **state)
{
    (void)state;
    for (int i = 0; i < REVERSE_MAX; i++)
        assert_string_equal(request("POST", "/listen", "127.0.0.1:0"), "200");
    assert_string_equal(request("POST", "/listen", "127.0.0.1:0"), "429");
    assert_int_equal(reverse.count, REVERSE_MAX);
}

static void a_connection_is_taken_once(void **state)
{
    char path[64];
    (void)state;
    assert_string_equal(request("POST", "/listen", place), "200");
    int fd = visitor();
    AWAIT(strchr(body, '\n'));
    snprintf(path, sizeof path, "/accept/%.*s", (int)strcspn(body, "\n"), body);
    assert_string_equal(request("POST", "/accept/4294967295", ""), "404");
    assert_string_equal(request("POST", path, ""), "200");
    assert_string_equal(request("POST", path, ""), "404");
    assert_string_equal(request("DELETE", path, ""), "404");
    close(fd);
}

static void who_takes_nothing_is_told_of_so_many_connections_and_no_more(void **state)
{
    int fds[FORWARD_CONNECTIONS_MAX + 20];
    int count = (int)(sizeof fds / sizeof *fds);
    int lines = 0;
    (void)state;
    assert_string_equal(request("POST", "/listen", place), "200");
    for (int i = 0; i < count; i++) {
        fds[i] = visitor();
        turn();
        turn();
    }
    for (int i = 0; i < 50; i++)
        turn();
    char text[4096];
    for (ssize_t got; (got = mux_stream_read(asked, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < got; i++)
            lines += text[i] == '\n';
    for (const char *c = body; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, FORWARD_CONNECTIONS_MAX);
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static void a_client_that_has_gone_cannot_be_taken(void **state)
{
    (void)state;
    assert_string_equal(request("POST", "/listen", place), "200");
    struct mux_stream *listener = asked;
    AWAIT(reverse.count == 1);
    int fd = visitor();
    AWAIT(strchr(body, '\n'));
    mux_stream_reset(listener, MUX_CANCEL);
    AWAIT(reverse.count == 0);
    check_ends(fd);
    assert_string_equal(request("POST", "/accept/1", ""), "404");
}

/* ---- a far side that is no hx ---- */

static const char *lines_to_say;

static void say_lines(void *user, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_stream_events none;
    static const struct mux_field fields[] = {{":status", "200"}, {"listening", "x"}};
    static const struct mux_message response = {.fields = fields, .count = 2};
    (void)user;
    requests++;
    mux_stream_own(s, &none, NULL);
    if (strcmp(mux_field(m, ":path"), "/listen") != 0)
        return;
    assert_int_equal(mux_respond(s, &response), HX_OK);
    assert_int_equal(mux_stream_write(s, lines_to_say, strlen(lines_to_say)), strlen(lines_to_say));
}

static void make_odd_link(void)
{
    static const struct mux_events events = {.request = say_lines};
    static const struct mux_events none;
    mux_destroy(near.mux);
    mux_destroy(far);
    assert_int_equal(mux_create(&near.mux, true, &none, NULL), HX_OK);
    assert_int_equal(mux_create(&far, false, &events, NULL), HX_OK);
}

static void what_is_no_announcement_is_the_end_of_it(void **state)
{
    char *endless = repeated('1', REVERSE_LINE_MAX);
    const char *const lines[] = {"\n",
                                 "x\n",
                                 "1 h:1\n",
                                 "-1\n",
                                 "1 \n",
                                 "99999999999999999999\n",
                                 "\x01\n",
                                 "1\r\n",
                                 "udp:1\n",
                                 "udp:\n",
                                 "udp:1 127.0.0.1:1\n",
                                 endless};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        lines_to_say = lines[i];
        failures = 0;
        make_odd_link();
        start_remote(place, "127.0.0.1:1");
        AWAIT(failures == 1);
        assert_int_equal(remote->count, 0);
        remote_destroy(remote);
    }
    remote = NULL;
    free(endless);
}

static void only_so_many_are_connected_at_once(void **state)
{
    char many[(REMOTE_CONNECTIONS_MAX + 50) * 5] = "";
    int answered = 0;
    (void)state;
    for (int i = 0; i < REMOTE_CONNECTIONS_MAX + 50; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%d\n", i + 1);
    lines_to_say = many;
    make_odd_link();
    start_to_target();
    AWAIT(remote->count >= REMOTE_CONNECTIONS_MAX / 2);
    for (int i = 0; i < 200; i++) {
        int fd = accept4(target_fd, NULL, NULL, SOCK_CLOEXEC);
        answered += fd >= 0;
        if (fd >= 0)
            close(fd);
        turn();
        assert_true(remote->count <= REMOTE_CONNECTIONS_MAX);
    }
    assert_true(answered > 0 && answered <= REMOTE_CONNECTIONS_MAX);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_reverse, end_reverse)
        TEST(who_connects_there_reaches_the_target_here),
        TEST(the_one_who_speaks_first_may_be_the_target),
        TEST(many_at_once_are_each_their_own),
        TEST(socks_there_reaches_what_is_reached_here),
        TEST(socks_there_hears_what_is_refused_here),
        TEST(a_target_that_is_not_there_ends_the_connection),
        TEST(a_place_that_is_not_permitted_is_the_end_of_it),
        TEST(a_place_that_is_taken_is_asked_for_again),
        TEST(with_the_next_link_it_listens_again),
        TEST(who_ends_it_ends_the_listener_there),
        TEST(what_is_no_place_is_no_request),
        TEST(a_peer_has_a_bound_of_listeners),
        TEST(a_connection_is_taken_once),
        TEST(who_takes_nothing_is_told_of_so_many_connections_and_no_more),
        TEST(a_client_that_has_gone_cannot_be_taken),
        TEST(what_is_no_announcement_is_the_end_of_it),
        TEST(only_so_many_are_connected_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
