#include "client/forward/forward_spec.h"
#include "client/forward/listen.h"
#include "test/unit/cuts.h"
#include <unistd.h>

/* "[address or -|*] port target", or "path target" */
static void check_spec(enum forward_kind kind, const char *text, const char *expected)
{
    struct forward_spec spec;
    char error[FORWARD_ERROR_MAX] = "", target[AUTHORITY_TEXT_MAX] = "-", got[2 * AUTHORITY_TEXT_MAX];
    if (forward_spec_parse(&spec, kind, text, error) != HX_OK)
        fail_msg("refused: %s", error);
    if (spec.kind == FORWARD_LOCAL || spec.kind == FORWARD_REMOTE)
        authority_format(&spec.target, target);
    snprintf(got, sizeof got, "%s %hu %s",
             spec.anywhere   ? "*"
             : *spec.address ? spec.address
                             : "-",
             spec.port, target);
    if (*spec.path)
        snprintf(got, sizeof got, "%s %s", spec.path, target);
    assert_string_equal(got, expected);
}

static void check_refused(enum forward_kind kind, const char *text)
{
    struct forward_spec spec;
    char error[FORWARD_ERROR_MAX] = "";
    if (forward_spec_parse(&spec, kind, text, error) != HX_EINVAL)
        fail_msg("taken: %s", text);
    assert_true(strlen(error) > 0 && !strchr(error, '\n'));
}

static void a_local_forward_has_a_port_and_a_target(void **state)
{
    (void)state;
    check_spec(FORWARD_LOCAL, "8080:web:80", "- 8080 web:80");
    check_spec(FORWARD_LOCAL, "8080:127.0.0.1:80", "- 8080 127.0.0.1:80");
    check_spec(FORWARD_LOCAL, "8080:[::1]:80", "- 8080 [::1]:80");
    check_spec(FORWARD_LOCAL, "65535:Web.Example:65535", "- 65535 web.example:65535");
}

static void port_0_is_the_kernels_choice(void **state)
{
    (void)state;
    check_spec(FORWARD_LOCAL, "0:web:80", "- 0 web:80");
    check_spec(FORWARD_SOCKS, "0", "- 0 -");
}

static void an_address_may_stand_before_the_port(void **state)
{
    (void)state;
    check_spec(FORWARD_LOCAL, "127.0.0.2:8080:web:80", "127.0.0.2 8080 web:80");
    check_spec(FORWARD_LOCAL, "localhost:8080:web:80", "localhost 8080 web:80");
    check_spec(FORWARD_LOCAL, "[::1]:8080:[::1]:80", "::1 8080 [::1]:80");
    check_spec(FORWARD_LOCAL, "[0:0::1]:8080:web:80", "::1 8080 web:80");
    check_spec(FORWARD_LOCAL, "*:8080:web:80", "* 8080 web:80");
    check_spec(FORWARD_SOCKS, "127.0.0.2:1080", "127.0.0.2 1080 -");
    check_spec(FORWARD_SOCKS, "[::1]:1080", "::1 1080 -");
    check_spec(FORWARD_SOCKS, "*:1080", "* 1080 -");
    check_spec(FORWARD_SOCKS, "1080", "- 1080 -");
}

static void either_end_may_be_the_path_of_a_unix_socket(void **state)
{
    (void)state;
    check_spec(FORWARD_LOCAL, "2375:/run/docker.sock", "- 2375 /run/docker.sock");
    check_spec(FORWARD_LOCAL, "*:2375:/run/docker.sock", "* 2375 /run/docker.sock");
    check_spec(FORWARD_LOCAL, "[::1]:2375:/run/docker.sock", "::1 2375 /run/docker.sock");
    check_spec(FORWARD_LOCAL, "/tmp/x.sock:web:80", "/tmp/x.sock web:80");
    check_spec(FORWARD_LOCAL, "./x.sock:[::1]:80", "./x.sock [::1]:80");
    check_spec(FORWARD_LOCAL, "/a:/b", "/a /b");
    check_spec(FORWARD_LOCAL, "/a\\:b\\\\:/c\\:d", "/a:b\\ /c:d");
    check_spec(FORWARD_LOCAL, "/a b:/\xc3\xa4", "/a b /\xc3\xa4");
    check_spec(FORWARD_SOCKS, "/run/socks", "/run/socks -");
}

