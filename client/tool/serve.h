/* client/tool/serve.h: what hx bind does for a peer that has the key. Belongs to the link's thread.
 *
 * The requests inside a punched connection, HTTP/2 (RFC 9113), scheme "hx":
 *
 *   POST /pipe          200, then both bodies are the pipe; 409 if another peer has it, 404 if there is none
 *   POST /run           a command: client/run/run.h
 *   POST /echo          200, then the request's body comes back (hx bind --echo, else 404)
 *   CONNECT host:port   200, then both bodies are the connection; 403 not allowed, 502 failed, 504 not in
 *                       time. A Unix socket's authority is its path, percent-encoded: %2Frun%2Fx
 *   GET|HEAD|PUT|...    /files/PATH: client/files/share.h
 *   POST|DELETE         /listen, /accept/N, /flow/N: client/forward/reverse.h
 *   POST /udp           client/forward/flows.h
 *   GET /info           client/tool/info.h
 *   POST /receive, ...  of hx send: client/tool/visit.h */
#ifndef HX_CLIENT_TOOL_SERVE_H
#define HX_CLIENT_TOOL_SERVE_H

#include "base/buf.h"
#include "client/files/share.h"
#include "client/forward/allow.h"
#include "client/forward/reverse.h"
#include "client/forward/udp_target.h"
#include "client/mux/mux.h"
#include "client/run/run.h"
#include "client/tool/visit.h"
#include <ev.h>
#include <stdatomic.h>

struct serve_config { /* shared by all peers */
    bool echo;
    atomic_flag *pipe;           /* standard input and output are for the one who sets it; NULL: for nobody */
    const struct allow *allow;   /* the targets of CONNECT; NULL: none */
    const struct share *share;   /* NULL: no files */
    const struct permit *permit; /* where peers may listen; NULL: nowhere */
    const struct visit_host *visits; /* of hx send; NULL: none are received */
    struct run_offer *run;           /* NULL: no command */
    int udp_timeout_s;
    const struct buf *targets; /* what client/tool/info.h says of `allow` and `permit`; NULL: nothing */
};

struct serve { /* one peer's */
    struct ev_loop *loop;
    const struct serve_config *config;
    const char *who;          /* for the log */
    struct hx_stream *stream; /* the link's */
    /* The pipe that this peer got is over. As relay_config.done(). */
    void (*pipe_done)(void *user, int error, int system);
    void *user;
    struct share_peer files; /* of serve_init(), and the next four, but for run.label, files.key */
    struct reverse reverse;
    struct visit visit;
    struct run_peer run;
    struct udp_targets udp;
};

/* Of `s` whose fields are set. */
void serve_init(struct serve *s);
/* Answers a request; owns `stream` at once. `s` outlives it. */
void serve_request(struct serve *s, struct mux_stream *stream, const struct mux_message *request);
/* The peer's own bytes, back to it. Owns `s` at once, which has been answered. HX_ENOMEM: it does not. */
int echo_start(struct mux_stream *s);
/* Answers GET /info: what this peer may do, and nothing of others. Owns `stream` at once. */
void serve_info(const struct serve *s, struct mux_stream *stream);

#endif
