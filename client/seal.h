/* client/seal.h: a connection's bytes on their way between UDT and the application: as they are, or, with
 * keys, as TLS (secure/tls.h). The stream's mutex is held, and nobody has closed the connection yet. */
#ifndef HX_CLIENT_SEAL_H
#define HX_CLIENT_SEAL_H

#include "secure/tls.h"
#include "shim/stream.h"
#include <stdbool.h>

struct seal {
    struct stream *stream;
    struct tls *tls; /* NULL: bytes pass as they are */
    int error;       /* TLS has failed, for good */
    int64_t failed_ms;
    bool proven;    /* both sides; from the beginning if there are no keys */
    bool rest_read; /* UDT's own end behind the peer's close_notify */
};

/* `keys` NULL or empty: none; else they are copied. Does not own `stream`. HX_ENOMEM. */
int seal_open(struct seal *s, struct stream *stream, const struct keyring *keys, bool connecting);
void seal_close(struct seal *s); /* the connection may be closed by now */
/* HX_OK: proven; HX_EAGAIN, HX_EAUTH, HX_EPROTO, HX_ECLOSED. */
int seal_prove(struct seal *s);
/* As stream_read() and stream_write(), and what seal_prove() says. With keys HX_EEOF means that the peer has
 * said so itself, under TLS, and that UDT's end behind it was read, too: that is what the peer waits for. */
ssize_t seal_read(struct seal *s, void *buf, size_t len);
ssize_t seal_write(struct seal *s, const void *buf, size_t len);
/* HX_OK: UDT has everything; HX_EAGAIN: something waits for room. */
int seal_flush(struct seal *s);
/* Ends our direction for TLS: HX_OK: UDT may end it, too. HX_EAGAIN: not yet, call again. */
int seal_end(struct seal *s);

#endif
