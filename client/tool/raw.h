/* client/tool/raw.h: hx --bare: the raw stream of a punched connection; --insecure: without keys. */
#ifndef HX_CLIENT_TOOL_RAW_H
#define HX_CLIENT_TOOL_RAW_H

#include "client/hx.h"
#include <stdbool.h>

void raw_warn(void); /* on standard error */
/* The first peer that has proven a key, if the listener has any, gets the pipe; with `echo` every one gets
 * its own bytes back. Returns the exit status. */
int raw_serve(struct hx_listener *listener, bool echo);
/* The pipe to a peer, which it closes. Returns the exit status. */
int raw_pipe(struct hx_stream *s);

#endif
