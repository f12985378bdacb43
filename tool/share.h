/* tool/share.h: the directory that hx bind --share DIR offers, and the requests about its files. */
#ifndef HX_TOOL_SHARE_H
#define HX_TOOL_SHARE_H

#include "mux/mux.h"
#include <ev.h>

struct share;

/* "DIR", "DIR:ro" or "DIR:rw". HX_ESYS (errno): no such directory; HX_EINVAL, HX_ENOMEM. */
int share_open(struct share **out, const char *spec);
void share_close(struct share *s);
/* Answers a request whose :path begins with /files/ . Owns `s` at once. */
void share_request(struct ev_loop *loop, const struct share *share, struct mux_stream *s,
                   const struct mux_message *request);

#endif
