#include "secure/tls_certificate.h"
#include "secure/openssl.h"
#include "secure/tls_trust.h"
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#define HOST_MAX   255   /* bytes (RFC 1035, 2.3.4) */
#define READ_AHEAD 65536 /* bytes: few calls of the transport for many records */

static const unsigned char http_1_1[] = "\x08http/1.1"; /* RFC 7301, 3.1 and 6 */

/* An address is no name that SNI could say (RFC 6066, 3), and the certificate has it elsewhere. */
static bool expect(SSL *ssl, const char *host)
{
    char name[HOST_MAX + 1];
    size_t len = strcspn(host, "%"); /* the zone of a link-local address is of this host alone */
    if (len > 1 && host[len - 1] == '.')
        len--; /* the root's: in no certificate */
    if (len > HOST_MAX)
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool set_up(SSL_CTX *ctx)
{
    X509_STORE *trusted = tls_trust_store();
    if (!trusted)
        return false;
    SSL_CTX_set_cert_store(ctx, trusted);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_alpn_protos(ctx, http_1_1, sizeof http_1_1 - 1) == 0;
}

SSL *tls_certificate_ssl(const char *host)
{
    openssl_begin();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx && set_up(ctx) ? SSL_new(ctx) : NULL;
    SSL_CTX_free(ctx); /* `ssl` holds it */
    if (ssl && !expect(ssl, host)) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl)
        SSL_set_connect_state(ssl);
    return ssl;
}

const char *tls_certificate_words(long verify_result)
{
    switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "is for another name: is that the right one?";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "has expired; or this host's clock is wrong";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is not valid yet; or this host's clock is wrong";
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: /* of an authority that has but the name of a trusted one */
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "is signed by nobody whom this host trusts: if its authority is one of your own, name that "
               "one's certificate in SSL_CERT_FILE";
    default:
        return X509_verify_cert_error_string(verify_result);
    }
}
