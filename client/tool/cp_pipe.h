/* client/tool/cp_pipe.h: what stands for standard input or output of hx cp: a device, a FIFO, <(COMMAND). */
#ifndef HX_CLIENT_TOOL_CP_PIPE_H
#define HX_CLIENT_TOOL_CP_PIPE_H

#include "client/tool/args.h"
#include <stdbool.h>

/* args->pipe, if there is one, is standard input or output from then on; waits until a FIFO has somebody at
 * its other end. False: it cannot be opened, which was told, or a signal has come. */
bool cp_pipe_open(const struct args *args);

#endif
