/* TLS of the client's TCP connections with a server that shows a certificate: a server of the test's own. */
#include "test/unit/dial_fixture.h"
#include "test/unit/web_fixture.h"
#include <signal.h>

#define BULK    3000000 /* bytes: more than all buffers between hold */
#define PIECE   50000
#define SOON_MS 200

static struct identity authority, stranger; /* the second has the same name, and is trusted by nobody */
static char trusted[] = "/tmp/hx-test-web.XXXXXX";

/* ---- the server ---- */

struct web {
    struct dialing g;
    char address[64];
    int listener, fd;
    SSL_CTX *ctx;
    SSL *ssl;
    char name[64]; /* that SNI has said; "" */
    char alpn[64]; /* that was chosen; "" */
};

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *user)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    (void)ssl, (void)user;
    if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

/* `host`: how the client names it. */
static void begin(struct web *w, const char *host, const struct identity *id, int version, int64_t timeout_ms)
{
    *w = (struct web){.fd = -1};
    w->listener = listen_at(w->address, sizeof w->address, host, 1);
    w->ctx = id ? web_server(id, version) : NULL;
    if (w->ctx)
        SSL_CTX_set_alpn_select_cb(w->ctx, choose_alpn, NULL);
    dialing_begin(&w->g, w->address, timeout_ms, (struct dial_request){.tls = true, .proxy_url = ""});
}

/* The server's half of the handshake, as far as it gets. */
static bool serve(struct web *w)
{
    const unsigned char *alpn;
    unsigned alpn_len;
    if (w->fd < 0)
        w->fd = accept_one(w->listener);
    w->ssl = SSL_new(w->ctx);
    SSL_set_fd(w->ssl, w->fd);
    engine_unlock();
    bool done = SSL_accept(w->ssl) == 1;
    engine_lock();
    if (!done)
        return false;
    const char *name = SSL_get_servername(w->ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(w->name, sizeof w->name, "%s", name ? name : "");
    SSL_get0_alpn_selected(w->ssl, &alpn, &alpn_len);
    snprintf(w->alpn, sizeof w->alpn, "%.*s", (int)alpn_len, alpn ? (const char *)alpn : "");
    return true;
}

static void server_reads(struct web *w, char *data, size_t len)
{
    size_t got = 0, more;
    engine_unlock();
    while (got < len && SSL_read_ex(w->ssl, data + got, len - got, &more) == 1)
        got += more;
    engine_lock();
    assert_int_equal(got, len);
}

static void server_writes(struct web *w, const char *data, size_t len)
{
    size_t put;
    engine_unlock();
    int result = SSL_write_ex(w->ssl, data, len, &put);
    engine_lock();
    assert_int_equal(result, 1);
    assert_int_equal(put, len);
}

static void end(struct web *w)
{
    dialing_end(&w->g);
    SSL_free(w->ssl);
    SSL_CTX_free(w->ctx);
    close(w->listener);
    if (w->fd >= 0)
        close(w->fd);
}

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* OpenSSL's socket BIO writes to whoever has gone */
    authority = identity_make(NULL, NULL, -DAY_S, DAY_S);
    stranger = identity_make(NULL, NULL, -DAY_S, DAY_S);
    int fd = mkstemp(trusted);
    if (fd < 0)
        return -1;
    close(fd);
    authority_write(&authority, trusted);
    setenv("SSL_CERT_FILE", trusted, 1);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    return engine_enter(0);
}

static int clean_up(void **state)
{
    (void)state;
    engine_unlock();
    unlink(trusted);
    identity_free(&authority);
    identity_free(&stranger);
    return 0;
}

/* ---- the tests ---- */

static void check_passage(struct web *w)
{
    char data[8];
    AWAIT(&w->g, w->g.opens == 1);
    assert_int_equal(dial_write(w->g.dial, "question", 8), 8);
    server_reads(w, data, 8);
    assert_memory_equal(data, "question", 8);
    server_writes(w, "answer", 6);
    AWAIT(&w->g, w->g.got_len == 6);
    assert_memory_equal(w->g.got, "answer", 6);
}

static void a_server_with_the_right_certificate_is_spoken_with(void **state)
{
    struct identity id =
        identity_make("DNS:other.example,DNS:localhost,IP:127.0.0.1", &authority, -DAY_S, DAY_S);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct web w;
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        begin(&w, "localhost", &id, versions[i], PATIENCE_MS);
        assert_true(serve(&w));
        assert_int_equal(SSL_version(w.ssl), versions[i]);
        assert_string_equal(w.name, "localhost");
        assert_string_equal(w.alpn, "http/1.1");
        check_passage(&w);
        end(&w);
        begin(&w, "127.0.0.1", &id, versions[i], PATIENCE_MS); /* no name for SNI (RFC 6066, 3) */
        assert_true(serve(&w));
        assert_string_equal(w.name, "");
        check_passage(&w);
        end(&w);
    }
    identity_free(&id);
}

