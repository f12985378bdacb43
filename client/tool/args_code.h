/* client/tool/args_code.h: the code of hx recv. */
#ifndef HX_CLIENT_TOOL_ARGS_CODE_H
#define HX_CLIENT_TOOL_ARGS_CODE_H

#include "client/tool/args.h"

/* The key that follows from the code of hx recv, once: the code is wiped, which others could see in the list
 * of processes until now. HX_ENOMEM. */
int args_code_key(const struct args *a, char key[HX_KEY_TEXT_MAX]);

#endif
