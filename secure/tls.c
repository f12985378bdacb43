#include "secure/tls.h"
#include "secure/tls_certificate.h"
#include "secure/tls_io.h"
#include "secure/tls_psk.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MAX  16384 /* bytes of data in one (RFC 8446, section 5.1) */
#define RECORD_MORE 22    /* bytes: a record's head, its inner content type and its tag (5.2) */
/* New keys after so many: RFC 8446, section 5.5 allows 2^24.5 of full size with AES-GCM. */
#define REKEY_RECORDS (1 << 18)

struct tls {
    struct tls_io io;
    struct tls_psk psk;
    SSL *ssl;
    bool by_certificate; /* the server is proven so, and not both by a key */
    bool proven;
    bool ended;
    int error; /* of TLS itself, for good */
    uint32_t records;
};

/* `t` is the caller's, or gone. `ssl`: now the connection's; NULL: there was no memory for it. */
static int begin(struct tls **out, struct tls *t, SSL *ssl)
{
    BIO *bio = ssl ? tls_io_bio(&t->io) : NULL;
    t->ssl = ssl;
    if (!bio) {
        tls_destroy(t);
        ERR_clear_error();
        return HX_ENOMEM;
    }
    SSL_set_bio(ssl, bio, bio);
    *out = t;
    return HX_OK;
}

int tls_create(struct tls **out, const struct keyring *ring, bool connecting, const struct tls_transport *io)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return HX_ENOMEM;
    t->io.transport = *io;
    return begin(out, t, keyring_copy(&t->psk.ring, ring) < 0 ? NULL : tls_psk_ssl(&t->psk, connecting));
}

int tls_create_web(struct tls **out, const char *host, const struct tls_transport *io)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return HX_ENOMEM;
    t->io.transport = *io;
    t->by_certificate = true;
    return begin(out, t, tls_certificate_ssl(host));
}

void tls_destroy(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    keyring_free(&t->psk.ring);
    tls_io_free(&t->io);
    free(t);
}

/* What a handshake's failure says of the peer: either it speaks TLS 1.3 and has no key of ours, or not. */
static int judge_failure(unsigned long error)
{
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return HX_EPROTO;
    switch (ERR_GET_REASON(error)) {
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: /* the peer offers no key that we have */
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_MISSING_SIGALGS_EXTENSION:
    case SSL_R_MISSING_PSK_KEX_MODES_EXTENSION:
    case SSL_R_BINDER_DOES_NOT_VERIFY: /* it knows the key's identity only */
    case SSL_R_DIGEST_CHECK_FAILED:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:     /* it shows a certificate */
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: /* it found the same of us */
    case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY:
    case SSL_R_TLSV13_ALERT_MISSING_EXTENSION:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return HX_EAUTH;
    case ERR_R_MALLOC_FAILURE:
        return HX_ENOMEM;
    default:
        return HX_EPROTO;
    }
}

/* The same of a server: its certificate has been looked at, and does not hold, or it did not come to that. */
static int judge_server_failure(const struct tls *t, unsigned long error)
{
    if (SSL_get_verify_result(t->ssl) != X509_V_OK)
        return HX_ECERT;
    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE ? HX_ENOMEM : HX_EPROTO;
}

/* After an operation of OpenSSL has returned `result` <= 0. */
static int failure(struct tls *t, int result)
{
    int reason = SSL_get_error(t->ssl, result);
    if (t->io.in_error == HX_OK && (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE))
        return HX_EAGAIN;
    if (reason == SSL_ERROR_ZERO_RETURN)
        return HX_EEOF;
    if (t->io.in_error < 0)
        t->error = t->io.in_error == HX_EEOF ? HX_ECLOSED : t->io.in_error;
    else if (t->io.out_error < 0)
        t->error = t->io.out_error;
    else if (t->proven)
        t->error = HX_EPROTO;
    else
        t->error =
            t->by_certificate ? judge_server_failure(t, ERR_peek_error()) : judge_failure(ERR_peek_error());
    ERR_clear_error();
    (void)tls_io_flush(&t->io); /* the alert, if there is one */
    return t->error;
}