static void the_end_of_tls_is_told_apart_from_a_broken_connection(void **state)
{
    struct identity id = identity_make("DNS:localhost", &authority, -DAY_S, DAY_S);
    struct web w;
    (void)state;
    for (int in_order = 0; in_order < 2; in_order++) {
        begin(&w, "localhost", &id, 0, PATIENCE_MS);
        assert_true(serve(&w));
        check_passage(&w);
        server_writes(&w, "last", 4);
        if (in_order)
            SSL_shutdown(w.ssl); /* the TCP connection stays */
        else
            assert_int_equal(shutdown(w.fd, SHUT_WR), 0);
        AWAIT(&w.g, w.g.ends == 1);
        assert_int_equal(w.g.got_len, 10);
        assert_int_equal(w.g.error, in_order ? HX_EEOF : HX_ECLOSED);
        end(&w);
    }
    identity_free(&id);
}

static void check_refused(const struct identity *id, const char *host, const char *problem)
{
    char text[512];
    struct web w;
    begin(&w, host, id, 0, PATIENCE_MS);
    (void)serve(&w); /* in TLS 1.3 it may think that it is done */
    AWAIT(&w.g, w.g.ends == 1);
    assert_int_equal(w.g.opens, 0);
    assert_int_equal(w.g.error, HX_ECERT);
    snprintf(text, sizeof text, "the certificate of %s %s", host, problem);
    assert_string_equal(w.g.text, text);
    end(&w);
}

static void a_certificate_that_proves_nothing_is_refused_in_words(void **state)
{
    static const char *const signer =
        "is signed by nobody whom this host trusts: if its authority is one of your own, "
        "name that one's certificate in SSL_CERT_FILE";
    struct identity other = identity_make("DNS:other.example", &authority, -DAY_S, DAY_S);
    struct identity below = identity_make("DNS:*.localhost,DNS:local*", &authority, -DAY_S, DAY_S);
    struct identity old = identity_make("DNS:localhost", &authority, -2 * DAY_S, -DAY_S);
    struct identity early = identity_make("DNS:localhost", &authority, DAY_S, 2 * DAY_S);
    struct identity impostor = identity_make("DNS:localhost", &stranger, -DAY_S, DAY_S);
    struct identity itself = identity_make("DNS:localhost", NULL, -DAY_S, DAY_S);
    struct identity strange = identity_make("DNS:localhost", &itself, -DAY_S, DAY_S);
    (void)state;
    check_refused(&other, "localhost", "is for another name: is that the right one?");
    check_refused(&other, "127.0.0.1", "is for another name: is that the right one?");
    check_refused(&below, "localhost", "is for another name: is that the right one?");
    check_refused(&old, "localhost", "has expired; or this host's clock is wrong");
    check_refused(&early, "localhost", "is not valid yet; or this host's clock is wrong");
    check_refused(&impostor, "localhost", signer);
    check_refused(&itself, "localhost", signer);
    check_refused(&strange, "localhost", signer);
    identity_free(&other);
    identity_free(&below);
    identity_free(&old);
    identity_free(&early);
    identity_free(&impostor);
    identity_free(&itself);
    identity_free(&strange);
}

/* The file is another one now. */
static void trust(const struct identity *id)
{
    char other[sizeof trusted + sizeof ".new"];
    snprintf(other, sizeof other, "%s.new", trusted);
    authority_write(id, other);
    assert_int_equal(rename(other, trusted), 0);
}

static void whom_this_host_trusts_may_change_while_it_runs(void **state)
{
    struct identity ours = identity_make("DNS:localhost", &authority, -DAY_S, DAY_S);
    struct identity theirs = identity_make("DNS:localhost", &stranger, -DAY_S, DAY_S);
    struct web w;
    (void)state;
    trust(&stranger);
    begin(&w, "localhost", &theirs, 0, PATIENCE_MS);
    assert_true(serve(&w));
    check_passage(&w);
    end(&w);
    begin(&w, "localhost", &ours, 0, PATIENCE_MS);
    (void)serve(&w);
    AWAIT(&w.g, w.g.ends == 1);
    assert_int_equal(w.g.error, HX_ECERT);
    end(&w);
    trust(&authority);
    begin(&w, "localhost", &ours, 0, PATIENCE_MS);
    assert_true(serve(&w));
    check_passage(&w);
    end(&w);
    identity_free(&ours);
    identity_free(&theirs);
}