static void what_is_no_path_of_a_socket_is_refused(void **state)
{
    static const char *const texts[] = {"/a",           "/a:",      ":/a",     "8080:a/b",
                                        "/a:b/c",       "/a:/b:/c", "/a:80",   "/a:/b:80",
                                        "127.0.0.1:/b", "/a/b:",    "8080:./x"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(FORWARD_LOCAL, texts[i]);
    check_refused(FORWARD_SOCKS, "/a:/b");
    check_refused(FORWARD_SOCKS, "/a:80");
}

static void a_remote_forward_listens_there_and_connects_here(void **state)
{
    (void)state;
    check_spec(FORWARD_REMOTE, "8080:web:80", "- 8080 web:80");
    check_spec(FORWARD_REMOTE, "*:0:[::1]:80", "* 0 [::1]:80");
    check_spec(FORWARD_REMOTE, "/run/x:web:80", "/run/x web:80");
    check_spec(FORWARD_REMOTE, "8080:./here", "- 8080 ./here");
    check_spec(FORWARD_REMOTE, "1080", "- 1080 -");
    check_spec(FORWARD_REMOTE, "[::1]:1080", "::1 1080 -");
    check_spec(FORWARD_REMOTE, "/run/socks", "/run/socks -");
    check_refused(FORWARD_REMOTE, "./x:web:80");
    check_refused(FORWARD_REMOTE, "./x");
    check_refused(FORWARD_REMOTE, "8080:web");
    check_refused(FORWARD_REMOTE, "");
    check_refused(FORWARD_REMOTE, "web");
}

static void where_it_listens_is_written_as_it_is_read(void **state)
{
    static const char *const texts[] = {"8080",      "0",      "127.0.0.1:80", "localhost:80", "*:0",
                                        "[::1]:443", "/run/x", "/a\\:b\\\\c",  "/a b"};
    struct forward_spec spec;
    char text[FORWARD_LISTEN_MAX], error[FORWARD_ERROR_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(forward_spec_parse(&spec, FORWARD_REMOTE, texts[i], error), HX_OK);
        forward_spec_listen(&spec, text);
        assert_string_equal(text, texts[i]);
    }
}

static void a_path_has_the_length_that_a_socket_may_have(void **state)
{
    struct forward_spec spec;
    char text[400], error[FORWARD_ERROR_MAX];
    (void)state;
    for (int len = AUTHORITY_PATH_MAX - 1; len <= AUTHORITY_PATH_MAX + 1; len++) {
        int expected = len <= AUTHORITY_PATH_MAX ? HX_OK : HX_EINVAL;
        char *path = repeated('p', (size_t)len);
        path[0] = '/';
        snprintf(text, sizeof text, "%s:web:80", path);
        assert_int_equal(forward_spec_parse(&spec, FORWARD_LOCAL, text, error), expected);
        snprintf(text, sizeof text, "80:%s", path);
        assert_int_equal(forward_spec_parse(&spec, FORWARD_LOCAL, text, error), expected);
        if (expected != HX_OK)
            assert_non_null(strstr(error, "107 bytes"));
        free(path);
    }
}

static void what_is_no_local_forward_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        ":",
                                        "8080",
                                        "8080:",
                                        "8080:web",
                                        "8080:web:",
                                        "8080::80",
                                        ":8080:web:80",
                                        "8080:web:0",
                                        "8080:web:65536",
                                        "65536:web:80",
                                        "08:web:80",
                                        "-1:web:80",
                                        "a b:8080:web:80",
                                        "::1:8080:web:80",
                                        "[::1:8080:web:80",
                                        "[::1]8080:web:80",
                                        "[]:8080:web:80",
                                        "8080:*:80",
                                        "8080:web:*",
                                        "8080:web:80:90",
                                        "8080:::1:80",
                                        "8080:web:80 ",
                                        "[127.0.0.1]:8080:web:80",
                                        "[localhost]:8080:web:80",
                                        "web:80",
                                        "127.1:8080:web:80",
                                        "[::1]",
                                        "[",
                                        "[:",
                                        "*",
                                        "**:1:web:80",
                                        "1:2:3:4",
                                        "8080/web/80",
                                        "8080:we\nb:80"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(FORWARD_LOCAL, texts[i]);
}

