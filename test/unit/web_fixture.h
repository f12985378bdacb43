/* test/unit/web_fixture.h: an authority and servers' certificates, made for the test. Brings OpenSSL; after
 * cmocka. */
#ifndef HX_TEST_WEB_FIXTURE_H
#define HX_TEST_WEB_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DAY_S 86400L

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void identity_free(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->certificate);
}

static inline void add_extension(X509 *to, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(to, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* For `names`, as "DNS:ns.example,IP:127.0.0.1", or, NULL, an authority. Signed by `by`, NULL: by itself.
 * Valid from and to so many seconds from now. */
static inline struct identity identity_make(const char *names, const struct identity *by, long from_s,
                                            long to_s)
{
    static long serial;
    struct identity id = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *c = id.certificate;
    assert_true(id.key && c);
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c), from_s);
    X509_gmtime_adj(X509_getm_notAfter(c), to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                               (const unsigned char *)(names ? "a server" : "an authority"), -1, -1, 0);
    X509_set_issuer_name(c, by ? X509_get_subject_name(by->certificate) : X509_get_subject_name(c));
    X509_set_pubkey(c, id.key);
    add_extension(c, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
    if (names)
        add_extension(c, NID_subject_alt_name, names);
    assert_true(X509_sign(c, by ? by->key : id.key, EVP_sha256()) > 0);
    return id;
}

/* The authority's certificate, in a file. */
static inline void authority_write(const struct identity *authority, const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, authority->certificate), 1);
    assert_int_equal(fclose(f), 0);
}

/* A server with this certificate that speaks `version` of TLS alone; 0: any. */
static inline SSL_CTX *web_server(const struct identity *id, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(ctx);
    SSL_CTX_set_security_level(ctx, 0); /* old versions are refused by who asks */
    assert_int_equal(SSL_CTX_use_certificate(ctx, id->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, id->key), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    return ctx;
}

#endif
