/* client/tool/args_code.h: inside of client/tool/args.h: what hx send and hx recv take. ARGS_USAGE as
 * args_parse(); else what it was called for. */
#ifndef HX_CLIENT_TOOL_ARGS_CODE_H
#define HX_CLIENT_TOOL_ARGS_CODE_H

#include "client/tool/args.h"

/* --count or --expire; ARGS_BIND stands for "go on". */
enum args_result args_code_option(struct args *a, int option, const char *value, char error[ARGS_ERROR_MAX]);
enum args_result args_code_operands(struct args *a, char **words, int count, char error[ARGS_ERROR_MAX]);
/* The key that follows from the code of hx recv, once: the code is wiped, which others could see in the list of
 * processes until now. HX_ENOMEM. */
int args_code_key(const struct args *a, char key[HX_KEY_TEXT_MAX]);

#endif
