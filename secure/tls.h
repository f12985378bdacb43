/* secure/tls.h: TLS 1.3 (RFC 8446) between two who share a key (external PSK with psk_dhe_ke, RFC 9257's
 * advice on identities): no certificates, forward secrecy, nothing sent in the clear, both sides proven. And
 * TLS as the web has it, as the client of a server that proves its name by a certificate.
 *
 * A state machine over the caller's non-blocking transport. Not thread-safe: the caller locks. */
#ifndef HX_SECURE_TLS_H
#define HX_SECURE_TLS_H

#include "secure/key.h"
#include <stdbool.h>
#include <sys/types.h>

struct tls_transport { /* both: bytes, HX_EAGAIN, HX_EEOF (read), or another error of base/error.h */
    ssize_t (*read)(void *user, void *buf, size_t len);
    ssize_t (*write)(void *user, const void *buf, size_t len);
    void *user;
};

struct tls;

/* `ring` is copied. The connecting side is TLS's client, and uses the ring's first key. HX_ENOMEM. */
int tls_create(struct tls **out, const struct keyring *ring, bool connecting, const struct tls_transport *io);
/* TLS 1.2 or 1.3 with the server `host`, a name or an address, for HTTP/1.1 (ALPN, RFC 7301). Its certificate
 * must be for `host` and signed by whom this system trusts; or by whom SSL_CERT_FILE and SSL_CERT_DIR name,
 * as OpenSSL takes them: those are read here if they have changed. HX_ENOMEM. */
int tls_create_web(struct tls **out, const char *host, const struct tls_transport *io);
void tls_destroy(struct tls *t);
/* HX_OK: both sides are proven, or the server is; HX_EAGAIN; HX_EAUTH: the peer has no key of ours (an alert
 * has left, or came); HX_ECERT: see tls_certificate_problem(); HX_EPROTO: the peer speaks no such TLS; the
 * transport's errors. */
int tls_handshake(struct tls *t);
/* After HX_ECERT, what is wrong with it and what to do, as the end of a sentence that begins with "the
 * certificate ". */
const char *tls_certificate_problem(const struct tls *t);
/* The label of the key that the peer has, once tls_handshake() has succeeded. */
const char *tls_label(const struct tls *t);
/* That key's public identity (secure/key.h), "" before. */
const char *tls_key_identity(const struct tls *t);
/* A secret that only the two sides of this connection have (RFC 8446, section 7.5), for the purpose that
 * `label` names. HX_EAGAIN: tls_handshake() has not succeeded; HX_ENOMEM. */
int tls_export(const struct tls *t, const char *label, uint8_t *out, size_t len);
/* As stream_read(): > 0, HX_EAGAIN, HX_EEOF after the peer's close_notify; HX_ECLOSED: the transport ended
 * without one. */
ssize_t tls_read(struct tls *t, void *buf, size_t len);
/* Whether the peer's close_notify comes next: reads the next record if there is one, and keeps what
 * is in it. */
bool tls_ends_here(struct tls *t);
/* Bytes taken; HX_EAGAIN: what was taken before has not left yet. What was taken leaves by later calls of
 * tls_write() or tls_flush(), and is bounded. */
ssize_t tls_write(struct tls *t, const void *buf, size_t len);
/* HX_OK: everything taken is with the transport; HX_EAGAIN. */
int tls_flush(struct tls *t);
/* How many bytes of data make `len` bytes of the transport's, or fewer. */
size_t tls_data_of(size_t len);
/* What was taken or made and has not left; valid until the next call of anything else. Returns how many
 * bytes. */
size_t tls_waiting(const struct tls *t, const uint8_t **bytes);
/* Does once what the first connections of a process do else, while a peer waits: OpenSSL looks all of its
 * algorithms up, which takes 2 to 10 ms. Any thread; others that need OpenSSL meanwhile may wait for it. */
void tls_warm_up(void);
/* Our close_notify: no tls_write() after it; reading goes on. To be flushed. */
int tls_end(struct tls *t);

#endif
