/* client/dial.h: a stream of bytes to a host and port over TCP, on the engine's loop: straight or by way of
 * an HTTP proxy, with or without TLS. Everything is called and calls back with the engine's lock held.
 *
 * It connects to the first of the host's addresses that answers (client/eyeballs.h), or of the proxy's. What
 * is sent waits in a bounded queue; what comes is told at once, one piece for each turn of the loop. */
#ifndef HX_CLIENT_DIAL_H
#define HX_CLIENT_DIAL_H

#include "client/eyeballs.h"

#define DIAL_QUEUE_MAX 65536 /* bytes that wait here, and about as many unsent in the kernel */

/* In on_end() and from any other of these dial_close() may be called. */
struct dial_callbacks {
    void (*on_open)(void *user); /* once: dial_write() takes bytes */
    void (*on_bytes)(void *user, const void *bytes, size_t len);
    void (*on_room)(void *user); /* dial_write() takes bytes again, after it has said HX_EAGAIN */
    /* The last one. Before on_open(): HX_ERESOLVE; HX_EREFUSED; HX_ETIMEDOUT, at the deadline, too;
     * HX_ELIMIT, HX_ESYS; HX_EPROXY; HX_ECERT; HX_EPROTO: it speaks no TLS; HX_ENOMEM. After it: HX_EEOF: the
     * other side has ended in order; HX_ECLOSED: it broke. `text`: what people shall read, a sentence without
     * its end; "": the error says all. */
    void (*on_end)(void *user, int error, const char *text);
    void *user;
};

struct dial_request {
    const struct host_port *to; /* copied */
    bool tls;                   /* the certificate must be that of to->host (secure/tls.h) */
    const char *proxy_url;      /* copied. NULL: as the environment says (client/proxy.h); "": none */
    int families;               /* a mask of FAMILY_* */
    int64_t deadline_ms; /* of on_open(), by base/clock.h; INT64_MAX: none. Later it has no deadlines */
    struct dial_callbacks callbacks;
};

struct dial;
/* HX_OK, or HX_ENOMEM and no callback. Never calls back before it returns. */
int dial_begin(struct dial **out, const struct dial_request *request);
/* Bytes taken: up to DIAL_QUEUE_MAX all of them or none, of more a part. HX_EAGAIN: what was taken before has
 * not left yet, or it is not open; HX_ECLOSED: on_end() has come or will. Never calls back. */
ssize_t dial_write(struct dial *d, const void *bytes, size_t len);
/* Does what is sent still leave from the address that it did when it was opened? Else nothing more
 * arrives. */
bool dial_route_holds(const struct dial *d);
/* Frees it; what waits may be lost. NULL is fine. */
void dial_close(struct dial *d);

#endif
