#include "secure/tls_psk.h"
#include "secure/openssl.h"
#include <pthread.h>
#include <string.h>

/* Both with SHA-256, the hash that an external PSK is bound to: either may use either's key. */
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"

#define READ_AHEAD 65536 /* bytes: few calls of the transport for many records */

static const unsigned char aes_128_gcm_sha256[] = {0x13, 0x01}; /* RFC 8446, B.4 */

/* OpenSSL's form of an external PSK. */
static SSL_SESSION *session_of(SSL *ssl, const struct key *k)
{
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
    SSL_SESSION *s = SSL_SESSION_new();
    if (s && cipher && SSL_SESSION_set1_master_key(s, k->psk, sizeof k->psk) == 1 &&
        SSL_SESSION_set_cipher(s, cipher) == 1 && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1)
        return s;
    SSL_SESSION_free(s);
    return NULL;
}

static void note_key(struct tls_psk *psk, const struct key *k)
{
    memcpy(psk->label, k->label, sizeof psk->label);
    memcpy(psk->identity, k->identity, sizeof psk->identity);
}

/* The connecting side, for each ClientHello. */
static int use_session(SSL *ssl, const EVP_MD *hash, const unsigned char **id, size_t *id_len,
                       SSL_SESSION **session)
{
    struct tls_psk *psk = SSL_get_app_data(ssl);
    const struct key *k = &psk->ring.keys[0];
    (void)hash; /* SHA-256: there are no other ciphers */
    *session = session_of(ssl, k);
    *id = (const unsigned char *)k->identity;
    *id_len = PSK_ID_BYTES;
    note_key(psk, k);
    return *session != NULL;
}

/* The accepting side, for each identity that the peer offers. An unknown one is no error here: then no PSK is
 * chosen, and since there is no certificate either, the handshake fails. */
static int find_session(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **session)
{
    struct tls_psk *psk = SSL_get_app_data(ssl);
    const struct key *k = keyring_find(&psk->ring, id, id_len);
    *session = k ? session_of(ssl, k) : NULL;
    if (k)
        note_key(psk, k);
    return !k || *session;
}

static bool set_up(SSL_CTX *ctx, bool connecting)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT); /* nobody between us knows TLS */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
    if (connecting) /* who answers with a certificate instead of the key is nobody: none is trusted */
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_psk_use_session_callback(ctx, use_session);
    SSL_CTX_set_psk_find_session_callback(ctx, find_session);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, CIPHERS) == 1 && SSL_CTX_set1_groups_list(ctx, "X25519") == 1 &&
           SSL_CTX_set_num_tickets(ctx, 0) == 1;
}

static SSL_CTX *make_context(bool connecting)
{
    SSL_CTX *ctx = SSL_CTX_new(connecting ? TLS_client_method() : TLS_server_method());
    if (ctx && set_up(ctx, connecting))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* All connections of a side are of one, since making it costs as much as a handshake: OpenSSL looks all of
 * its algorithms up. It stays as long as the process; NULL: there is none this time. */
static SSL_CTX *context(bool connecting)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static SSL_CTX *contexts[2];
    pthread_mutex_lock(&mutex);
    if (!contexts[connecting])
        contexts[connecting] = make_context(connecting);
    SSL_CTX *ctx = contexts[connecting];
    pthread_mutex_unlock(&mutex);
    return ctx;
}

SSL *tls_psk_ssl(struct tls_psk *psk, bool connecting)
{
    openssl_begin();
    SSL_CTX *ctx = context(connecting);
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    if (!ssl)
        return NULL;
    SSL_set_app_data(ssl, psk);
    if (connecting)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    return ssl;
}
