/* Peers that speak TLS by OpenSSL's own means, as no peer of ours would. */
#include "test/unit/sanitized.h"
#include "test/unit/tls_pair.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

#define KEY_UPDATES   (SANITIZED ? 6000 : 20000) /* answers to them are more than HELD_BACK_MAX */
#define HELD_BACK_MAX 100000                     /* bytes */

static char key[KEY_TEXT_MAX];

struct stranger {
    SSL *ssl;
    struct pipe_end *in, *out;
};

static int set_up(void **state)
{
    (void)state;
    return key_generate(key);
}

static void stranger_init(struct stranger *s, SSL_CTX *ctx, struct side *instead_of, bool connecting)
{
    *s = (struct stranger){.ssl = SSL_new(ctx), .in = instead_of->in, .out = instead_of->out};
    assert_non_null(s->ssl);
    SSL_set_bio(s->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (connecting)
        SSL_set_connect_state(s->ssl);
    else
        SSL_set_accept_state(s->ssl);
    SSL_CTX_free(ctx);
}

/* Moves what has come and what shall go. */
static void carry(struct stranger *s)
{
    char buf[4096];
    int n;
    if (s->in->len > 0) {
        BIO_write(SSL_get_rbio(s->ssl), s->in->data + s->in->start, (int)s->in->len);
        s->in->start = s->in->len = 0;
    }
    while ((n = BIO_read(SSL_get_wbio(s->ssl), buf, sizeof buf)) > 0) {
        assert_true(s->out->start + s->out->len + (size_t)n <= PIPE_SIZE);
        memcpy(s->out->data + s->out->start + s->out->len, buf, (size_t)n);
        s->out->len += (size_t)n;
    }
}

static int handshake(struct stranger *s, struct tls *ours)
{
    int err = HX_EAGAIN;
    for (int i = 0; i < 10 && err == HX_EAGAIN; i++) {
        SSL_do_handshake(s->ssl);
        carry(s);
        err = tls_handshake(ours);
    }
    carry(s);
    SSL_do_handshake(s->ssl);
    return err;
}

static SSL_CTX *client(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    return ctx;
}

/* ---- the accepting side is ours ---- */

static void check_client(SSL_CTX *ctx, int expected)
{
    struct stranger s;
    struct pair p;
    pair_init(&p, key, key);
    stranger_init(&s, ctx, &p.connecting, true);
    assert_int_equal(handshake(&s, p.accepting.tls), expected);
    assert_false(SSL_is_init_finished(s.ssl));
    SSL_free(s.ssl);
    pair_free(&p);
    ERR_clear_error();
}

static void a_client_without_any_key_is_refused(void **state)
{
    (void)state;
    check_client(client(), HX_EAUTH);
}

static void a_client_of_tls_1_2_is_told_apart(void **state)
{
    SSL_CTX *ctx = client();
    (void)state;
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    check_client(ctx, HX_EPROTO);
}

static struct keyring ring; /* what the next client offers; key 0 */

static int offer(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len, SSL_SESSION **session)
{
    static const unsigned char suite[] = {0x13, 0x01};
    (void)md;
    *session = SSL_SESSION_new();
    SSL_SESSION_set1_master_key(*session, ring.keys[0].psk, PSK_BYTES);
    SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite));
    SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
    *id = (const unsigned char *)ring.keys[0].identity;
    *len = PSK_ID_BYTES;
    return 1;
}

static SSL_CTX *client_with_key(void)
{
    SSL_CTX *ctx = client();
    int line;
    assert_int_equal(keyring_parse(&ring, key, strlen(key), &line), HX_OK);
    SSL_CTX_set_psk_use_session_callback(ctx, offer);
    return ctx;
}

static void chacha20_may_take_the_place_of_aes(void **state)
{
    SSL_CTX *ctx = client_with_key();
    struct stranger s;
    struct pair p;
    char buf[8];
    (void)state;
    assert_int_equal(SSL_CTX_set_ciphersuites(ctx, "TLS_CHACHA20_POLY1305_SHA256"), 1);
    pair_init(&p, key, key);
    stranger_init(&s, ctx, &p.connecting, true);
    assert_int_equal(handshake(&s, p.accepting.tls), HX_OK);
    assert_int_equal(SSL_write(s.ssl, "hello", 5), 5);
    carry(&s);
    assert_int_equal(tls_read(p.accepting.tls, buf, sizeof buf), 5);
    SSL_free(s.ssl);
    pair_free(&p);
    keyring_free(&ring);
}

