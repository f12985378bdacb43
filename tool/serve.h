/* tool/serve.h: what hx bind does for a peer that has the key. One serve per link, all on the link's thread.
 *
 * The requests inside a punched connection, HTTP/2 (RFC 9113), scheme "hx":
 *
 *   POST /pipe              200, then both bodies are the pipe; 409 if another peer has it, 404 if there is
 * none POST /echo              200, then the request's body comes back (hx bind --echo, else 404) CONNECT
 * host:port       200, then both bodies are the TCP connection; 403 not allowed, 502 failed, 504 in time
 *   GET|HEAD|PUT|... /files/PATH   tool/share.h */
#ifndef HX_TOOL_SERVE_H
#define HX_TOOL_SERVE_H

#include "mux/mux.h"
#include "tool/allow.h"
#include "tool/share.h"
#include <ev.h>

struct serve_config { /* shared by all peers, does not change while they live */
    bool echo, pipe;
    const struct allow *allow; /* the targets of CONNECT */
    const struct share *share; /* NULL: no files */
};

#endif
