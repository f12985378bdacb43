/* client/tool/raw.h: hx --bare: the raw stream of a punched connection; --insecure: without keys. */
#ifndef HX_CLIENT_TOOL_RAW_H
#define HX_CLIENT_TOOL_RAW_H

#include "client/hx.h"
#include "client/tool/args.h"
#include <stdbool.h>

/* *keys: as hx_config.keys, to be given to keyfile_wipe(); NULL with --insecure, which is warned of. False:
 * there are none, which was told. */
bool raw_keys(const struct args *args, char **keys);
/* The first peer that has proven a key, if the listener has any, gets the pipe; with `echo` every one gets
 * its own bytes back. Returns the exit status. */
int raw_serve(struct hx_listener *listener, bool echo);
/* The pipe to a peer, which it closes. Returns the exit status. */
int raw_pipe(struct hx_stream *s);

#endif
