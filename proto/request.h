/* proto/request.h: bytes -> requests (RFC 9112), on top of http-parser. No sockets, no clock, no logging.
 *
 * A parser takes one request after the other from one connection. What it refuses, it refuses with the HTTP
 * status that the peer shall get and a line of text that says what was wrong and what to do. */
#ifndef HX_PROTO_REQUEST_H
#define HX_PROTO_REQUEST_H

#include "proto/host_id.h"
#include "proto/membership.h"
#include "proto/peer_fields.h"
#include "proto/request_proof.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REQUEST_LINE_MAX      2048 /* bytes of the request line without its end (414 above 2 KiB) */
#define REQUEST_HEADERS_MAX   8192 /* bytes of all header lines without their ends (431 above 8 KiB) */
#define REQUEST_FIELDS_MAX    64   /* header fields (431 above 64) */
#define REQUEST_SESSION_BYTES SESSION_BYTES /* Bind-Session, Join-Session: 32 hex digits */
#define REQUEST_WAIT_MAX      60 /* seconds; Prefer: wait=N above is taken as this (RFC 7240, 4.3) */

enum request_target {
    REQUEST_ROOT,
    REQUEST_BIND,
    REQUEST_CONNECT,
    REQUEST_JOIN,
    REQUEST_TUNNEL /* UDP through TCP (proto/upgrade.h): with Upgrade: connect-udp */
};

struct request {
    enum request_target target;
    bool head;           /* HEAD: answered as GET, without the body (RFC 9110, 9.3.2) */
    bool close;          /* the peer wants the connection closed after the answer */
    bool unchunked;      /* it speaks HTTP/1.0: a body ends with the connection (RFC 9112, 6.1) */
    uint16_t port;       /* tunnel: of its target, whose host is `host_id` */
    uint8_t expect;      /* join: MEMBERS_MIN to MEMBERS_MAX, itself counted */
    const char *host_id; /* bind, connect: the name; join: the session's; else "" */
    const char *name;    /* connect: the requester's own name, or ""; join: its name in the session */
    bool has_session; /* bind, join: a Bind-Session, Join-Session; connect: a Session, which it continues */
    uint8_t session[REQUEST_SESSION_BYTES];
    bool relayed;   /* connect: Relay: only: a holder of the other family will do, whom a relay leads to */
    uint8_t wait_s; /* connect, join: Prefer: wait, 0 to REQUEST_WAIT_MAX; a field above 2 KiB is ignored */
};

/* Why a request was refused. */
struct request_refusal {
    int status;       /* 400, 404, 405, 414, 431, 501, 505 */
    const char *text; /* static; one line without line end: what was wrong and what to do */
    bool head;        /* the refused request was a HEAD: the answer goes without its body */
    bool fatal; /* close after the answer: the byte stream cannot be relied on, or the peer asked for it */
};

enum request_result { REQUEST_MORE, REQUEST_DONE, REQUEST_REFUSED };

struct request_parser; /* opaque */

/* HX_OK or HX_ENOMEM. One allocation; the parser is ready for the first request. */
int request_parser_create(struct request_parser **out);
/* Authorization fields are read, too: without this they are ignored as all unknown ones. HX_OK; HX_ENOMEM. */
int request_parser_read_proofs(struct request_parser *p);
void request_parser_destroy(struct request_parser *p); /* NULL is fine */

/* Feeds data[0..len); *consumed says how many bytes were taken: all of them with REQUEST_MORE, else those up
 * to the end of the request that is done or refused; the rest belongs to the next request. After DONE or
 * REFUSED (not fatal) the next feed begins a new request. After a fatal refusal nothing more is taken.
 * Keeps no pointer into `data`. Empty lines before a request line are skipped (RFC 9112, 2.2). */
enum request_result request_parser_feed(struct request_parser *p, const char *data, size_t len,
                                        size_t *consumed);
/* The result of the last feed; valid until the next one. */
const struct request *request_parser_request(const struct request_parser *p);
/* A copy, as small as its names allow, since a server holds one for as long as a bind; free() it. NULL: no
 * memory. */
struct request *request_copy(const struct request *q);
const struct request_refusal *request_parser_refusal(const struct request_parser *p);
/* bind, connect, join: what the one who asks tells its peers; NULL if it has no Candidate that can be read.
 * Its session is not given: see `has_session`. Valid as long as the request is. */
const struct peer_fields *request_parser_peer(const struct request_parser *p);
/* bind, connect, join: what its Authorization field says; NULL: there is none of our scheme. Valid as long as
 * the request is. */
const struct request_proof *request_parser_proof(const struct request_parser *p);
/* True once a byte of a request has come that is not yet whole: the request timeout runs. */
bool request_parser_started(const struct request_parser *p);

/* The client's half: writes a request line and the header lines, `headers` being NULL or lines that each end
 * in CRLF, and the empty line. `own_fields` is what to tell peers, or NULL; its session, if given, is the
 * one to continue. HX_OK, or buf_append()'s errors, or HX_EINVAL if a name is no host_id. */
struct buf;
int request_write_bind(struct buf *out, const char *host_id, const char *headers,
                       const struct peer_fields *own_fields);
int request_write_connect(struct buf *out, const char *host_id, const char *own_name, const char *headers,
                          const struct peer_fields *own_fields);
/* HX_EINVAL also if `expect` is out of its range. */
int request_write_join(struct buf *out, const char *session, int expect, const char *own_name,
                       const char *headers, const struct peer_fields *own_fields);

#endif
