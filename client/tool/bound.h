/* client/tool/bound.h: a name bound as the command line says. */
#ifndef HX_CLIENT_TOOL_BOUND_H
#define HX_CLIENT_TOOL_BOUND_H

#include "client/tool/args.h"

/* Binds `name`; `keys`: as hx_config.keys. Returns the exit status; what failed was told. */
int bound_open(struct hx_listener **out, const struct args *args, const char *name, const char *keys);

#endif
