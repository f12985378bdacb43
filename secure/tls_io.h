/* secure/tls_io.h: OpenSSL's way to the transport, a BIO. It reads straight from the transport; what it is
 * given to write waits in a bounded buffer, so that records leave together: a datagram transport then has few
 * short datagrams. */
#ifndef HX_SECURE_TLS_IO_H
#define HX_SECURE_TLS_IO_H

#include "secure/tls.h"
#include <openssl/bio.h>

#define TLS_IO_FILL 65536 /* bytes after which nothing more should be encrypted before some have left */

struct tls_io { /* zeroed but for the transport */
    struct tls_transport transport;
    int in_error, out_error; /* the transport's last word in that direction; HX_OK: none yet */
    uint8_t *out;            /* what waits is out[start .. start+len) */
    size_t start, len;
};

/* Refers to `io`, does not own it. NULL: no memory. */
BIO *tls_io_bio(struct tls_io *io);
/* HX_OK: nothing waits; HX_EAGAIN; out_error. */
int tls_io_flush(struct tls_io *io);
void tls_io_free(struct tls_io *io);

#endif