static void a_client_that_knows_another_group_only_is_told_apart(void **state)
{
    SSL_CTX *ctx = client_with_key();
    (void)state;
    assert_int_equal(SSL_CTX_set1_groups_list(ctx, "P-256"), 1);
    check_client(ctx, HX_EPROTO);
    keyring_free(&ring);
}

static void a_flood_of_key_updates_is_answered_within_a_bound(void **state)
{
    SSL_CTX *ctx = client_with_key();
    struct stranger s;
    struct pair p;
    char buf[8];
    (void)state;
    pair_init(&p, key, key);
    stranger_init(&s, ctx, &p.connecting, true);
    assert_int_equal(handshake(&s, p.accepting.tls), HX_OK);
    p.down.room = 0; /* it does not read */
    for (int i = 0; i < KEY_UPDATES; i++) {
        assert_int_equal(SSL_key_update(s.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(s.ssl), 1);
        carry(&s);
        assert_int_equal(tls_read(p.accepting.tls, buf, sizeof buf), HX_EAGAIN);
    }
    p.down.room = PIPE_SIZE;
    assert_int_equal(tls_flush(p.accepting.tls), HX_OK);
    assert_in_range(p.down.len, 1, HELD_BACK_MAX);
    assert_int_equal(SSL_write(s.ssl, "hello", 5), 5); /* and when it reads again everything goes on */
    carry(&s);
    ssize_t got = HX_EAGAIN;
    for (int i = 0; i < KEY_UPDATES && got == HX_EAGAIN; i++) {
        got = tls_read(p.accepting.tls, buf, sizeof buf);
        assert_int_equal(tls_flush(p.accepting.tls), HX_OK);
    }
    assert_int_equal(got, 5);
    SSL_free(s.ssl);
    pair_free(&p);
    keyring_free(&ring);
}

/* ---- the connecting side is ours ---- */

/* A server with a certificate that it made itself. */
static SSL_CTX *server(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    assert_non_null(ctx);
    assert_non_null(pair);
    assert_non_null(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"hx",
                               -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, pair);
    assert_true(X509_sign(cert, pair, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pair), 1);
    X509_free(cert);
    EVP_PKEY_free(pair);
    return ctx;
}

static void check_server(SSL_CTX *ctx, int expected)
{
    struct stranger s;
    struct pair p;
    pair_init(&p, key, key);
    stranger_init(&s, ctx, &p.accepting, false);
    assert_int_equal(tls_handshake(p.connecting.tls), HX_EAGAIN);
    carry(&s);
    assert_int_equal(handshake(&s, p.connecting.tls), expected);
    assert_false(SSL_is_init_finished(s.ssl));
    assert_int_equal(tls_write(p.connecting.tls, "secret", 6), expected);
    SSL_free(s.ssl);
    pair_free(&p);
    ERR_clear_error();
}

static void a_server_with_a_certificate_in_place_of_the_key_is_refused(void **state)
{
    (void)state;
    check_server(server(), HX_EAUTH);
}

static void a_server_of_tls_1_2_is_told_apart(void **state)
{
    SSL_CTX *ctx = server();
    (void)state;
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    check_server(ctx, HX_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_without_any_key_is_refused),
        cmocka_unit_test(a_client_of_tls_1_2_is_told_apart),
        cmocka_unit_test(chacha20_may_take_the_place_of_aes),
        cmocka_unit_test(a_client_that_knows_another_group_only_is_told_apart),
        cmocka_unit_test(a_flood_of_key_updates_is_answered_within_a_bound),
        cmocka_unit_test(a_server_with_a_certificate_in_place_of_the_key_is_refused),
        cmocka_unit_test(a_server_of_tls_1_2_is_told_apart),
    };
    return cmocka_run_group_tests_name("tls strangers", tests, set_up, NULL);
}