int tls_handshake(struct tls *t)
{
    if (t->proven || t->error < 0)
        return t->error;
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    int err = result == 1 ? HX_OK : failure(t, result);
    if (err == HX_OK && !t->by_certificate && !SSL_session_reused(t->ssl))
        err = t->error = HX_EAUTH; /* a handshake without the PSK proves nothing */
    int flushed = tls_io_flush(&t->io);
    if (err == HX_EEOF) /* a close_notify in place of a handshake */
        err = t->error = HX_ECLOSED;
    if (err == HX_EAGAIN)
        return flushed < 0 ? flushed : err;
    keyring_free(&t->psk.ring);
    t->proven = err == HX_OK;
    return err;
}

const char *tls_certificate_problem(const struct tls *t)
{
    return tls_certificate_words(SSL_get_verify_result(t->ssl));
}

const char *tls_label(const struct tls *t)
{
    return t->proven ? t->psk.label : "";
}

const char *tls_key_identity(const struct tls *t)
{
    return t->proven ? t->psk.identity : "";
}

int tls_export(const struct tls *t, const char *label, uint8_t *out, size_t len)
{
    if (!t->proven)
        return HX_EAGAIN;
    return SSL_export_keying_material(t->ssl, out, len, label, strlen(label), NULL, 0, 0) == 1 ? HX_OK
                                                                                               : HX_ENOMEM;
}

ssize_t tls_read(struct tls *t, void *buf, size_t len)
{
    int err = tls_handshake(t);
    size_t got = 0, more;
    if (err < 0)
        return err;
    ERR_clear_error();
    while (got < len) {
        int result = SSL_read_ex(t->ssl, (char *)buf + got, len - got, &more);
        if (result != 1) {
            err = failure(t, result);
            break;
        }
        got += more;
    }
    return got > 0 ? (ssize_t)got : err;
}

bool tls_ends_here(struct tls *t)
{
    char byte;
    size_t got;
    if (tls_handshake(t) < 0 || SSL_pending(t->ssl) > 0)
        return false;
    ERR_clear_error();
    int result = SSL_peek_ex(t->ssl, &byte, 1, &got);
    return result != 1 && failure(t, result) == HX_EEOF;
}

/* One record. */
static ssize_t encrypt(struct tls *t, const char *data, size_t len)
{
    size_t put;
    if (t->records++ >= REKEY_RECORDS) {
        t->records = 0;
        if (SSL_version(t->ssl) == TLS1_3_VERSION)
            SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    }
    int result = SSL_write_ex(t->ssl, data, len > RECORD_MAX ? RECORD_MAX : len, &put);
    return result == 1 ? (ssize_t)put : failure(t, result);
}

ssize_t tls_write(struct tls *t, const void *buf, size_t len)
{
    int err = tls_handshake(t);
    size_t done = 0;
    if (err == HX_OK)
        err = t->ended ? HX_EINVAL : tls_io_flush(&t->io);
    ERR_clear_error();
    while (err == HX_OK && done < len) {
        ssize_t put = encrypt(t, (const char *)buf + done, len - done);
        if (put > 0)
            done += (size_t)put;
        if (put < 0)
            err = (int)put;
        else if (t->io.len >= TLS_IO_FILL || done == len)
            err = tls_io_flush(&t->io);
    }
    return done > 0 ? (ssize_t)done : err;
}

int tls_flush(struct tls *t)
{
    return tls_io_flush(&t->io);
}

size_t tls_data_of(size_t len)
{
    size_t records = (len + RECORD_MAX + RECORD_MORE - 1) / (RECORD_MAX + RECORD_MORE);
    return len > records * RECORD_MORE ? len - records * RECORD_MORE : 0;
}

size_t tls_waiting(const struct tls *t, const uint8_t **bytes)
{
    *bytes = t->io.len > 0 ? t->io.out + t->io.start : NULL;
    return t->io.len;
}

int tls_end(struct tls *t)
{
    int err = tls_handshake(t);
    if (err < 0 || t->ended)
        return err;
    ERR_clear_error();
    t->ended = true;
    int result = SSL_shutdown(t->ssl); /* 0: the peer's close_notify has not come */
    return result < 0 ? failure(t, result) : HX_OK;
}