static void check_no_tls(struct web *w, int error, const char *text)
{
    AWAIT(&w->g, w->g.ends == 1);
    assert_int_equal(w->g.opens, 0);
    assert_int_equal(w->g.error, error);
    assert_memory_equal(w->g.text, text, strlen(text));
    end(w);
}

static void who_speaks_no_tls_or_an_old_one_is_told(void **state)
{
    static const char plain[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct identity id = identity_make("DNS:localhost", &authority, -DAY_S, DAY_S);
    struct web w;
    (void)state;
    begin(&w, "localhost", NULL, 0, PATIENCE_MS);
    w.fd = accept_one(w.listener);
    assert_int_equal(send(w.fd, plain, strlen(plain), 0), strlen(plain));
    check_no_tls(&w, HX_EPROTO, "what answers at localhost, port ");
    begin(&w, "localhost", &id, TLS1_1_VERSION, PATIENCE_MS);
    assert_false(serve(&w));
    check_no_tls(&w, HX_EPROTO, "what answers at localhost, port ");
    begin(&w, "localhost", NULL, 0, PATIENCE_MS);
    close(accept_one(w.listener));
    check_no_tls(&w, HX_ECLOSED, "localhost has closed port ");
    begin(&w, "localhost", NULL, 0, SOON_MS);
    w.fd = accept_one(w.listener);
    check_no_tls(&w, HX_ETIMEDOUT, "");
    identity_free(&id);
}

static void fill(char *data, size_t at)
{
    for (size_t i = 0; i < PIECE; i++)
        data[i] = (char)((at + i) * 31 >> 5);
}

/* The server reads nothing until the client can write no more, and then answers as much. */
static void bulk_passes_both_ways_whole(void **state)
{
    static char data[PIECE], there[PIECE];
    struct identity id = identity_make("DNS:localhost", &authority, -DAY_S, DAY_S);
    struct web w;
    ssize_t put;
    size_t written = 0;
    (void)state;
    begin(&w, "localhost", &id, 0, PATIENCE_MS);
    assert_true(serve(&w));
    AWAIT(&w.g, w.g.opens == 1);
    do {
        fill(data, written);
        put = dial_write(w.g.dial, data, sizeof data);
        assert_true(put == HX_EAGAIN || put == (ssize_t)sizeof data);
        written += put > 0 ? (size_t)put : 0;
        assert_true(written < (size_t)100 * 1024 * 1024);
    } while (put != HX_EAGAIN);
    for (size_t at = 0; at < written; at += PIECE) {
        fill(data, at);
        server_reads(&w, there, sizeof there);
        assert_memory_equal(data, there, sizeof data);
    }
    AWAIT(&w.g, w.g.rooms == 1);
    for (size_t at = 0; at < BULK; at += PIECE)
        server_writes(&w, data, sizeof data);
    AWAIT(&w.g, w.g.got_len == BULK);
    end(&w);
    identity_free(&id);
}

static void a_proxy_leads_to_a_server_with_tls(void **state)
{
    struct identity id = identity_make("DNS:ns.example", &authority, -DAY_S, DAY_S);
    char url[128], line[256];
    struct web w = {.fd = -1};
    (void)state;
    w.listener = listen_at(w.address, sizeof w.address, "127.0.0.1", 1);
    w.ctx = web_server(&id, 0);
    snprintf(url, sizeof url, "http://%s", w.address);
    dialing_begin(&w.g, "ns.example:443", PATIENCE_MS, (struct dial_request){.tls = true, .proxy_url = url});
    w.fd = accept_one(w.listener);
    for (size_t len = 0; len < 4 || memcmp(line + len - 4, "\r\n\r\n", 4) != 0; len++)
        assert_true(receive_all(w.fd, line + len, 1));
    assert_memory_equal(line, "CONNECT ns.example:443 HTTP/1.1\r\n", 33);
    assert_int_equal(send(w.fd, "HTTP/1.1 200 OK\r\n\r\n", 19, 0), 19);
    assert_true(serve(&w));
    assert_string_equal(w.name, "ns.example");
    check_passage(&w);
    end(&w);
    identity_free(&id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_with_the_right_certificate_is_spoken_with),
        cmocka_unit_test(the_end_of_tls_is_told_apart_from_a_broken_connection),
        cmocka_unit_test(a_certificate_that_proves_nothing_is_refused_in_words),
        cmocka_unit_test(whom_this_host_trusts_may_change_while_it_runs),
        cmocka_unit_test(who_speaks_no_tls_or_an_old_one_is_told),
        cmocka_unit_test(bulk_passes_both_ways_whole),
        cmocka_unit_test(a_proxy_leads_to_a_server_with_tls),
    };
    int failed = cmocka_run_group_tests(tests, set_up, clean_up);
    engine_end();
    return failed;
}
