/* proto/response.h: responses (RFC 9112, 4): written for the server, read for clients. */
#ifndef HX_PROTO_RESPONSE_H
#define HX_PROTO_RESPONSE_H

#include "proto/authorization.h"
#include "proto/endpoint.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

/* Bytes of a Location with its NUL: one nameserver, as people write it. A longer one is neither written nor
 * kept. */
#define RESPONSE_LOCATION_MAX 288
#define RESPONSE_HEAD_MAX     16384 /* bytes of heads, 1xx too, that a reader takes; more is HX_ETOOBIG */

/* "OK", "Not Found", ... (RFC 9110, 15; RFC 6585 for 429 and 431); "Unknown" for what is not in our table. */
const char *response_reason(int status);

/* The streaming head, byte for byte as DESIGN section 3 has it: 200, Content-Type, Transfer-Encoding, then
 * External-Address, then the empty line. `takes_reports`: with one line more, which says where the peer shall
 * tell what became of its attempts (proto/attempt_report.h). Not `chunked`: with Connection: close instead of
 * Transfer-Encoding, which HTTP/1.0 does not know (RFC 9112, 6.1). `headers`: "", or further lines, each
 * ending in CRLF. Errors of buf_append(). */
int response_write_stream_head(struct buf *out, const struct endpoint *external, bool takes_reports,
                               bool chunked, const char *headers);

struct response_text {
    int status;
    const char *body;    /* one line without its line end; sent with CRLF, and counted */
    const char *headers; /* NULL, or further header lines, each ending in CRLF */
    bool head_only;      /* answer to HEAD: Content-Length as with a body, but no body */
    bool close;          /* adds Connection: close */
};
/* A whole answer with Content-Type: text/plain; charset=utf-8 and Content-Length. Errors of buf_append(). */
int response_write_text(struct buf *out, const struct response_text *r);

/* What a reader has understood of the head; valid once the reader says so. */
struct response_head {
    int status;
    char reason[64];        /* as sent, cut to fit */
    char content_type[128]; /* as sent, cut to fit; "" if there was none */
    char boundary[72 + 1];  /* the boundary parameter as sent, unquoted; "" if there was none */
    bool chunked;
    int64_t content_length;   /* -1 if there was none */
    struct endpoint external; /* External-Address; AF_UNSPEC if there was none or it was no endpoint */
    bool takes_reports;       /* Report: of attempts that come of it (proto/attempt_report.h) */
    bool connect_udp;         /* Upgrade: with 101, what follows is a tunnel (proto/upgrade.h) */
    int retry_after_s;        /* Retry-After in seconds; -1 if there was none */
    /* Of WWW-Authenticate or Authentication-Info (proto/authorization.h); "": none of our scheme */
    char nonce[AUTHORIZATION_NONCE_MAX + 1];
    char location[RESPONSE_LOCATION_MAX]; /* as sent; "" if there was none */
};

struct response_reader; /* opaque */

struct response_callbacks {
    /* Raw bytes of the head as they came, status line to empty line, in one or more pieces; may be NULL. */
    void (*on_head_bytes)(void *user, const char *data, size_t len);
    /* The head is whole; may be NULL. */
    void (*on_head)(void *user, const struct response_head *head);
    /* Body bytes, transfer coding removed; may be NULL. */
    void (*on_body)(void *user, const char *data, size_t len);
    void *user;
};

/* `head_request`: the answer to a HEAD, which has no body. HX_OK or HX_ENOMEM; copies *cb. */
int response_reader_create(struct response_reader **out, bool head_request,
                           const struct response_callbacks *cb);
void response_reader_destroy(struct response_reader *r); /* NULL is fine */
/* Feeds bytes; callbacks run before it returns. Returns the bytes consumed: fewer than `len` only after the
 * response's last byte. HX_EPROTO, HX_ETOOBIG: the reader stays failed. Bare LF line ends are accepted.
 * 1xx responses are read over (RFC 9110, 15.2), but 101: behind its head another protocol begins. */
ssize_t response_reader_feed(struct response_reader *r, const char *data, size_t len);
/* True when the response's last byte has been taken. */
bool response_reader_done(const struct response_reader *r);
/* The stream has ended: true if that ends the response in order (done, or a body that runs to the close). */
bool response_reader_finish(struct response_reader *r);
/* The head, or NULL before it is whole. */
const struct response_head *response_reader_head(const struct response_reader *r);

#endif