static void what_is_no_socks_port_is_refused(void **state)
{
    static const char *const texts[] = {"",      ":",           ":1080", "1080:",           "web",
                                        "65536", "1080:web:80", "[::1]", "[::1]1",          "::1:1080",
                                        "1080 ", "127.0.0.1:",  "*:",    "127.0.0.1:1080:", "[::1]:x"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(FORWARD_SOCKS, texts[i]);
}

static void a_long_text_is_refused_in_one_short_line(void **state)
{
    (void)state;
    char *text = repeated('a', 5000);
    check_refused(FORWARD_LOCAL, text);
    check_refused(FORWARD_SOCKS, text);
    free(text);
    text = repeated('9', 5000);
    check_refused(FORWARD_LOCAL, text);
    check_refused(FORWARD_SOCKS, text);
    free(text);
}

static int open_spec(struct listen_socket sockets[LISTEN_MAX], const char *text)
{
    struct forward_spec spec;
    char error[FORWARD_ERROR_MAX] = "";
    assert_int_equal(forward_spec_parse(&spec, FORWARD_SOCKS, text, error), HX_OK);
    int count = listen_open(sockets, &spec, error);
    assert_int_equal(count<0, strlen(error)> 0);
    return count;
}

static void close_sockets(struct listen_socket *sockets, int count)
{
    for (int i = 0; i < count; i++)
        close(sockets[i].fd);
}

static void without_an_address_only_loopback_is_listened_on(void **state)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    struct listen_socket sockets[LISTEN_MAX];
    (void)state;
    int count = open_spec(sockets, "0");
    assert_in_range(count, 1, 2);
    for (int i = 0; i < count; i++) {
        const struct endpoint *e = &sockets[i].endpoint;
        assert_true(e->family == AF_INET ? e->address[0] == 127 : memcmp(e->address, loopback6, 16) == 0);
        assert_int_equal(e->port, sockets[0].endpoint.port);
        assert_int_not_equal(e->port, 0);
    }
    close_sockets(sockets, count);
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    struct listen_socket sockets[LISTEN_MAX], more[LISTEN_MAX];
    char text[64];
    (void)state;
    int count = open_spec(sockets, "127.0.0.1:0");
    assert_int_equal(count, 1);
    snprintf(text, sizeof text, "127.0.0.1:%hu", sockets[0].endpoint.port);
    assert_int_equal(open_spec(more, text), HX_EADDR);
    snprintf(text, sizeof text, "%hu", sockets[0].endpoint.port); /* on [::1], too: all or nothing */
    assert_int_equal(open_spec(more, text), HX_EADDR);
    close_sockets(sockets, count);
}

static void an_address_of_another_host_is_an_error(void **state)
{
    struct listen_socket sockets[LISTEN_MAX];
    (void)state;
    assert_int_equal(open_spec(sockets, "192.0.2.1:0"), HX_EADDR);
}

static void the_address_that_is_taken_is_named(void **state)
{
    (void)state;
    struct listen_socket sockets[LISTEN_MAX], more[LISTEN_MAX];
    struct forward_spec spec;
    char error[FORWARD_ERROR_MAX], here[ENDPOINT_TEXT_MAX];
    int count = open_spec(sockets, "127.0.0.1:0");
    endpoint_format(&sockets[0].endpoint, here);
    assert_int_equal(forward_spec_parse(&spec, FORWARD_SOCKS, here, error), HX_OK);
    assert_int_equal(listen_open(more, &spec, error), HX_EADDR);
    assert_non_null(strstr(error, here));
    assert_non_null(strstr(error, "in use"));
    close_sockets(sockets, count);
}

static void datagrams_are_forwarded_both_ways_with_a_target(void **state)
{
    struct forward_spec spec;
    char error[FORWARD_ERROR_MAX];
    (void)state;
    check_spec(FORWARD_LOCAL, "udp:53:[::1]:5353", "- 53 [::1]:5353");
    check_spec(FORWARD_REMOTE, "udp:*:53:dns:5353", "* 53 dns:5353");
    assert_int_equal(forward_spec_parse(&spec, FORWARD_REMOTE, "udp:53:dns:5353", error), HX_OK);
    assert_true(spec.udp && spec.kind == FORWARD_REMOTE);
    assert_int_equal(forward_spec_parse(&spec, FORWARD_REMOTE, "53:dns:5353", error), HX_OK);
    assert_false(spec.udp);
    check_refused(FORWARD_REMOTE, "udp:53");
    check_refused(FORWARD_REMOTE, "udp:/run/x:dns:53");
    check_refused(FORWARD_REMOTE, "udp:53:/run/x");
    check_refused(FORWARD_LOCAL, "udp:53:/run/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_forwarded_both_ways_with_a_target),
        cmocka_unit_test(a_local_forward_has_a_port_and_a_target),
        cmocka_unit_test(port_0_is_the_kernels_choice),
        cmocka_unit_test(an_address_may_stand_before_the_port),
        cmocka_unit_test(either_end_may_be_the_path_of_a_unix_socket),
        cmocka_unit_test(what_is_no_path_of_a_socket_is_refused),
        cmocka_unit_test(a_remote_forward_listens_there_and_connects_here),
        cmocka_unit_test(where_it_listens_is_written_as_it_is_read),
        cmocka_unit_test(a_path_has_the_length_that_a_socket_may_have),
        cmocka_unit_test(what_is_no_local_forward_is_refused),
        cmocka_unit_test(what_is_no_socks_port_is_refused),
        cmocka_unit_test(a_long_text_is_refused_in_one_short_line),
        cmocka_unit_test(the_address_that_is_taken_is_named),
        cmocka_unit_test(without_an_address_only_loopback_is_listened_on),
        cmocka_unit_test(a_port_that_is_taken_is_an_error),
        cmocka_unit_test(an_address_of_another_host_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
