/* client/tool/reach.h: how others are reached, as the command line says, and what is told if they are not. */
#ifndef HX_CLIENT_TOOL_REACH_H
#define HX_CLIENT_TOOL_REACH_H

#include "client/hx.h"
#include "client/tool/args.h"

/* What all commands have alike; strings are those of `args`. */
struct hx_config reach_config(const struct args *args);
/* hx_bind() and the like have failed for `name`: tells why, and returns the exit status. */
int reach_failed(int error, const char *name, const struct hx_config *config);

#endif
