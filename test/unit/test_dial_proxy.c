/* TCP connections of the client by way of an HTTP proxy, which the test plays. */
#include "client/proxy.h"
#include "test/unit/dial_fixture.h"
#include <stdatomic.h>

#define TARGET  "ns.example:443"
#define REQUEST "CONNECT ns.example:443 HTTP/1.1\r\nHost: ns.example:443\r\n"
#define SOON_MS 100

/* ---- what comes comes in pieces ---- */

static atomic_size_t piece; /* bytes at most; 0: all */

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    size_t most = atomic_load(&piece);
    return recvfrom(fd, buf, most > 0 && len > most && flags != MSG_WAITALL ? most : len, flags, NULL, NULL);
}

/* ---- a connection and its proxy ---- */

struct proxied {
    struct dialing g;
    char url[128];
    int listener, fd; /* -1: none yet */
};

/* "http://" + `credentials` + where it is. */
static void begin(struct proxied *p, const char *to, const char *credentials, int64_t timeout_ms)
{
    char where[64];
    *p = (struct proxied){.fd = -1};
    p->listener = listen_at(where, sizeof where, "127.0.0.1", 1);
    snprintf(p->url, sizeof p->url, "http://%s%s", credentials, where);
    dialing_begin(&p->g, to, timeout_ms, (struct dial_request){.proxy_url = p->url});
}

/* Takes the request, which must be this one. */
static void take_request(struct proxied *p, const char *expected)
{
    char got[1024] = "";
    p->fd = accept_one(p->listener);
    assert_true(receive_all(p->fd, got, strlen(expected)));
    assert_string_equal(got, expected);
}

