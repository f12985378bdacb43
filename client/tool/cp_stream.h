/* client/tool/cp_stream.h: hx cp with '-': standard input to a file of the peer, or such a file to standard
 * output. Bytes pass as they come, and are verified as a whole: a file gets its name only then, and what
 * went to standard output is told to be wrong. Neither can be taken up again. */
#ifndef HX_CLIENT_TOOL_CP_STREAM_H
#define HX_CLIENT_TOOL_CP_STREAM_H

#include "client/tool/args.h"

/* Return the exit status. */
int cp_from_stdin(const struct args *args);
int cp_to_stdout(const struct args *args);

#endif