static void answer(struct proxied *p, const char *bytes)
{
    assert_int_equal(send(p->fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

static void end(struct proxied *p)
{
    dialing_end(&p->g);
    close(p->listener);
    if (p->fd >= 0)
        close(p->fd);
}

/* It ends so, and says `text` with "*" for where the proxy is. */
static void await_failure(struct proxied *p, const char *text)
{
    char expected[512];
    const char *star = strchr(text, '*');
    const char *where = strrchr(p->url, '@') ? strrchr(p->url, '@') + 1 : p->url + strlen("http://");
    snprintf(expected, sizeof expected, "%.*s%s%s", (int)(star - text), text, where, star + 1);
    AWAIT(&p->g, p->g.ends == 1);
    assert_int_equal(p->g.opens, 0);
    assert_int_equal(p->g.error, HX_EPROXY);
    assert_string_equal(p->g.text, expected);
    end(p);
}

/* ---- the tests ---- */

static void check_passage(const char *head)
{
    char data[8];
    struct proxied p;
    begin(&p, TARGET, "", PATIENCE_MS);
    take_request(&p, REQUEST "\r\n");
    answer(&p, head); /* and what the target says at once */
    AWAIT(&p.g, p.g.got_len == 5);
    assert_memory_equal(p.g.got, "hello", 5);
    assert_int_equal(p.g.opens, 1);
    assert_int_equal(dial_write(p.g.dial, "question", 8), 8);
    assert_true(receive_all(p.fd, data, 8));
    assert_memory_equal(data, "question", 8);
    close(p.fd);
    p.fd = -1;
    AWAIT(&p.g, p.g.ends == 1);
    assert_int_equal(p.g.error, HX_EEOF);
    assert_string_equal(p.g.text, "");
    end(&p);
}

static void what_stands_behind_the_answer_is_the_target_s_wherever_it_is_cut(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 Connection established\r\n\r\nhello", "HTTP/1.0 200 OK\r\nProxy-agent: x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello", /* is to be ignored: RFC 9110, 9.3.6 */
        "HTTP/1.1 204 Fine\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello"};
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        for (size_t most = 0; most < 60; most += most < 3 ? 1 : 7) {
            atomic_store(&piece, most);
            check_passage(heads[i]);
        }
    }
    atomic_store(&piece, 0);
}

static void an_ipv6_address_is_asked_for_in_brackets(void **state)
{
    struct proxied p;
    (void)state;
    begin(&p, "[2001:db8::1]:7000", "", PATIENCE_MS);
    take_request(&p, "CONNECT [2001:db8::1]:7000 HTTP/1.1\r\nHost: [2001:db8::1]:7000\r\n\r\n");
    end(&p);
}

/* RFC 7617, 2: the example there. */
static void credentials_are_sent_as_basic(void **state)
{
    struct proxied p;
    (void)state;
    begin(&p, TARGET, "Aladdin:open%20sesame@", PATIENCE_MS);
    take_request(&p, REQUEST "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    answer(&p, "HTTP/1.1 200 OK\r\n\r\n");
    AWAIT(&p.g, p.g.opens == 1);
    end(&p);
}

static void check_refusal(const char *to, const char *credentials, const char *head, const char *text)
{
    char line[1024];
    struct proxied p;
    begin(&p, to, credentials, PATIENCE_MS);
    p.fd = accept_one(p.listener);
    for (size_t len = 0; len < 4 || memcmp(line + len - 4, "\r\n\r\n", 4) != 0; len++)
        assert_true(receive_all(p.fd, line + len, 1));
    answer(&p, head);
    await_failure(&p, text);
}

static void refusals_become_sentences_that_say_what_to_do(void **state)
{
    (void)state;
    check_refusal(TARGET, "", "HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n",
                  "the proxy * wants a name and a password: write them into the proxy's URL, "
                  "http://USER:PASSWORD@HOST:PORT");
    check_refusal(TARGET, "anna:wrong@", "HTTP/1.0 407 No\r\n\r\nbody",
                  "the proxy * does not accept the name and the password in the proxy's URL");
    check_refusal(TARGET, "anna:wrong@", "HTTP/1.0 401 Unauthorized\r\n\r\nbody",
                  "the proxy * does not accept the name and the password in the proxy's URL");
    check_refusal(TARGET, "", "HTTP/1.1 403 Forbidden\r\n\r\n",
                  "the proxy * lets nobody through to ns.example:443 (403)");
    check_refusal(
        "ns.example:7000", "", "HTTP/1.1 403 Forbidden\r\n\r\n",
        "the proxy * lets nobody through to ns.example:7000 (403): many allow port 443 alone, that of "
        "https://HOST");
    check_refusal(TARGET, "", "HTTP/1.1 502 Bad Gateway\r\n\r\n",
                  "the proxy * does not reach ns.example:443 (502)");
    check_refusal(TARGET, "", "HTTP/1.1 504 Late\r\n\r\n", "the proxy * does not reach ns.example:443 (504)");
    check_refusal(TARGET, "", "HTTP/1.1 301 Moved\r\nLocation: http://evil.example/\r\n\r\n",
                  "the proxy * refuses to connect to ns.example:443 (301)");
}

static void what_is_no_http_proxy_is_told(void **state)
{
    static char endless[20000];
    (void)state;
    check_refusal(TARGET, "", "SSH-2.0-OpenSSH_9.2\r\n",
                  "what answers at * is no HTTP proxy: check the proxy's URL");
    size_t len = (size_t)snprintf(endless, sizeof endless, "HTTP/1.1 200 OK\r\nX: ");
    memset(endless + len, 'x', sizeof endless - len - 1);
    check_refusal(TARGET, "", endless, "what answers at * is no HTTP proxy: check the proxy's URL");
}

static void a_proxy_that_says_nothing_is_told(void **state)
{
    struct proxied p;
    (void)state;
    begin(&p, TARGET, "", PATIENCE_MS);
    take_request(&p, REQUEST "\r\n");
    answer(&p, "HTTP/1.1 2");
    close(p.fd);
    p.fd = -1;
    await_failure(&p, "the proxy * has closed the connection without an answer");
    begin(&p, TARGET, "", SOON_MS);
    take_request(&p, REQUEST "\r\n");
    answer(&p, "HTTP/1.1 2");
    await_failure(&p, "the proxy *: timed out: check the proxy's URL");
}

static void a_proxy_that_is_not_there_is_told(void **state)
{
    struct proxied p = {.fd = -1};
    char where[64];
    (void)state;
    p.listener = listen_at(where, sizeof where, "127.0.0.1", -1);
    snprintf(p.url, sizeof p.url, "http://%s", where);
    dialing_begin(&p.g, TARGET, PATIENCE_MS, (struct dial_request){.proxy_url = p.url});
    await_failure(&p, "the proxy *: connection refused: check the proxy's URL");
}

static void a_url_that_is_none_is_told(void **state)
{
    struct dialing g = {.opens = 0};
    (void)state;
    dialing_begin(&g, TARGET, PATIENCE_MS, (struct dial_request){.proxy_url = "socks5://127.0.0.1:1080"});
    assert_int_equal(g.ends, 0);
    AWAIT(&g, g.ends == 1);
    assert_int_equal(g.error, HX_EPROXY);
    assert_string_equal(
        g.text, "the proxy's URL is no http://[USER:PASSWORD@]HOST[:PORT]: proxies of other kinds are "
                "not used");
    dialing_end(&g);
}

/* ---- the environment ---- */

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return 0;
}

/* "": none is used. */
static void check_choice(const char *host, bool tls, const char *expected)
{
    struct host_port to = {.port = 443};
    struct proxy p;
    snprintf(to.host, sizeof to.host, "%s", host);
    assert_int_equal(proxy_choose(&p, &to, tls, NULL), HX_OK);
    assert_int_equal(p.used, expected[0] != '\0');
    if (p.used)
        assert_string_equal(p.url.at.host, expected);
}

static void the_environment_is_taken_as_curl_takes_it(void **state)
{
    (void)clear_environment(state);
    check_choice("ns.example", true, "");
    check_choice("ns.example", false, "");
    setenv("HTTP_PROXY", "http://large-http", 1);
    check_choice("ns.example", false, ""); /* a CGI program's is whatever the client has sent */
    setenv("ALL_PROXY", "http://large-all", 1);
    check_choice("ns.example", false, "large-all");
    check_choice("ns.example", true, "large-all");
    setenv("all_proxy", "http://all", 1);
    check_choice("ns.example", false, "all");
    setenv("HTTPS_PROXY", "http://large-https", 1);
    check_choice("ns.example", true, "large-https");
    check_choice("ns.example", false, "all");
    setenv("https_proxy", "https", 1);
    setenv("http_proxy", "http://http", 1);
    check_choice("ns.example", true, "https");
    check_choice("ns.example", false, "http");
    setenv("https_proxy", "", 1); /* as if it were not there */
    check_choice("ns.example", true, "large-https");
    setenv("NO_PROXY", "localhost,ns.example", 1);
    check_choice("ns.example", true, "");
    check_choice("ns.example", false, "");
    check_choice("other.example", true, "large-https");
    setenv("no_proxy", "other.example", 1);
    check_choice("ns.example", true, "large-https");
    check_choice("other.example", true, "");
    (void)clear_environment(state);
}

/* Where there is one proxy only, people name it once. */
static void the_proxy_for_https_serves_all_where_no_other_is_named(void **state)
{
    (void)clear_environment(state);
    setenv("HTTPS_PROXY", "http://large-https", 1);
    check_choice("ns.example", false, "large-https");
    setenv("https_proxy", "http://https", 1);
    check_choice("ns.example", false, "https");
    setenv("http_proxy", "http://http", 1);
    check_choice("ns.example", false, "http");
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    check_choice("ns.example", true, "");
    (void)clear_environment(state);
}

static void a_variable_that_is_no_url_is_named(void **state)
{
    struct host_port to = {.host = "ns.example", .port = 443};
    char text[PROXY_TEXT_MAX];
    struct proxy p;
    setenv("HTTPS_PROXY", "socks5h://proxy", 1);
    assert_int_equal(proxy_choose(&p, &to, true, NULL), HX_EINVAL);
    proxy_tell_unusable(&p, text);
    assert_string_equal(
        text, "HTTPS_PROXY is no http://[USER:PASSWORD@]HOST[:PORT]: proxies of other kinds are not "
              "used");
    assert_int_equal(proxy_choose(&p, &to, true, ""), HX_OK);
    assert_false(p.used);
    (void)clear_environment(state);
}

/* All that is in a request at its longest. */
static void the_longest_request_fits(void **state)
{
    char request[PROXY_REQUEST_MAX];
    struct proxy p = {.used = true, .to = {.port = 65535}};
    (void)state;
    memset(p.to.host, 'h', HOST_PORT_HOST_MAX);
    p.to.host[1] = ':';
    memset(p.url.credentials, 'c', PROXY_CREDENTIALS_MAX);
    size_t len = proxy_request(&p, request);
    assert_true(len < sizeof request);
    assert_memory_equal(request + len - 4, "\r\n\r\n", 4);
}

static int enter(void **state)
{
    (void)clear_environment(state);
    return engine_enter(0);
}

static int leave(void **state)
{
    (void)state;
    engine_unlock();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_behind_the_answer_is_the_target_s_wherever_it_is_cut),
        cmocka_unit_test(an_ipv6_address_is_asked_for_in_brackets),
        cmocka_unit_test(credentials_are_sent_as_basic),
        cmocka_unit_test(refusals_become_sentences_that_say_what_to_do),
        cmocka_unit_test(what_is_no_http_proxy_is_told),
        cmocka_unit_test(a_proxy_that_says_nothing_is_told),
        cmocka_unit_test(a_proxy_that_is_not_there_is_told),
        cmocka_unit_test(a_url_that_is_none_is_told),
        cmocka_unit_test(the_environment_is_taken_as_curl_takes_it),
        cmocka_unit_test(the_proxy_for_https_serves_all_where_no_other_is_named),
        cmocka_unit_test(a_variable_that_is_no_url_is_named),
        cmocka_unit_test(the_longest_request_fits),
    };
    int failed = cmocka_run_group_tests(tests, enter, leave);
    engine_end();
    return failed;
}
